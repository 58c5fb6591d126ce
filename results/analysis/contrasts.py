"""One arm against another over scales: an effect per seed, and its estimate in the teacher's world and on real images.

``pooled`` gives the contrast that a verdict rests on, the mean over scales per seed; ``at_scales`` those of single
scales, which explore.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from results.analysis.comparisons import UNIT, Comparison, replicates
from results.analysis.effects import FEW, Components, components, log_error_ratio, share_of_errors, two_way_interval
from results.analysis.stats import Estimate, over_seeds, pairs
from results.frames import records
from results.reading.correctness import column_of, correctness

POPULATION = "population"  # the set of the teacher's own world
LOG_ERROR, POINTS, LOG_ODDS = "log error", "points", "log odds"  # measures; points are fractions here

Replicate = tuple[int, int]  # (seed, split)


@dataclass(frozen=True, eq=False)
class Contrast:
    """One arm against another on one set of images.

    Attributes:
        eval_set: ``population``, ``test`` or a shifted set.
        measure: LOG_ERROR (above zero: fewer errors than the other), LOG_ODDS, or POINTS (fractions).
        scales: [S] pooled.
        replicates: [n] (seed, split).
        values: [n, S], the effect per replicate and scale.
        estimate: of the mean over scales and replicates.
        table: [n, m] of which it is the two-way mean; None where it is over seeds alone.
        unread: pairs without per-image correctness, which real images need; then nothing is known of the spread.
    """

    eval_set: str
    measure: str
    scales: tuple[int, ...]
    replicates: tuple[Replicate, ...]
    values: np.ndarray
    estimate: Estimate
    table: np.ndarray | None = None
    unread: int = 0

    @property
    def by_seed(self) -> np.ndarray:
        """[n]: the mean over scales of each replicate."""
        return self.values.mean(axis=1)

    @property
    def parts(self) -> Components:
        """What the spread is made of; without a table all of it is the seeds'."""
        if self.table is not None and min(self.table.shape) > 1:
            return components(self.table)
        return Components(float(self.by_seed.var(ddof=1)) if len(self.values) > 1 else np.nan, 0.0, 0.0)


class PairedRuns:
    """Pairs over several scales, the same scales for every replicate.

    The scales are those named, else those of the largest table without a hole (``common_scales``); others (two seeds at
    64k, say) are left out, so that no mean over scales is of other scales than the next.

    Attributes:
        replicates: [n] of (seed, split).
        scales: [S].
        both: a row per pair, by replicate and scale.
        waiting: "—(2/5)" while a run of these is unfinished, else "".
    """

    def __init__(self, a: pd.DataFrame, b: pd.DataFrame, scales: Collection[int] = ()) -> None:
        both = pairs(a, b)
        finished = (both["state_a"] == "done") & (both["state_b"] == "done")
        both = both[~finished | both["scale_reached_a"].eq(True) & both["scale_reached_b"].eq(True)]
        have = {int(part["scale"].iloc[0]): replicates(part) for _, part in both.groupby("scale")}
        self.replicates, self.scales = named_scales(have, scales) if scales else common_scales(have)
        members = [unit in self.replicates for unit in zip(both["seed"], both["data.split"])]
        inside = both["scale"].isin(self.scales) & pd.Series(members, index=both.index, dtype=bool)
        self.both = both[inside].sort_values([*UNIT, "scale"])
        unfinished = self.both[(self.both["state_a"] != "done") | (self.both["state_b"] != "done")]
        lost = len(replicates(unfinished))
        self.waiting = f"—({len(self.replicates) - lost}/{len(self.replicates)})" if lost else ""

    def __bool__(self) -> bool:
        return bool(self.replicates)

    def values(self, column: str) -> np.ndarray:
        """[n, S] of a column."""
        return self.both[column].to_numpy(dtype=float).reshape(len(self.replicates), len(self.scales))

    def side(self, side: str) -> list[dict[str, Any]]:
        """The run of one side, ``a`` or ``b``, of every pair, as rows without the suffix."""
        ending = f"_{side}"
        return [
            {key.removesuffix(ending): value for key, value in row.items() if key.endswith(ending)}
            for row in records(self.both)
        ]

    def measured(self, eval_set: str) -> bool:
        """Has every run an accuracy on the set?"""
        columns = [f"{column_of(eval_set)}_{side}" for side in "ab"]
        return all(column in self.both for column in columns) and bool(self.both[columns].notna().all(axis=None))

    def accuracies(self, eval_set: str) -> tuple[np.ndarray, np.ndarray]:
        """[n, S] of each side."""
        return self.values(f"{column_of(eval_set)}_a"), self.values(f"{column_of(eval_set)}_b")

    def flags(self, eval_set: str) -> tuple[np.ndarray, np.ndarray] | int:
        """[n, S, m] bool of each side: which images were right.

        Where some runs kept none, or sets differ in size: how many pairs are without.
        """
        columns = [[f"{name}_{side}" for name in ("folder", column_of(eval_set))] for side in "ab"]
        sides = [[read(pair, eval_set) for pair in self.both[names].itertuples(index=False)] for names in columns]
        unread = sum(a is None or b is None or len(a) != len(b) for a, b in zip(*sides))
        sizes = {len(flags) for side in sides for flags in side if flags is not None}
        if unread or len(sizes) != 1:
            return unread or len(self.both)
        shape = (len(self.replicates), len(self.scales), sizes.pop())
        a, b = (np.stack([flags for flags in side if flags is not None]).reshape(shape) for side in sides)
        return a, b


