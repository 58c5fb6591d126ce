"""C5: the loss jumps at additions, while accuracy on monitor rises until the next addition.

Both minus the same of growing without guidance, for training alone makes accuracy rise, and any new image is harder
than one that was trained on.

The loss is of un-mixed images: that of the training intervals around the addition; where the recipe mixes (Mixup,
CutMix), the probe's: mean over the set with the addition minus over the set without, by the learner of that moment.
"""

from itertools import pairwise

import numpy as np

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import POINTS, Claim, Finding
from results.claims.judging.inside_runs import ARMS, NATS, Run, findings_above, guided_and_not, mean, measured
from results.reading import history

JUMP, RISE = "jump of the loss, minus that of ω = 0", "rise of monitor to the next addition, minus that of ω = 0"


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding on the jump, and one on the rise."""
    pool = guided_and_not(selection)
    jumps, rises = measured(pool, loss_jump), measured(pool, monitor_rise)
    mixed = "the recipe mixes images: the loss is the probe's, and needs probe=hardness"
    return [
        *findings_above(JUMP, pool, jumps, NATS, mixed, selection),
        *findings_above(RISE, pool, rises, POINTS, "no interval of training after an addition", selection),
    ]


def loss_jump(run: Run) -> float:
    """Nats: loss after an addition minus before, mean over a run's additions but the first."""
    if run["values"]["train.mixup"] or run["values"]["train.cutmix"]:
        return probed_jump(run)
    intervals, jumps = history.intervals(run["folder"]), []
    for call in history.additions(run["folder"])["call"][1:]:
        before = intervals[intervals["call"] < call]
        after = intervals[(intervals["call"] > call) & ~intervals["cooldown"]]
        if len(before) and len(after):
            jumps.append(after["loss"].iloc[0] - before["loss"].iloc[-1])
    return mean(jumps)


def probed_jump(run: Run) -> float:
    """The same from the probe: loss over the set with the addition minus loss over the set without, by the learner when
    it came.
    """
    probe, images = history.hardness(run["folder"]), history.additions(run["folder"])["images"]
    jumps = []
    for addition in range(1, int(probe["addition"].max()) + 1 if len(probe) else 0):
        then = probe[(probe["at"] == addition) & (probe["addition"] <= addition)].sort_values("addition")
        loss, weights = then["loss"].to_numpy(), images[then["addition"]].to_numpy()
        jumps.append(np.average(loss, weights=weights) - np.average(loss[:-1], weights=weights[:-1]))
    return mean(jumps)


def monitor_rise(run: Run) -> float:
    """Fraction: accuracy on monitor at the next addition minus at the addition, mean over a run's.

    The last one's next is the end of the stable phase.
    """
    intervals, additions = history.intervals(run["folder"]), history.additions(run["folder"])
    calls, rises = [*additions["call"], np.inf], []
    for call, following in pairwise(calls[1:]):
        before = intervals[intervals["call"] < call]
        until = intervals[(intervals["call"] > call) & (intervals["call"] < following) & ~intervals["cooldown"]]
        if len(before) and len(until):
            rises.append(until["monitor"].iloc[-1] - before["monitor"].iloc[-1])
    return mean(rises)


CLAIM = Claim(
    "C5",
    "the loss jumps at additions while held-out accuracy rises",
    "Loss on un-mixed images, the interval after an addition minus the one before; and accuracy on monitor at the next "
    "addition (of the last: at the end of the stable phase) minus at the addition. Each minus the same of ω = 0 at "
    "equal seed and scale; mean over additions and scales, one number per seed. Confirmed: 95 % t-intervals of both "
    "above zero. Refuted: either below.",
    {JUMP: ARMS, RISE: ARMS},
    lambda: "curves without numbers",
    judge,
)
