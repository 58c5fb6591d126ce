"""What is known of a mean: an estimate with its standard error and degrees of freedom, its interval, its p-value.

Everything here is a pure function of numbers; what the numbers are, effects and contrasts, is in
``results.analysis.effects`` and ``contrasts``.
"""

from collections.abc import Iterable
from math import isnan, nan, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

PAIR = ["seed", "scale", "data.split"]  # what two runs must share to be a pair
EQUAL = 1e-12  # numbers that differ by less are one number, for all that floats say


class Interval(NamedTuple):
    """``mean`` of ``n`` values in their unit, with ``low`` and ``high`` of its interval;

    nan where n is too small for it.
    """

    n: int
    mean: float
    low: float
    high: float

    def within(self, low: float, high: float) -> "Interval":
        """The same, none of it beyond what such numbers can be: 0 and 1 of an accuracy, 0 and 100 of a percentage."""
        bounds = np.clip([self.low, self.high], low, high)  # nan stays nan
        return self._replace(low=float(bounds[0]), high=float(bounds[1]))


class Estimate(NamedTuple):
    """A mean over ``n`` replicates with its standard error ``se`` and the degrees of freedom ``df`` of that.

    ``se`` is nan where nothing is known of the spread: of fewer than two replicates, or of two equal ones.
    """

    n: int
    mean: float
    se: float
    df: float

    def interval(self, level: float = 0.95) -> Interval:
        """mean ± t_df · se; bounds are nan where ``se`` is."""
        half = nan if isnan(self.se) else float(stats.t.ppf((1 + level) / 2, self.df)) * self.se
        return Interval(self.n, self.mean, self.mean - half, self.mean + half)

    @property
    def low(self) -> float:
        """Of the 95 % interval."""
        return self.interval().low

    @property
    def high(self) -> float:
        """Of the 95 % interval."""
        return self.interval().high

    @property
    def p(self) -> float:
        """Two-sided, of a mean of zero; nan where ``se`` is."""
        if isnan(self.se) or self.se == 0:
            return nan if isnan(self.se) else float(self.mean == 0)
        return float(2 * stats.t.sf(abs(self.mean) / self.se, self.df))


def over_seeds(values: Iterable[float]) -> Estimate:
    """[n] numbers, one per replicate -> their mean, with se s/√n (s with n − 1) and n − 1 degrees of freedom.

    Two equal numbers say nothing of their spread, as one alone does not: se is nan.
    """
    numbers = np.asarray(values, dtype=float)
    n = len(numbers)
    mean = float(numbers.mean()) if n else nan
    if n < 2 or (n == 2 and np.ptp(numbers) <= EQUAL * max(1.0, float(np.abs(numbers).max()))):
        return Estimate(n, mean, nan, n - 1)
    return Estimate(n, mean, float(numbers.std(ddof=1)) / sqrt(n), n - 1)


def t_interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """[n] numbers, one per replicate -> Interval:

    mean ± t_{n−1} s/√n, s with n − 1 (Student 1908). Bounds are nan for n < 2, and of two equal numbers.
    """
    return over_seeds(values).interval(level)


def pairs(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Two frames of runs -> one row per pair of equal seed, scale and data split, columns with suffixes ``_a`` and
    ``_b``.

    Runs without a partner are left out. Raises ValueError where a run has two.
    """
    return a.merge(b, on=PAIR, suffixes=("_a", "_b"), validate="one_to_one")
