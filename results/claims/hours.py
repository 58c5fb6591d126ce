"""C4: at equal price guided generation makes fewer errors than oversample-and-prune.

Per seed the curves of ln(error) in the teacher's world over the logarithm of hours are read, between their scales, at
three prices: a quarter, a half and three quarters of the way, in logarithms, through the range of hours that all curves
of both arms span. So no curve is censored, and the prices follow from what was run, not from what came out. Each arm is
read over its own scales: at equal price pruning is at fewer images. Where prices are given hours are re-priced; on the
mixture teacher, whose plain images are nearly free, only such say anything.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from shlex import quote
from typing import NamedTuple

import numpy as np
import pandas as pd

from dp_common.progress import amount_text
from results.analysis.comparisons import UNIT, by_scale, replicates, total_hours
from results.analysis.contrasts import POPULATION, PairedRuns, common_scales, contrast
from results.analysis.cost_to_target import accuracy_at
from results.analysis.effects import share_of_errors
from results.analysis.repricing import kind_of, priced, teacher_of
from results.analysis.stats import over_seeds
from results.claims.judging import claim
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import as_shown, by_estimate, not_yet, unfinished

HALF = "dp − prune at equal hours"
PRICES = "digits-unet"  # of a teacher in the project whose network is what costs
PLACES = (0.25, 0.5, 0.75)  # of the prices, within the logarithm of the range


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per device name, or per device of the prices."""
    runs = pd.concat([selection.arm("dp").assign(arm="dp"), selection.arm("prune").assign(arm="prune")])
    done = runs[runs["state"] == "done"]
    if runs["arm"].nunique() < 2 or not len(done):
        return []
    if selection.prices is not None or selection.group.core["teacher"] == "mixture":
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


def at_prices(selection: ArmSelection) -> str:
    """The command that judges by the prices of a network."""
    roots = " ".join(f"root={quote(str(root))}" for root in selection.roots or (selection.root,))
    return f"python -m benchmarks.claims {roots} prices={PRICES}"


def repriced(runs: pd.DataFrame, selection: ArmSelection) -> list[Finding]:
    """The finding at prices measured elsewhere."""
    prices = selection.prices
    if prices is None:
        return undecided("on the mixture teacher only re-priced hours count", at_prices(selection))
    if teacher_of({"teacher": selection.group.core["teacher"]}, prices) == "mixture":
        why = f"{prices.name} prices the mixture itself; it takes a teacher whose network costs"
        return undecided(why, at_prices(selection))
    new = priced(runs, prices)
    reasons = new["repriced_why"].dropna().unique()
    return undecided("; ".join(sorted(reasons))) if len(reasons) else cheaper(new, selection, f", {prices.label}")


def cheaper(runs: pd.DataFrame, selection: ArmSelection, where: str) -> list[Finding]:
    """The finding of runs whose hours are comparable; ``where`` they are of, as the end of a sentence."""
    dp, prune = (runs[runs["arm"] == arm] for arm in ("dp", "prune"))
    pool = PairedRuns(dp, prune, selection.scales)
    early = not_yet(HALF, pool, POPULATION) if pool else None
    if early is not None:
        return early
    members, curves = curves_of([dp, prune], selection.scales)
    if any(len(curve.scales) < 2 for curve in curves) or not members:
        return undecided("curves need two scales or more")
    scales = sorted({scale for curve in curves for scale in curve.scales})
    if any((curve.states != "done").any() for curve in curves):
        lost = int(np.any([(curve.states != "done").any(axis=1) for curve in curves], axis=0).sum())
        return [unfinished(HALF, f"—({len(members) - lost}/{len(members)})", len(members), scales)]
    if not all(np.isfinite(curve.hours).all() and (curve.hours > 0).all() for curve in curves):
        return undecided(f"hours of some runs are not known{where}")
    low = max(curve.hours[:, 0].max() for curve in curves)
    high = min(curve.hours.max(axis=1).min() for curve in curves)
    if not low < high:
        return undecided(f"the curves of both arms have no price in common{where}")
    prices = [low * (high / low) ** place for place in PLACES]
    read = [
        np.array(
            [[accuracy_at(hours, logs, price) for price in prices] for hours, logs in zip(curve.hours, curve.logs)]
        )
        for curve in curves
    ]
    estimate = over_seeds((read[1] - read[0]).mean(axis=1))
    finding = by_estimate(HALF, estimate, claim.LOG_ERROR, selection.looks).with_scales(scales)
    kind = kind_of(str(runs["device"].dropna().iloc[0]))
    at = f"at {', '.join(map(amount_text, prices))} {kind}{where}"
    return [replace(finding, effect=f"{finding.effect} {at}"), *at_equal_images(pool)]


class ArmCurves(NamedTuple):
    """The runs of one arm over its ``scales`` [S]: ``states``, ``hours``, and ``logs`` of the error in the teacher's
    world, [n, S] each.
    """

    scales: list[int]
    states: np.ndarray
    hours: np.ndarray
    logs: np.ndarray


def curves_of(arms: Sequence[pd.DataFrame], named: Collection[int]) -> tuple[list[tuple[int, int]], list[ArmCurves]]:
    """The replicates that every arm has at all of its scales, and its curve over them. The scales of an arm are those
    named, else those of most runs (``common_scales``) of replicates that all arms have; not those whose runs ended
    short of them.
    """
    kept = [rows[(rows["state"] != "done") | rows["scale_reached"].eq(True)] for rows in arms]
    shared = set.intersection(*(replicates(rows) for rows in kept))
    found = []
    for rows in kept:
        have = {scale: replicates(part) & shared for scale, part in by_scale(rows) if not named or scale in named}
        found.append(common_scales(have))
    members = sorted(set.intersection(*(set(units) for units, _ in found)))
    return members, [curve_of(rows, members, scales) for rows, (_, scales) in zip(kept, found)]


def curve_of(rows: pd.DataFrame, members: Sequence[tuple[int, int]], scales: list[int]) -> ArmCurves:
    """One arm's curve for each of some replicates."""
    chosen = [unit in members for unit in zip(rows["seed"], rows["data.split"])]
    rows = rows[pd.Series(chosen, index=rows.index, dtype=bool) & rows["scale"].isin(scales)]
    rows = rows.sort_values([*UNIT, "scale"])
    shape = (len(members), len(scales))
    logs = np.log(share_of_errors(1 - rows["population"].to_numpy(float), rows["population_images"].to_numpy(float)))
    hours = total_hours(rows).to_numpy(float)
    return ArmCurves(scales, rows["state"].to_numpy().reshape(shape), hours.reshape(shape), logs.reshape(shape))


def at_equal_images(pool: PairedRuns) -> list[Finding]:
    """What the arms differ by at equal images kept, shown: there pruning looks free; [] where they share no scale."""
    one = contrast(pool, POPULATION)
    return [] if one is None else [as_shown("dp − prune at equal images kept", one, None)]


CLAIM = Claim(
    "C4",
    "at equal hours guided generation makes fewer errors than oversample-and-prune",
    "Log error ratio of prune over dp in the teacher's world at equal hours: curves read per seed, in logarithms, at a "
    "quarter, a half and three quarters of the range of hours that all of them span; mean over the three. Re-priced "
    "where prices are given, on the mixture teacher only so. Confirmed: 95 % t-interval above zero. Refuted: below.",
    {HALF: (("prune", {}), ("dp", {}))},
    lambda: "a guided image costs 1.82 plain ones on an H100; of hours at equal accuracy a curve without numbers",
    judge,
    fewest=3,
)
