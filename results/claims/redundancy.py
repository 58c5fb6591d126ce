"""D6: does redundancy predict the gain?

Redundancy of an addition is the share of it that the learner gets right when it comes. Per seed and scale, over the
values of ω that were run, the correlation of a run's mean redundancy with its −ln(error) in the teacher's world.
"""

import numpy as np
import pandas as pd

from results.analysis.comparisons import UNIT, replicates
from results.analysis.effects import share_of_errors
from results.analysis.stats import over_seeds
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Arm, Claim, Finding, Unit
from results.claims.judging.inside_runs import NEEDS, PROBE, probed
from results.claims.judging.rules import NOT_MEASURED, by_estimate, unfinished
from results.claims.judging.words import unpublished
from results.frames import records
from results.reading import history

HALF = "correlation of redundancy with gain, turned round"
CORRELATION = Unit("correlation", 1, "+.2f")
OMEGAS = (0.0, 0.05, 0.1, 0.2)
LEAST = 3  # values of ω
ARMS: tuple[Arm, ...] = tuple(("dp", {"omega": omega}) for omega in OMEGAS)


def judge(selection: ArmSelection) -> list[Finding]:
    """One finding, over the scales and seeds with the probe at three values of ω or more."""
    every = at_least(selection.curve("dp", "omega"))
    runs = at_least(probed(every))
    if not len(runs):
        return [Finding(HALF, None, "not run", "", NEEDS, lacking=PROBE)] if len(every) else []
    if (runs["state"] != "done").any():
        n, lost = len(replicates(runs)), len(replicates(runs[runs["state"] != "done"]))
        return [unfinished(HALF, f"—({n - lost}/{n})", n, runs["scale"].unique())]
    if "population" not in runs or runs["population"].isna().any():
        return [Finding(HALF, None, "not run", "", NOT_MEASURED.format("population"))]
    redundant = [redundancy(run) for run in records(runs[["folder"]])]
    wrong = share_of_errors(1 - runs["population"].to_numpy(float), runs["population_images"].to_numpy(float))
    measured = runs.assign(redundant=redundant, gain=-np.log(wrong))
    by_seed = [
        -np.mean([correlation(part) for _, part in of_seed.groupby("scale")]) for _, of_seed in measured.groupby(UNIT)
    ]
    finding = by_estimate(HALF, over_seeds(np.array(by_seed)[~np.isnan(by_seed)]), CORRELATION, selection.looks)
    return [finding.with_scales(runs["scale"].unique())]


def at_least(runs: pd.DataFrame) -> pd.DataFrame:
    """Those at scales with LEAST values of ω."""
    counts = runs.groupby("scale")["value"].nunique()
    return runs[runs["scale"].isin(counts[counts >= LEAST].index)]


def redundancy(run: dict[str, object]) -> float:
    """Share of an added batch that the learner gets right when it comes, mean over a run's additions but the first;
    nan without the probe.
    """
    probe = history.hardness(str(run["folder"]))
    errors = probe.loc[(probe["addition"] > 0) & (probe["when"] == "at"), "error"]
    return 1 - float(errors.mean()) if len(errors) else np.nan


def correlation(part: pd.DataFrame) -> float:
    """Of one seed and scale, over ω; nan where one of the two does not vary."""
    if len(part) < LEAST or np.ptp(part["redundant"]) == 0 or np.ptp(part["gain"]) == 0:
        return np.nan
    return float(np.corrcoef(part["redundant"], part["gain"])[0, 1])


CLAIM = Claim(
    "D6",
    "redundant additions gain less",
    "Per seed, minus the correlation over ω of a run's mean redundancy (share of an addition that the learner gets "
    "right when it comes) with −ln(error) in the teacher's world, mean over scales. Confirmed: 95 % t-interval above "
    "zero. Refuted: below.",
    {HALF: ARMS},
    unpublished,
    judge,
    keys=PROBE,
    ablation=True,
)
