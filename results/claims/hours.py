"""C4: at equal price guided generation makes fewer errors than oversample-and-prune.

Per seed the curves of ln(error) in the teacher's world over the logarithm of hours are read, between their scales, at
three prices: a quarter, a half and three quarters of the way, in logarithms, through the range of hours that all curves
of both arms span. So no curve is censored, and the prices follow from what was run, not from what came out. On the
mixture teacher plain images are nearly free: there only re-priced hours say anything.
"""

from dataclasses import replace
from shlex import quote

import numpy as np
import pandas as pd

from dp_common.progress import amount_text
from results.analysis.comparisons import total_hours
from results.analysis.contrasts import POPULATION, PairedRuns, contrast
from results.analysis.cost_to_target import accuracy_at
from results.analysis.effects import share_of_errors
from results.analysis.repricing import kind_of, priced, teacher_of
from results.claims.judging import claim
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import as_shown, not_yet, of_values

HALF = "dp − prune at equal hours"
PRICES = "digits-unet"  # of a teacher in the project whose network is what costs
PLACES = (0.25, 0.5, 0.75)  # of the prices, within the logarithm of the range


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per device name, or per device of the prices."""
    runs = pd.concat([selection.arm("dp").assign(arm="dp"), selection.arm("prune").assign(arm="prune")])
    done = runs[runs["state"] == "done"]
    if runs["arm"].nunique() < 2 or not len(done):
        return []
    if selection.group.core["teacher"] == "mixture":
        return repriced(runs, selection)
    return [
        finding
        for device in sorted(done["device"].unique())
        if device != "mixed"
        for finding in cheaper(runs[(runs["state"] != "done") | (runs["device"] == device)], selection, f" on {device}")
    ]


def undecided(why: str, command: str = "") -> list[Finding]:
    """A finding without an effect."""
    return [Finding(HALF, None, "undecided", "", why, command=command)]


def repriced(runs: pd.DataFrame, selection: ArmSelection) -> list[Finding]:
    """The finding at prices measured elsewhere."""
    prices = selection.prices
    if prices is None:
        command = f"python -m benchmarks.claims root={quote(str(selection.root))} prices={PRICES}"
        return undecided("on the mixture teacher only re-priced hours count", command)
    if teacher_of({"teacher": "mixture"}, prices) == "mixture":
        return undecided(f"{prices.name} prices the mixture itself; it takes a teacher whose network costs")
    new = priced(runs, prices)
    reasons = new["repriced_why"].dropna().unique()
    return undecided("; ".join(sorted(reasons))) if len(reasons) else cheaper(new, selection, f", {prices.label}")


def cheaper(runs: pd.DataFrame, selection: ArmSelection, where: str) -> list[Finding]:
    """The finding of runs whose hours are comparable; ``where`` they are of, as the end of a sentence."""
    dp, prune = (runs[runs["arm"] == arm] for arm in ("dp", "prune"))
    pool = PairedRuns(dp, prune, selection.scales)
    early = not_yet(HALF, pool, POPULATION)
    if early is not None:
        return early
    if len(pool.scales) < 2:
        return undecided("curves need two scales or more")
    sides = [(hours_of(pool, side), logs_of(pool, side)) for side in "ab"]
    costs = [hours for hours, _ in sides]
    if not all(np.isfinite(hours).all() and (hours > 0).all() for hours in costs):
        return undecided(f"hours of some runs are not known{where}")
    low, high = max(hours[:, 0].max() for hours in costs), min(hours.max(axis=1).min() for hours in costs)
    if not low < high:
        return undecided(f"the curves of both arms have no price in common{where}")
    prices = [low * (high / low) ** place for place in PLACES]
    read = [
        np.array([[accuracy_at(*curve, price) for price in prices] for curve in zip(hours, logs)])
        for hours, logs in sides
    ]
    gains = (read[1] - read[0]).mean(axis=1)
    finding = of_values(HALF, pool, gains, claim.LOG_ERROR, selection)
    kind = kind_of(str(runs["device"].dropna().iloc[0]))
    at = f"at {', '.join(map(amount_text, prices))} {kind}{where}"
    return [replace(finding, effect=f"{finding.effect} {at}"), *at_equal_images(pool)]


def hours_of(pool: PairedRuns, side: str) -> np.ndarray:
    """[n, S] device hours of the runs of one side."""
    return total_hours(pd.DataFrame(pool.side(side))).to_numpy(float).reshape(len(pool.replicates), len(pool.scales))


def logs_of(pool: PairedRuns, side: str) -> np.ndarray:
    """[n, S] of ln(error) in the teacher's world."""
    return np.log(share_of_errors(1 - pool.values(f"population_{side}"), pool.values(f"population_images_{side}")))


def at_equal_images(pool: PairedRuns) -> list[Finding]:
    """What the arms differ by at equal images kept, shown: there pruning looks free."""
    one = contrast(pool, POPULATION)
    assert one is not None
    return [as_shown("dp − prune at equal images kept", one, None)]


CLAIM = Claim(
    "C4",
    "at equal hours guided generation makes fewer errors than oversample-and-prune",
    "Log error ratio of prune over dp in the teacher's world at equal hours: curves read per seed, in logarithms, at a "
    "quarter, a half and three quarters of the range of hours that all of them span; mean over the three. On the "
    "mixture teacher only re-priced. Confirmed: 95 % t-interval above zero. Refuted: below.",
    {HALF: (("prune", {}), ("dp", {}))},
    lambda: "a guided image costs 1.82 plain ones on an H100; of hours at equal accuracy a curve without numbers",
    judge,
    fewest=3,
)
