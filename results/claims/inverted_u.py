"""C3: an inverted U, in the guidance weight ω and in the oversampling ratio of pruning.

Per seed a parabola through −ln(error) in the teacher's world, over the logarithm of the knob (ω = 0, which has none, is
left out), mean over scales. Confirmed: curved downwards, with the vertex of the mean parabola inside the grid, and the
value with fewest errors too (a curve that flattens is bent downwards without ever falling). Refuted: curved upwards.
Where either is at an end or beyond, the grid is too short to say: extend it.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from results.analysis.comparisons import UNIT, replicates
from results.analysis.contrasts import POPULATION, common_scales, named_scales
from results.analysis.effects import share_of_errors
from results.analysis.stats import over_seeds
from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import LOG_ERROR, SHOWN, Claim, Finding, Unit, effect_text
from results.claims.judging.rules import NOT_MEASURED, by_estimate
from results.claims.judging.rules import unfinished as waiting

CURVES: dict[str, tuple[str, str, tuple[float, ...]]] = {
    "ω": ("dp", "omega", (0.025, 0.05, 0.1, 0.2, 0.4)),
    "oversampling": ("prune", "oversample", (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)),
}
LEAST = 3  # values of a curve
BEND = Unit("log error per squared doubling", 1, "+.3f")


class Curves(NamedTuple):
    """Gains −ln(error) of one knob: ``gains`` [n, S, V] by replicate, scale and value of ``knob`` [V]."""

    knob: np.ndarray
    scales: list[int]
    gains: np.ndarray


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per curve that was run."""
    findings = []
    for half, (strategy, name, _) in CURVES.items():
        runs = selection.curve(strategy, name)
        runs = runs[runs["value"].astype(float) > 0]
        counts = runs.groupby("scale")["value"].nunique()
        if len(counts) and counts.max() >= LEAST:
            findings += of_curve(half, runs[runs["scale"].isin(counts[counts >= LEAST].index)], selection)
    return findings


def of_curve(half: str, runs: pd.DataFrame, selection: ArmSelection) -> list[Finding]:
    """The finding on one knob; beside it, was the fall beyond the best value seen?"""
    unfinished = runs["state"] != "done"
    if unfinished.any():
        units, lost = replicates(runs), replicates(runs[unfinished])
        return [waiting(half, f"—({len(units) - len(lost)}/{len(units)})", len(units), sorted(runs["scale"].unique()))]
    if "population" not in runs or runs["population"].isna().any():
        return [Finding(half, None, "not run", "", NOT_MEASURED.format(POPULATION))]
    curves = curves_of(runs[runs["scale_reached"].astype(bool)], selection)
    if curves is None:
        return [Finding(half, None, "undecided", "", "no seed has the whole curve")]
    bends, slopes = parabolas(curves)
    finding = by_estimate(half, over_seeds(-bends), BEND, selection.looks)
    vertex = float(-slopes.mean() / (2 * bends.mean()))
    at = f"best at {2**vertex:.3g} of {curves.knob.min():g} to {curves.knob.max():g}"
    finding = replace(finding, effect=f"{finding.effect}, {at}").with_scales(curves.scales)
    inside = np.log2(curves.knob.min()) < vertex < np.log2(curves.knob.max())
    inside = inside and 0 < best_of(curves) < len(curves.knob) - 1
    if finding.verdict == "confirmed" and not inside:
        finding = replace(finding, verdict="undecided", why="best at an end of the grid: extend the grid", design=None)
    return [finding, fall(half, curves)]


def best_of(curves: Curves) -> int:
    """The place in ``curves.knob`` of the value with fewest errors, mean over scales and replicates of −ln(error)."""
    return int(curves.gains.mean(axis=(0, 1)).argmax())


def fall(half: str, curves: Curves) -> Finding:
    """What is shown beside the bend: from the value with fewest errors on average to the last one."""
    gains = curves.gains.mean(axis=1)  # [n, V]
    best = best_of(curves)
    top, end = curves.knob[best], curves.knob[-1]
    if best == len(curves.knob) - 1:
        return Finding(half, None, SHOWN, f"fewest errors at the last value, {end:g}: no fall was seen")
    interval = over_seeds(gains[:, -1] - gains[:, best]).interval()
    text = f"from {top:g}, which has fewest errors, to {end:g} {effect_text(interval, LOG_ERROR)}"
    return Finding(half, None, SHOWN, text, "", interval, unit=LOG_ERROR.name)


def curves_of(runs: pd.DataFrame, selection: ArmSelection) -> Curves | None:
    """The values that every scale has, by the replicates that have them all; None where none has three."""
    by_scale = {int(str(scale)): part for scale, part in runs.groupby("scale")}
    shared = set.intersection(*(set(part["value"]) for part in by_scale.values())) if by_scale else set()
    if len(shared) < LEAST:
        most = max(by_scale, key=lambda scale: (by_scale[scale]["value"].nunique(), scale), default=None)
        by_scale = {scale: part for scale, part in by_scale.items() if scale == most}
        shared = set(by_scale[most]["value"]) if most is not None else set()
    have = {
        scale: set.intersection(*(replicates(part[part["value"] == value]) for value in shared))
        for scale, part in by_scale.items()
    }
    named = [scale for scale in selection.scales if scale in have]
    members, scales = named_scales(have, named) if named else common_scales(have)
    if not members or len(shared) < LEAST:
        return None
    places = pd.MultiIndex.from_product([members, scales, sorted(shared)])
    keys = [[(row[0], row[1]), int(row[2]), row[3]] for row in runs[[*UNIT, "scale", "value"]].itertuples(index=False)]
    wrong = share_of_errors(1 - runs["population"].to_numpy(float), runs["population_images"].to_numpy(float))
    gains = pd.Series(-np.log(wrong), index=pd.MultiIndex.from_tuples(map(tuple, keys))).loc[places]
    shape = (len(members), len(scales), len(shared))
    return Curves(np.array(sorted(shared), float), scales, gains.to_numpy().reshape(shape))


def parabolas(curves: Curves) -> tuple[np.ndarray, np.ndarray]:
    """(bend, slope) [n] of gain = bend·x² + slope·x + …, x = log2(knob), by least squares, mean over scales."""
    x = np.log2(curves.knob)
    fits = np.linalg.pinv(np.stack([x**2, x, np.ones_like(x)], axis=1))  # [3, V]
    of_scales = curves.gains @ fits.T
    return of_scales[..., 0].mean(axis=1), of_scales[..., 1].mean(axis=1)


CLAIM = Claim(
    "C3",
    "inverted U in ω and in the oversampling ratio",
    "Per seed a parabola through −ln(error) in the teacher's world over log2 of the knob (above 0), mean over scales. "
    "Confirmed: 95 % t-interval of the bend on the side of a maximum, and both the vertex of the mean parabola and the "
    "value with fewest errors inside the grid, in both curves. Refuted: bent the other way, in either. Best at an end: "
    "extend the grid.",
    {half: tuple((strategy, {name: value}) for value in values) for half, (strategy, name, values) in CURVES.items()},
    paper.omegas,
    judge,
    ablation=True,
)
