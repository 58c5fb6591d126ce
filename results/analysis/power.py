"""How likely a study of n seeds is to decide, by simulating the rule in force; how many seeds it takes.

What is simulated are the rule's own ingredients, the mean and the mean squares of a table of seeds × images whose
seeds, images and residuals are normal: they are independent, the mean squares scaled χ². So a study costs a few random
numbers, however many images it has.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import stats

from results.analysis.effects import ALPHA, MARGIN, Components, variance_and_df

GOAL = 0.80
MOST = 128  # seeds, beyond which nobody is sent
DRAWS = 4000  # standard error of a power near 80 %: 0.6 %
ENDLESS = 10**7  # as many seeds as one likes


class Design(NamedTuple):
    """What a study is made of, and how it is judged.

    Attributes:
        parts: variance components of the effect; the seeds' alone (image and residual 0) where ``images`` is 0.
        images: that all seeds share; 0: the interval is over seeds alone.
        margin: 0: is the effect above or below zero; else: is it within ± this (two one-sided tests).
        alpha: two-sided for the first question, of each test for the second.
    """

    parts: Components
    images: int = 0
    margin: float = 0.0
    alpha: float = ALPHA


def studies(design: Design, effect: float, n: int, draws: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """(mean, standard error, degrees of freedom) of so many simulated studies of n seeds, each [draws]."""
    rng = np.random.default_rng([seed, n])
    of_seeds, of_images, residual = (max(0.0, part) for part in design.parts)
    m = design.images or 1
    spread = np.sqrt(of_seeds / n + of_images / m + residual / (n * m))
    mean = effect + spread * rng.standard_normal(draws)
    in_seeds = (m * of_seeds + residual) * rng.chisquare(n - 1, draws) / (n - 1)
    if not design.images:
        return mean, np.sqrt(in_seeds / n), np.full(draws, n - 1.0)
    in_images = (n * of_images + residual) * rng.chisquare(m - 1, draws) / (m - 1)
    rest = residual * rng.chisquare((n - 1) * (m - 1), draws) / ((n - 1) * (m - 1))
    variance, df = variance_and_df(in_seeds, in_images, rest, n, m)
    return mean, np.sqrt(variance), df


@lru_cache(maxsize=4096)
def power(design: Design, effect: float, n: int, draws: int = DRAWS) -> float:
    """The share of studies of n seeds that decide as the true ``effect`` deserves; 0 for fewer than two seeds.

    Of a difference: that find its sign. Of equivalence: that find it equal if it lies inside the margin, beyond that
    edge if outside.
    """
    if n < 2:
        return 0.0
    mean, error, df = studies(design, effect, n, draws)
    if not design.margin:
        limit = stats.t.isf(design.alpha / 2, df) * error
        return float((np.sign(effect) * mean > limit).mean()) if effect else 0.0
    limit = stats.t.isf(design.alpha, df) * error
    if abs(effect) < design.margin:
        return float(((mean - limit > -design.margin) & (mean + limit < design.margin)).mean())
    return float((np.sign(effect) * mean - limit > design.margin).mean())


def joint(designs: tuple[tuple[Design, float], ...], n: int) -> float:
    """The power of a conjunction, (design, effect) each, as if its parts were independent."""
    return float(np.prod([power(design, effect, n) for design, effect in designs]))


def seeds_needed(designs: tuple[tuple[Design, float], ...], goal: float = GOAL, most: int = MOST) -> int | None:
    """The fewest seeds with which a conjunction, (design, effect) each, is decided with probability ``goal``; None
    where ``most`` do not suffice.
    """
    if not designs or joint(designs, most) < goal:
        return None
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if joint(designs, middle) >= goal else (middle, high)
    return high


def is_hopeless(designs: tuple[tuple[Design, float], ...], goal: float = GOAL) -> bool:
    """Would no number of seeds do? The part of the images does not fall with seeds."""
    return joint(designs, ENDLESS) < goal


def detectable(design: Design, n: int, goal: float = GOAL) -> float:
    """The smallest difference that n seeds find with probability ``goal``; nan for fewer than two seeds."""
    if n < 2:
        return float("nan")
    mean, error, df = studies(design._replace(margin=0.0), 0.0, n, DRAWS)
    return float(np.quantile(stats.t.isf(design.alpha / 2, df) * error - mean, goal))


def equivalence(parts: Components, images: int = 0) -> Design:
    """The design of a claim that two arms are equal, within MARGIN."""
    return Design(parts, images, MARGIN)
