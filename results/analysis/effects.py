"""Effects of one arm against another, and the rules by which they are judged (docs/definitions.md, Statistics).

The effect size is the log error ratio per seed. Its interval is over seeds in the teacher's world, and over seeds ×
images on real images, which all seeds share. Several tests of one row are corrected by Holm; that two arms are equal
is shown by two one-sided tests; who looks again looks at planned times.
"""

from collections.abc import Mapping, Sequence
from math import isnan, nan, sqrt
from typing import NamedTuple

import numpy as np

from results.analysis.stats import EQUAL, Estimate

ALPHA = 0.05  # two-sided, of every test that is the only one
LOOKS: Mapping[int, float] = {8: 0.0002, 16: 0.012, 24: 0.046}  # {n: nominal p}; together 0.05 (O'Brien and Fleming)
FEW = 4  # seeds, from which on Satterthwaite's degrees of freedom are used: of fewer the size is up to 12 %
MARGIN = 0.10  # of equivalence, in log error ratio: a tenth of the errors

Numbers = float | Sequence[float] | np.ndarray


class Components(NamedTuple):
    """Variance of one entry of a table of seeds × images: what its seed, its image and neither explain.

    ``seed`` and ``image`` may come out below zero where they are small; so they are unbiased.
    """

    seed: float
    image: float
    residual: float


def share_of_errors(error: Numbers, images: Numbers) -> np.ndarray:
    """Errors as a share, with half an image added to what is wrong and half to what is right.

    (k + ½)/(m + 1) of k wrong ones among m (Haldane 1956). So the logarithm of no error at all is finite, and the bias
    of the logarithm is of the order 1/k². It is done to every error, not to zeros alone: no step at k = 0.
    """
    return (np.asarray(error, dtype=float) * images + 0.5) / (np.asarray(images, dtype=float) + 1)


def log_error_ratio(err_a: Numbers, err_b: Numbers, images: Numbers) -> np.ndarray:
    """ln(err_b / err_a), elementwise: above zero where a makes fewer errors; exp(−x) is the factor on the errors of b.

    Args:
        err_a: shares of errors of a, fractions, in any shape.
        err_b: those of b, in the same.
        images: the size of the set that they are of; both get half an image (``share_of_errors``).
    """
    return np.log(share_of_errors(err_b, images)) - np.log(share_of_errors(err_a, images))


def mean_squares(table: np.ndarray) -> tuple[float, float, float]:
    """(of seeds, of images, of the residual) of a two-way table [n, m] without replication."""
    n, m = table.shape
    of_seeds, of_images, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    seeds, images = m * ((of_seeds - mean) ** 2).sum(), n * ((of_images - mean) ** 2).sum()
    residual = max(0.0, ((table - mean) ** 2).sum() - seeds - images)
    return float(seeds / (n - 1)), float(images / (m - 1)), float(residual / ((n - 1) * (m - 1)))


def two_way_interval(D: np.ndarray) -> Estimate:
    """The mean of per-image paired differences, over seeds and images together.

    Args:
        D: [n seeds, m images], such as correct under a minus correct under b. All seeds have the same images. (Where
            each has images of its own nothing is common to a column, and this comes to the t-interval by itself.)

    Returns:
        Its mean; se = √V with V = (MS_seed + MS_image − MS_res)/(n·m), at least MS_seed/(n·m); Satterthwaite's degrees
        of freedom, at least n − 1 (and n − 1 below FEW seeds). ``interval()`` gives the interval, ``p`` the p-value.
        se is nan for n < 2 or m < 2, and where two seeds are alike in every image.
    """
    table = np.asarray(D, dtype=float)
    n, m = table.shape
    mean = float(table.mean()) if table.size else nan
    if n < 2 or m < 2:
        return Estimate(n, mean, nan, n - 1)
    variance, df = variance_and_df(*mean_squares(table), n, m)
    alike = n == 2 and variance <= EQUAL**2
    return Estimate(n, mean, nan if alike else sqrt(variance), float(df))


def variance_and_df(seeds: Numbers, images: Numbers, residual: Numbers, n: int, m: int) -> tuple[np.ndarray, ...]:
    """(V, degrees of freedom) of the mean of a table [n, m] from its mean squares, elementwise; see
    ``two_way_interval``.
    """
    seeds, images, residual = (np.asarray(value, dtype=float) for value in (seeds, images, residual))
    whole, floor = (seeds + images - residual) / (n * m), seeds / (n * m)
    parts = seeds**2 / (n - 1) + images**2 / (m - 1) + residual**2 / ((n - 1) * (m - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        df = np.where((whole > floor) & (n >= FEW), (whole * n * m) ** 2 / parts, n - 1.0)
    return np.maximum(whole, floor), np.maximum(np.nan_to_num(df, nan=n - 1.0), n - 1.0)


def components(D: np.ndarray) -> Components:
    """Variance components of a table [n seeds, m images], unbiased."""
    n, m = D.shape
    seeds, images, residual = mean_squares(np.asarray(D, dtype=float))
    return Components((seeds - residual) / m, (images - residual) / n, residual)


def judged(estimate: Estimate, alpha: float = ALPHA) -> str:
    """Is a mean "above", "below" or "undecided" zero, by its two-sided p-value."""
    if isnan(estimate.se) or estimate.p >= alpha:
        return "undecided"
    return "above" if estimate.mean > 0 else "below"


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979); what is nan was not tested, stays nan and counts for nothing."""
    known = sorted((index for index, p in enumerate(ps) if not isnan(p)), key=lambda index: ps[index])
    corrected, least = [nan] * len(ps), 0.0
    for rank, index in enumerate(known):
        least = max(least, min(1.0, (len(known) - rank) * ps[index]))
        corrected[index] = least
    return corrected


def judged_together(estimates: Sequence[Estimate], alpha: float = ALPHA) -> list[str]:
    """``judged`` of several estimates of one family, their p-values corrected by Holm."""
    corrected = holm([estimate.p for estimate in estimates])
    return [
        "undecided" if isnan(p) or p >= alpha else "above" if estimate.mean > 0 else "below"
        for p, estimate in zip(corrected, estimates)
    ]


def tost(estimate: Estimate, margin: float = MARGIN, alpha: float = ALPHA) -> str:
    """Two one-sided tests, each at ``alpha``: is a mean within ±``margin``?

    Returns:
        "equal": the 1 − 2·alpha interval lies inside; "above" or "below": it lies outside on that side; else
        "undecided".
    """
    low, high = estimate.interval(1 - 2 * alpha)[2:]
    if -margin < low and high < margin:
        return "equal"
    return "above" if low > margin else "below" if high < -margin else "undecided"


def nominal_p(n: int) -> float:
    """The p-value below which a difference is decided at a planned look: that of the last look at or before n seeds;
    0 before the first, when nobody looks.
    """
    return next((p for look, p in sorted(LOOKS.items(), reverse=True) if n >= look), 0.0)
