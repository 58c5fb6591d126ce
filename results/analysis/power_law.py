"""How fast error falls with images: error = a · n^−b, a straight line of log error over log n, by least squares for
each replicate.

The exponent's interval is over replicates: each has its own fit, b is their mean with a 95 % t-interval, a their
geometric mean. A replicate takes part with at least ``LEAST`` different n at which its error is not zero, which has no
logarithm.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from results.analysis.comparisons import UNIT
from results.analysis.stats import t_interval

LEAST = 3


class Fit(NamedTuple):
    """error ≈ ``factor`` · n^−``exponent``, with ``low`` and ``high`` of the exponent's 95 % t-interval (nan for one
    replicate), over ``n`` replicates; ``left_out`` others had too few points.
    """

    n: int
    exponent: float
    low: float
    high: float
    factor: float
    left_out: int


def fit(runs: pd.DataFrame) -> Fit | None:
    """Fit of the runs of one arm, a frame with ``x`` (images), ``error`` (fractions), ``seed`` and ``data.split``;
    None where no replicate has enough points.
    """
    usable = runs[(runs["error"] > 0) & (runs["x"] > 0)]
    slopes, heights, left_out = [], [], runs[UNIT].drop_duplicates().shape[0]
    for _, part in usable.groupby(UNIT):
        if part["x"].nunique() < LEAST:
            continue
        slope, height = np.polyfit(np.log(part["x"].astype(float)), np.log(part["error"].astype(float)), 1)
        slopes.append(-slope)
        heights.append(height)
    if not slopes:
        return None
    found = t_interval(slopes)
    return Fit(found.n, found.mean, found.low, found.high, float(np.exp(np.mean(heights))), left_out - found.n)
