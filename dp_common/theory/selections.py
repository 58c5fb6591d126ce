"""Selections: which examples a pruner keeps, as functions q of its margin t, and what the limit knows of each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import inf, pi, sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.integrate import quad_vec
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from dp_common.errors import BadInput

END = 12.0  # |t| beyond which a normal has nothing: pdf(12) = 2e-32
Selection: TypeAlias = Callable[[np.ndarray | float], np.ndarray]  # q: even, of t [...] with values in [0, 1]


class Scalars(NamedTuple):
    """What the limit knows of a selection: E q, E[qG²], E[q y x] across and along the pruner."""

    p: float
    gamma: float
    beta: float
    beta_tilde: float


def pdf(t: np.ndarray | float) -> np.ndarray:
    """The density of a standard normal."""
    return np.exp(-np.square(t) / 2) / sqrt(2 * pi)


def sine(cosine: float) -> float:
    """√(1−ρ²), exact near |ρ| = 1."""
    return sqrt((1 - cosine) * (1 + cosine))


@dataclass(frozen=True)
class Hard:
    """Keep |t| ≤ ξ: the share ``keep`` nearest to the pruner's boundary."""

    keep: float

    def __post_init__(self) -> None:
        check_keep(self.keep)

    @cached_property
    def threshold(self) -> float:
        """ξ with E 1[|G| ≤ ξ] = keep."""
        return float(ndtri((1 + self.keep) / 2))

    def __call__(self, t: np.ndarray | float) -> np.ndarray:
        return (np.abs(t) <= self.threshold).astype(float)

    def scalars(self, rho: float) -> Scalars:
        """At ρ = 1, τ = ∞: β = 0 and β̃ = E[q|G|]."""
        xi, s = self.threshold, sine(rho)
        if xi == inf:
            return Random(1.0).scalars(rho)
        inside, side = (2 * ndtr(xi / s) - 1, 2 * ndtr(rho * xi / s) - 1) if s else (1.0, np.sign(rho))
        slope = sqrt(2 / pi) * inside  # β = slope √(1−ρ²), and by parts β̃ = slope ρ − 2 pdf(ξ)(2Φ(τξ) − 1)
        return Scalars(
            self.keep, self.keep - 2 * xi * float(pdf(xi)), float(slope * s), float(slope * rho - 2 * pdf(xi) * side)
        )


@dataclass(frozen=True)
class Easy:
    """Keep |t| > ξ: the share ``keep`` farthest from the pruner's boundary."""

    keep: float

    def __post_init__(self) -> None:
        check_keep(self.keep)

    def __call__(self, t: np.ndarray | float) -> np.ndarray:
        return 1 - Hard(1 - self.keep)(t) if self.keep < 1 else np.ones(np.shape(t))

    def scalars(self, rho: float) -> Scalars:
        return mix(rho, (1, Random(1.0)), (-1, Hard(1 - self.keep))) if self.keep < 1 else Random(1.0).scalars(rho)


@dataclass(frozen=True)
class Random:
    """Keep each with probability ``keep``."""

    keep: float

    def __post_init__(self) -> None:
        check_keep(self.keep)

    def __call__(self, t: np.ndarray | float) -> np.ndarray:
        return np.full(np.shape(t), self.keep)

    def scalars(self, rho: float) -> Scalars:
        return Scalars(*(self.keep * value for value in (1.0, 1.0, sqrt(2 / pi) * sine(rho), sqrt(2 / pi) * rho)))


@dataclass(frozen=True)
class Soft:
    """Keep with probability (4σ(t)σ(−t))^a, σ the sigmoid: the more uncertain the pruner, the likelier.

    a is such that E q = ``keep``. The paper's equation 27 (after Kolossov et al. 2024) scaled into [0, 1]. These are
    probabilities, not weights in the loss.
    """

    keep: float

    def __post_init__(self) -> None:
        check_keep(self.keep)

    @cached_property
    def power(self) -> float:
        """The a of which E q is ``keep``."""
        if self.keep == 1:
            return 0.0

        def excess(log_a: float) -> float:
            return quad_vec(lambda t: 2 * pdf(t) * np.cosh(t / 2) ** (-2 * np.exp(log_a)), 0, END)[0] - self.keep

        return float(np.exp(brentq(excess, -25, 25, xtol=1e-14)))

    def __call__(self, t: np.ndarray | float) -> np.ndarray:
        return np.cosh(np.asarray(t, float) / 2) ** (-2 * self.power)


@dataclass(frozen=True)
class Mixed:
    """Keep with probability Σ weight·q over ``parts`` ((weight, q), ...): half by hardness and half at random, say."""

    parts: tuple[tuple[float, Selection], ...]

    def __post_init__(self) -> None:
        weights = [weight for weight, _ in self.parts]
        if not weights or min(weights) < 0 or sum(weights) > 1 + 1e-12:
            raise BadInput("weights", weights, "non-negative, of sum at most 1")

    def __call__(self, t: np.ndarray | float) -> np.ndarray:
        return sum((weight * q(t) for weight, q in self.parts), np.zeros(np.shape(t)))

    def scalars(self, rho: float) -> Scalars:
        return mix(rho, *self.parts)


def check_keep(keep: float) -> None:
    """Raise BadInput unless it is a share."""
    if not 0 < keep <= 1:
        raise BadInput("keep", keep, "more than 0, at most 1")


def mix(rho: float, *parts: tuple[float, Selection]) -> Scalars:
    """The scalars of Σ weight·q: all four are linear in q."""
    return Scalars(
        *(
            float(sum(weight * value for (weight, _), value in zip(parts, values)))
            for values in zip(*(scalars(q, rho) for _, q in parts))
        )
    )


def check_cosine(key: str, value: float) -> None:
    """Raise BadInput unless it is a cosine."""
    if not -1 <= value <= 1:
        raise BadInput(key, value, "a cosine, from -1 to 1")


def scalars(q: Selection, rho: float) -> Scalars:
    """What the limit knows of a selection.

    By quadrature where there is no closed form, to 1e-10 for a q that jumps (parts narrower than 1/100 may be missed).

    Args:
        q: a selection above, or any even function of t [...] with values in [0, 1].
        rho: ρ_sg, pruner · label direction.

    Raises:
        BadInput: q is no such function, or rho no cosine.
    """
    check_cosine("rho", rho)
    return q.scalars(rho) if hasattr(q, "scalars") else integrated(q, rho)


@lru_cache(4096)
def integrated(q: Selection, rho: float) -> Scalars:
    """``scalars`` by quadrature."""
    probe = np.linspace(0, END, 2401) + 1e-6
    values = np.asarray(q(probe), float)
    if not np.all((values >= 0) & (values <= 1)) or not np.allclose(values, q(-probe), atol=1e-12, rtol=0):
        raise BadInput("q", getattr(q, "__name__", q), "an even function with values in [0, 1]")
    s = sine(rho)

    def sign(t: float) -> float:
        """The mean label at t."""
        return 2 * ndtr(rho / s * t) - 1 if s else np.sign(rho)

    def integrand(
        t: float,
    ) -> np.ndarray:  # over t > 0, doubled; β as √(2/π) √(1−ρ²) E q(√(1−ρ²) G), which stays smooth as ρ → 1
        kept = float(q(t))
        return 2 * pdf(t) * np.array([kept, kept * t * t, sqrt(2 / pi) * s * float(q(s * t)), kept * t * sign(t)])

    breaks = np.linspace(0, END, 49)[1:-1]
    values = quad_vec(integrand, 0, END, epsabs=1e-11, epsrel=1e-11, points=breaks, limit=2000)[0]
    return Scalars(*map(float, values))
