"""C6: hardness moves with the learner.

The whole added batch is classified wrongly more often by the learner that guided it than by the learner of another seed
at the same addition, and that gap is smaller at the next addition, when the batch was trained on. (Images that are
optimised against a learner and then trained on are hardest in between by construction; for another learner, of the same
stage, they are not.) ``python -m benchmarks.cross_probe`` asks the other learner, in runs with ``probe=hardness``.
"""

from shlex import quote

import numpy as np
import pandas as pd

from results.analysis.comparisons import replicates
from results.analysis.contrasts import common_scales, named_scales
from results.analysis.stats import over_seeds
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import POINTS, Arm, Claim, Finding
from results.claims.judging.inside_runs import NEEDS, PROBE, probed
from results.claims.judging.rules import by_estimate, unfinished
from results.claims.judging.sweeps import places_to_run
from results.reading import cross_probe

OWN, CLOSES = "error by the guiding learner − by another seed's", "that gap when added − at the next addition"
DP: Arm = ("dp", {})


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding on the gap, and one on its closing, of the runs with the probe; both wait for these, and for the other
    learners.
    """
    every = selection.arm("dp")
    runs = probed(every)
    if not len(runs):
        return [Finding(half, None, "not run", "", NEEDS, lacking=PROBE) for half in (OWN, CLOSES) if len(every)]
    if (runs["state"] != "done").any():
        n, lost = len(replicates(runs)), len(replicates(runs[runs["state"] != "done"]))
        return [unfinished(half, f"—({n - lost}/{n})", n, runs["scale"].unique()) for half in (OWN, CLOSES)]
    crossed = pd.concat([cross_probe.read(root) for root in selection.roots or (selection.root,)])
    crossed = gaps(crossed.drop_duplicates(["run_id", "addition", "at"])).reindex(runs["run_id"])
    if crossed.isna().any(axis=None):
        places = [f" root={quote(place)}" for place in places_to_run(selection.root)]
        command = f"python -m benchmarks.cross_probe{''.join(places)}"
        why = "the learners of other seeds were not asked"
        return [Finding(half, None, "not run", "", why, command=command) for half in (OWN, CLOSES)]
    return [of_gaps(half, runs.assign(gap=crossed[half].to_numpy()), selection) for half in (OWN, CLOSES)]


def gaps(crossed: pd.DataFrame) -> pd.DataFrame:
    """Indexed by run: OWN and CLOSES, fractions, mean over a run's additions but the initial set."""
    later = crossed[crossed["addition"] > 0]
    gap = (later["own"] - later["others"]).astype(float)
    moment = (later["at"] - later["addition"]).map({0: "at", 1: "after"})
    wide = later.assign(gap=gap, moment=moment).dropna(subset=["moment"])
    wide = wide.pivot_table(index=["run_id", "addition"], columns="moment", values="gap")
    wide = wide.reindex(columns=["at", "after"])
    means = pd.DataFrame({OWN: wide["at"], CLOSES: wide["at"] - wide["after"]}).groupby("run_id").mean()
    return means


def of_gaps(half: str, runs: pd.DataFrame, selection: ArmSelection) -> Finding:
    """The finding on one number per run, ``gap``: mean over scales per seed, above zero."""
    have = {int(str(scale)): replicates(part) for scale, part in runs.groupby("scale")}
    members, scales = named_scales(have, selection.scales) if selection.scales else common_scales(have)
    inside = [(seed, split) in members for seed, split in zip(runs["seed"], runs["data.split"])]
    pooled = runs[np.array(inside) & runs["scale"].isin(scales)].groupby(["seed", "data.split"])["gap"].mean()
    finding = by_estimate(half, over_seeds(pooled), POINTS, selection.looks)
    return finding.with_scales(scales)


CLAIM = Claim(
    "C6",
    "hardness moves with the learner: an added batch is hard for the learner that guided it",
    "Error on an added batch of the learner that guided it, minus that of another seed's learner at the same addition; "
    "and this gap minus itself at the next addition. Mean over additions and scales, one number per seed. Confirmed: "
    "95 % t-intervals of both above zero. Refuted: either below.",
    {OWN: (DP,), CLOSES: (DP,)},
    lambda: "curves without numbers, of the images misclassified when added",
    judge,
    keys=PROBE,
)