def read(run: Any, eval_set: str) -> np.ndarray | None:
    """Correctness of a run, given as (folder, accuracy)."""
    return correctness({"folder": run[0], column_of(eval_set): run[1]}, eval_set)


def common_scales(have: dict[int, set[Replicate]]) -> tuple[list[Replicate], list[int]]:
    """The largest table of replicates × scales without a hole: its replicates and scales, both sorted.

    So neither do two seeds at one further scale leave two seeds of all, nor do many more seeds at one scale leave that
    scale alone. Tables of FEW replicates or more go before others; of equal ones that with more replicates.

    ``have``: {scale: its replicates}.
    """
    places = {unit: frozenset(scale for scale in have if unit in have[scale]) for unit in set().union(*have.values())}
    patterns = set(places.values())
    found = [
        (sorted(unit for unit, scales in places.items() if scales >= wanted), sorted(wanted))
        for wanted in {one & other for one in patterns for other in patterns}
        if wanted
    ]
    return max(
        found,
        key=lambda table: (len(table[0]) >= FEW, len(table[0]) * len(table[1]), len(table[0]), table[1]),
        default=([], []),
    )


def named_scales(have: dict[int, set[Replicate]], scales: Collection[int]) -> tuple[list[Replicate], list[int]]:
    """The replicates that have all of these scales, sorted, and the scales; none where no replicate has them all."""
    members = set.intersection(*(have.get(int(scale), set()) for scale in scales))
    return (sorted(members), sorted(map(int, scales))) if members else ([], [])


def contrast(paired: PairedRuns, eval_set: str, measure: str = LOG_ERROR) -> Contrast | None:
    """The contrast of finished pairs on one set; None without pairs, and where a run was not measured on it.

    In the teacher's world it is over seeds, the part of its images being negligible. On real images it is two-way: the
    effect of a seed, and what each image adds to or takes from it.
    """
    if not paired or paired.waiting or not paired.measured(eval_set):
        return None
    a, b = paired.accuracies(eval_set)
    place = eval_set, measure, tuple(paired.scales), tuple(paired.replicates)
    if eval_set == POPULATION:
        effect = effects_of(a, b, paired.values("population_images_a"), measure)
        return Contrast(*place, effect, over_seeds(effect.mean(axis=1)))
    flags = paired.flags(eval_set)
    if isinstance(flags, int):
        effect = effects_of(a, b, paired.values("test_images_a"), measure)
        return Contrast(*place, effect, over_seeds(effect.mean(axis=1))._replace(se=np.nan), unread=flags)
    effect = effects_of(a, b, flags[0].shape[-1], measure)
    table = effect.mean(axis=1)[:, None] + image_parts(*flags, measure).mean(axis=1)
    return Contrast(*place, effect, two_way_interval(table), table)


