"""C5 and C6: what happens inside a run when images are added, relative to growing without guidance at equal seed and scale.

C5: the loss jumps, while accuracy on monitor rises until the next addition. The loss is of un-mixed images: that of the training
intervals around the addition; where the recipe mixes (Mixup, CutMix), the probe's: mean over the set with the addition minus over the
set without, by the learner of that moment. C6: hardness moves. The whole added batch is classified wrongly less often before it comes
(by the learner of the addition before) and after (by that of the next one) than when it comes. Not used: the paper's curve of those
misclassified when added, which is 100 % at inclusion by construction.

A run gives the mean over its additions but the initial set, a seed the mean over the scales that every seed has.
"""

from dataclasses import replace

import numpy as np

from results.claims.claim import POINTS, Finding, Question
from results.claims.pairs import Pool, over_scales
from results.reading import history

JUMP, RISE = "jump of the loss, minus that of ω = 0", "monitor from one addition to the next"
BEFORE, AFTER = "error before − at, minus that of ω = 0", "error after − at, minus that of ω = 0"
NATS = ("nats", 1, "+.3f")
ARMS = (("dp", {}), ("dp", {"omega": 0.0}))
PROBE = {"probe": "hardness"}


def dynamics(comparison):
    pool = pool_of(comparison)
    measured = measure(pool, loss_jump)
    rises = measure(pool, monitor_rise, sides="a")
    return [
        *finding(
            JUMP, pool, measured, NATS, 1, "the recipe mixes images: the loss is the probe's, and needs probe=hardness"
        ),
        *finding(RISE, pool, rises, POINTS, 1, "no interval of training after an addition"),
    ]


def hardness(comparison):
    pool, found = pool_of(comparison), []
    for half, when in ((BEFORE, "before"), (AFTER, "after")):
        measured = measure(pool, lambda row, when=when: hardness_move(row, when))
        found += finding(half, pool, measured, POINTS, -1, "needs probe=hardness")
    return found


def pool_of(comparison):
    return Pool(comparison.arm("dp"), comparison.arm("dp", omega=0))


def finding(half, pool, measured, unit, sign, lacking):
    """[Finding] on [R, S] differences whose mean should have the ``sign``; [] without runs, not run where nothing was measured."""
    if not pool:
        return []
    if not pool.waiting and np.isnan(measured).any():
        return [Finding(half, None, "not run", "", lacking, words=PROBE)]
    one = over_scales(half, pool, () if pool.waiting else measured.mean(axis=1), unit)
    word = {"confirmed": "refuted", "refuted": "confirmed"}.get(one.verdict, one.verdict) if sign < 0 else one.verdict
    return [replace(one, verdict=word)]


def measure(pool, function, sides="ab"):
    """[R, S]: a number per run with guidance, minus its partner's without where both ``sides`` are asked for; nan where it was not measured."""
    if not pool or pool.waiting:
        return np.full((0, 0), np.nan)
    rows = pool.both.to_dict("records")
    per_run = [
        [function({"folder": row[f"folder_{side}"], "values": row[f"values_{side}"]}) for side in sides] for row in rows
    ]
    values = [one[0] - one[1] if len(one) == 2 else one[0] for one in per_run]
    return np.array(values, dtype=float).reshape(len(pool.replicates), len(pool.scales))


def mean(values):
    return float(np.mean(values)) if len(values) else np.nan


def loss_jump(row):
    """Nats: loss after an addition minus before, mean over a run's additions but the first."""
    if row["values"]["train.mixup"] or row["values"]["train.cutmix"]:
        return probed_jump(row)
    intervals, jumps = history.intervals(row["folder"]), []
    for call in history.additions(row["folder"])["call"][1:]:
        before = intervals[intervals["call"] < call]
        after = intervals[(intervals["call"] > call) & ~intervals["cooldown"]]
        if len(before) and len(after):
            jumps.append(after["loss"].iloc[0] - before["loss"].iloc[-1])
    return mean(jumps)


def probed_jump(row):
    """The same from the probe: loss over the set with the addition minus loss over the set without, by the learner when it came."""
    probe, images = history.hardness(row["folder"]), history.additions(row["folder"])["images"]
    jumps = []
    for addition in range(1, int(probe["addition"].max()) + 1 if len(probe) else 0):
        then = probe[(probe["at"] == addition) & (probe["addition"] <= addition)].sort_values("addition")
        loss, weights = then["loss"].to_numpy(), images[then["addition"]].to_numpy()
        jumps.append(np.average(loss, weights=weights) - np.average(loss[:-1], weights=weights[:-1]))
    return mean(jumps)


def monitor_rise(row):
    """Fraction: accuracy on monitor at the next addition (of the last: at the end of the stable phase) minus at the addition, mean over a run's."""
    intervals, additions = history.intervals(row["folder"]), history.additions(row["folder"])
    calls, rises = [*additions["call"], np.inf], []
    for call, following in zip(calls[1:], calls[2:]):
        before = intervals[intervals["call"] < call]
        until = intervals[(intervals["call"] > call) & (intervals["call"] < following) & ~intervals["cooldown"]]
        if len(before) and len(until):
            rises.append(until["monitor"].iloc[-1] - before["monitor"].iloc[-1])
    return mean(rises)


def hardness_move(row, when):
    """Fraction: error of an added batch ``when`` (before or after) minus when it came, mean over a run's additions but the first."""
    probe = history.hardness(row["folder"])
    later = probe[probe["addition"] > 0].set_index("addition")
    errors = {word: later.loc[later["when"] == word, "error"] for word in (when, "at")}
    return mean((errors[when] - errors["at"]).dropna())


C5 = Question(
    "C5",
    "the loss jumps at additions while held-out accuracy rises",
    "Loss on un-mixed images, the interval after an addition minus the one before, minus the same of ω = 0 at equal seed and scale; mean "
    "over additions and scales, one number per seed. Accuracy on monitor at the next addition (of the last: at the end of the stable "
    "phase) minus at the addition. Confirmed: 95 % t-intervals of both above zero. Refuted: either below.",
    {JUMP: ARMS, RISE: ARMS},
    lambda: "curves without numbers",
    dynamics,
)
C6 = Question(
    "C6",
    "hardness moves: the added batch is hardest when it is added",
    "Error on the whole added batch before it came minus when it came, and after minus when, each minus the same of ω = 0 at equal seed "
    "and scale; mean over additions and scales, one number per seed. Confirmed: 95 % t-intervals of both below zero. Refuted: either above.",
    {BEFORE: ARMS, AFTER: ARMS},
    lambda: "curves without numbers, of the images misclassified when added",
    hardness,
    PROBE,
)
