"""How many times the images a baseline takes for the errors that an arm makes at one scale.

The baseline's log error is read between its scales, linear in the logarithm of the images, and compared with the arm's
at equal seed. The interval is the set of numbers of images at which the two are not told apart (a test inverted), with
the spread of seeds, and of seeds × images on real ones. So no seed is left out for not crossing anything; and where the
baseline's curve is flat the interval has no upper end, which is what there is to say.
"""

from math import inf, log2
from typing import NamedTuple

import numpy as np
import pandas as pd

from results.analysis.comparisons import Comparison, by_scale, replicates
from results.analysis.contrasts import PairedRuns, common_scales, contrast
from results.analysis.effects import FEW, judged, two_way_interval
from results.analysis.stats import Estimate, over_seeds

PER_DOUBLING = 16  # numbers of images that are tried


class EqualError(NamedTuple):
    """Attributes:
    scale: images in the arm's final set.
    n: pairs of equal seed.
    factor: the baseline's images over the arm's where both make as many errors; inf where the baseline makes more at
        all of its scales, 0 where it makes fewer at all.
    low: with fewer times the images the baseline makes more errors, decided at 5 %; 0 where nowhere.
    high: with more it makes fewer; inf where nowhere.
    least: the smallest factor that the baseline's scales reach.
    most: the largest one.
    """

    scale: int
    n: int
    factor: float
    low: float
    high: float
    least: float
    most: float


def at_equal_error(comparison: Comparison, arm: str, baseline: str, eval_set: str, scale: int) -> EqualError | None:
    """The factor of images, of finished runs that reached their scale.

    Args:
        comparison: whose runs they are.
        arm: label.
        baseline: label of the other; it takes two scales.
        eval_set: ``population``, or a real set.
        scale: of the arm.

    Returns:
        None where fewer than FEW seeds have it, or it was not measured on the set.
    """
    done = comparison.done[comparison.done["scale_reached"].eq(True)]
    mine = done[(done["arm"] == arm) & (done["scale"] == scale)]
    other = done[done["arm"] == baseline]
    have = {int(other_scale): replicates(rows) & replicates(mine) for other_scale, rows in by_scale(other)}
    members, scales = common_scales({key: units for key, units in have.items() if units})
    if len(members) < FEW or len(scales) < 2:
        return None
    tables = [table_of(mine, other, members, one, scale, eval_set) for one in scales]
    known = [table for table in tables if table is not None]
    if len(known) < len(tables):
        return None
    ends = np.log2(scales)
    x = np.unique(np.concatenate([ends, np.arange(ends[0], ends[-1], 1 / PER_DOUBLING)]))
    found = [estimate(between(ends, known, place)) for place in x]
    words = [judged(one) for one in found]
    worse = next((number for number, word in enumerate(words) if word != "above"), len(words))
    better = next((number for number, word in enumerate(reversed(words)) if word != "below"), len(words))
    times = 2 ** (x - log2(scale))
    return EqualError(
        scale,
        len(members),
        float(2 ** (crossing(x, np.array([one.mean for one in found])) - log2(scale))),
        float(times[worse - 1]) if worse else 0.0,
        float(times[len(words) - better]) if better else inf,
        float(times[0]),
        float(times[-1]),
    )


def table_of(
    mine: pd.DataFrame, other: pd.DataFrame, members: list[tuple[int, int]], scale: int, shown_as: int, eval_set: str
) -> np.ndarray | None:
    """[n, m] of the log error ratio of an arm against a baseline at a scale of its own; above zero the arm makes fewer
    errors. m = 1 where the spread is that of seeds alone; None where the set was not measured.
    """
    baseline = other[other["scale"] == scale].assign(scale=shown_as)
    a, b = (side[[unit in members for unit in zip(side["seed"], side["data.split"])]] for side in (mine, baseline))
    found = contrast(PairedRuns(a, b, [shown_as]), eval_set)
    if found is None or found.unread:
        return None
    return found.by_seed[:, None] if found.table is None else found.table


def between(ends: np.ndarray, tables: list[np.ndarray], place: float) -> np.ndarray:
    """The table at log2 of a number of images, linear between the neighbouring scales."""
    right = int(np.clip(np.searchsorted(ends, place), 1, len(ends) - 1))
    share = (place - ends[right - 1]) / (ends[right] - ends[right - 1])
    return (1 - share) * tables[right - 1] + share * tables[right]


def estimate(table: np.ndarray) -> Estimate:
    """The mean of a table, over seeds × images or over seeds alone."""
    return two_way_interval(table) if table.shape[1] > 1 else over_seeds(table[:, 0])


def crossing(x: np.ndarray, means: np.ndarray) -> float:
    """Where the mean first comes to zero from above; inf where it never does, −inf where it begins below."""
    below = np.flatnonzero(means <= 0)
    if not len(below):
        return inf
    first = int(below[0])
    if first == 0:
        return float(x[0]) if means[0] == 0 else -inf
    return float(x[first - 1] + (x[first] - x[first - 1]) * means[first - 1] / (means[first - 1] - means[first]))


def hours_factor(
    comparison: Comparison, arm: str, baseline: str, found: EqualError
) -> tuple[float, float, float] | None:
    """The same in device hours: (factor, low, high) of the baseline's, read between its scales, over the arm's.

    Both are means over runs, linear between logarithms. None where hours are of several kinds of device.
    """
    if comparison.device is None:
        return None
    runs = comparison.done.assign(hours=comparison.hours)
    mine = runs[(runs["arm"] == arm) & (runs["scale"] == found.scale)]["hours"].mean()
    means = runs[runs["arm"] == baseline].groupby("scale")["hours"].mean()
    if not mine > 0 or not (means > 0).all():
        return None
    scales, hours = np.log(means.index.to_numpy(float)), np.log(means.to_numpy(float))

    def of(factor: float) -> float:
        if factor in (0.0, inf):
            return factor
        return float(np.exp(np.interp(np.log(factor * found.scale), scales, hours)) / mine)

    return of(found.factor), of(found.low), of(found.high)