def effects_of(a: np.ndarray, b: np.ndarray, images: np.ndarray | float, measure: str) -> np.ndarray:
    """The effect of a against b from accuracies (fractions) on so many images, elementwise."""
    if measure == POINTS:
        return a - b
    if measure == LOG_ERROR:
        return log_error_ratio(1 - a, 1 - b, images)
    wrong_a, wrong_b = share_of_errors(1 - a, images), share_of_errors(1 - b, images)
    return np.log((1 - wrong_a) / wrong_a) - np.log((1 - wrong_b) / wrong_b)


def image_parts(a: np.ndarray, b: np.ndarray, measure: str) -> np.ndarray:
    """[n, S, m] of zero mean over images: what each image adds to the effect of its seed and scale.

    For points that is the difference in correctness itself. A logarithm is linear in an image's part to first order
    (the delta method): an error more is 1/err in ln(err) and 1/(err (1 − err)) in log-odds, err being the mean over
    seeds at that scale, which a seed with no error does not blow up.
    """
    found = np.zeros(a.shape)
    for sign, flags in ((1, a), (-1, b)):
        right = flags.astype(float)
        error = share_of_errors(1 - right.mean(axis=(0, 2), keepdims=True), a.shape[-1] * len(a))
        weight = {POINTS: np.ones_like(error), LOG_ERROR: 1 / error, LOG_ODDS: 1 / (error * (1 - error))}[measure]
        found += sign * weight * (right - right.mean(axis=2, keepdims=True))
    return found


def worlds(comparison: Comparison) -> tuple[str, ...]:
    """The sets that a contrast is shown on: the teacher's world, where it was measured, and the real one."""
    real = "test" if comparison.eval_set == POPULATION else comparison.eval_set
    runs = comparison.done
    return (POPULATION, real) if POPULATION in runs and runs[POPULATION].notna().any() else (real,)


def arms_paired(comparison: Comparison, arm: str, baseline: str, scales: Collection[int] = ()) -> PairedRuns:
    """The finished pairs of two arms of a comparison."""
    done = comparison.done
    return PairedRuns(done[done["arm"] == arm], done[done["arm"] == baseline], scales)


def pooled(
    comparison: Comparison,
    arm: str,
    baseline: str,
    eval_set: str | None = None,
    measure: str = LOG_ERROR,
    scales: Collection[int] = (),
) -> Contrast | None:
    """The contrast of two arms over scales, on which a verdict rests; of finished runs that reached their scale.

    Args:
        comparison: whose runs they are.
        arm: its label; above zero means that it is better.
        baseline: the label of the other.
        eval_set: ``population``, ``test`` or a shifted set; the comparison's own if None.
        measure: LOG_ERROR, POINTS or LOG_ODDS.
        scales: those named beforehand; without, those of the most pairs (``common_scales``).

    Returns:
        None where there are no such pairs, or they were not measured on the set.
    """
    place = tuple(map(int, scales))
    return kept_contrast(comparison, arm, baseline, eval_set or comparison.eval_set, measure, place)


@lru_cache(maxsize=64)
def kept_contrast(
    comparison: Comparison, arm: str, baseline: str, eval_set: str, measure: str, scales: tuple[int, ...]
) -> Contrast | None:
    """``pooled``, remembered: sentences, table, figure and claims ask for the same ones."""
    return contrast(arms_paired(comparison, arm, baseline, scales), eval_set, measure)


def at_scales(
    comparison: Comparison, arm: str, baseline: str, eval_set: str | None = None, measure: str = LOG_ERROR
) -> list[Contrast]:
    """The same at every scale by itself, with all pairs that there are at it; scales without pairs are left out."""
    scales: Sequence[int] = comparison.scales
    found = [pooled(comparison, arm, baseline, eval_set, measure, [scale]) for scale in scales]
    return [one for one in found if one is not None]
