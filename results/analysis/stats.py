"""Statistics of a comparison: means over seeds with t-intervals, paired differences, the paired bootstrap, verdicts.

Everything here is a pure function of numbers. The t-interval speaks of training variation on this fixed test set; the
bootstrap adds the choice of test images. A verdict needs both.
"""

from collections.abc import Iterable, Sequence
from math import nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

PAIR = ["seed", "scale", "data.split"]  # what two runs must share to be a pair


class Interval(NamedTuple):
    """``mean`` of ``n`` values in their unit, with ``low`` and ``high`` of its interval;

    nan where n is too small for it.
    """

    n: int
    mean: float
    low: float
    high: float


def t_interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """[n] numbers, one per replicate -> Interval:

    mean ± t_{n−1} s/√n, s with n − 1 (Student 1908). Bounds are nan for n < 2.
    """
    numbers = np.asarray(values, dtype=float)
    n = len(numbers)
    if n < 2:
        return Interval(n, float(numbers[0]) if n else nan, nan, nan)
    half = stats.t.ppf((1 + level) / 2, n - 1) * numbers.std(ddof=1) / np.sqrt(n)
    return Interval(n, float(numbers.mean()), float(numbers.mean() - half), float(numbers.mean() + half))


def pairs(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Two frames of runs -> one row per pair of equal seed, scale and data split, columns with suffixes ``_a`` and
    ``_b``.

    Runs without a partner are left out. Raises ValueError where a run has two.
    """
    return a.merge(b, on=PAIR, suffixes=("_a", "_b"), validate="one_to_one")


def paired_difference(both: pd.DataFrame, column: str = "accuracy", level: float = 0.95) -> Interval:
    """Interval of ``a − b`` in ``column`` over pairs, in the column's unit; ``both`` as ``pairs`` makes it."""
    return t_interval(both[f"{column}_a"] - both[f"{column}_b"], level)


def paired_bootstrap(
    differences: np.ndarray, level: float = 0.95, shared_images: bool = True, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """(low, high): percentile bootstrap interval of the mean difference in accuracy, over test images × seeds.

    ``differences`` [seeds, images]: correct under a minus correct under b, in {−1, 0, 1}. Seeds and images are drawn
    with replacement, independently of each other (the pigeonhole bootstrap, Owen 2007, Annals of Applied Statistics
    1:386); one draw of images serves all seeds if ``shared_images``, else every drawn seed has its own (each has its
    own split). ``seed`` fixes the generator: the same input gives the same bits. (nan, nan) for fewer than two seeds.

    Where neither some seeds nor some images are better than others it is too wide, by up to √3; with few seeds that do
    differ it is too narrow, by √((n−1)/n), which is why a verdict asks the t-interval too.
    """
    differences = np.asarray(differences, dtype=np.float64)
    n, images = differences.shape
    if n < 2:
        return nan, nan
    rng = np.random.default_rng(seed)
    means, at_once = [], max(1, 2**20 // (images if shared_images else n * images))
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        seeds = rng.integers(n, size=(size, n))
        if shared_images:
            shares = np.stack([np.bincount(drawn, minlength=n) for drawn in seeds]) / n
            means.append(
                np.take_along_axis(shares @ differences, rng.integers(images, size=(size, images)), axis=1).mean(axis=1)
            )
        else:
            means.append(differences[seeds[..., None], rng.integers(images, size=(size, n, images))].mean(axis=(1, 2)))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def verdict(interval: Interval, bootstrap: Sequence[float]) -> str:
    """Is a difference "above", "below" or "undecided" zero: decided only where t-interval and bootstrap agree.

    Bounds that are nan decide nothing.
    """
    if interval.low > 0 and bootstrap[0] > 0:
        return "above"
    return "below" if interval.high < 0 and bootstrap[1] < 0 else "undecided"
