"""Asymptotic test error of a linear classifier trained on a selected part of a pool.

After Askari-Hemmat et al. 2025, §4 and appendix A:

    x ~ N(0, I_d), y = sign(w_g·x), n of them; kept with probability q(x·w_s), q even
    unit vectors w_s (pruner), w_g (labels), w_0 (truth)
    w = argmin 1/n Σ_kept (w·x − y)²/2 + λ|w|²/2
    tested against sign(w_0·x); d, n → ∞ at d/n = φ

λ is normalised by the pool, not by what is kept. The paper has w_g = w_0. Numbers: docs/definitions.md, "Theory";
simulation: simulation.py.

**What the limit depends on.** Kept inputs have variance γ/p along w_s and 1 across it, and c = E[q y x] lies in the
plane of w_s and w_g: in the basis e1 = w_s, e2 = the part of w_g across w_s, with ρ_sg = w_s·w_g, τ = ρ_sg/√(1−ρ_sg²)
and G ~ N(0, 1),

    p = E q    γ = E[qG²]    β̃ = c·e1 = 2E[q Φ(τG) G]    β = c·e2 = 2E[q pdf(τG)]

(given x·w_s = t, y = sign(ρ_sg t + √(1−ρ_sg²) G') has mean 2Φ(τt) − 1 and correlation 2 pdf(τt) with G'.) Then

    m0 = c·R̄ w_0    r = c·R̄ c = β²m + β̃²m̃    r' = c·R² c = β²m' + β̃²m̃'
    ν0 = pφm' + r' − [2φm'/(1+φm)] r
    error = arccos(m0/√ν0)/π

with m, m̃ the eigenvalues of the limit R̄ of the resolvent (XᵀDX/n + λ)⁻¹ across and along w_s, and m', m̃' those of
its square.

**Misprints.** ICML's main text has r = (1−ρ²)β²m + ρ²β̃²m̃: the weights of m0, where r is quadratic in c and holds no
w_0 (its Proposition 2 has c·R̄c). And its ν0 ends in 2φm'/(1 + φm·r), the bracket closed too late: leave-two-out gives
−2 × (φm'/(1+φm)) c·R̄c, and so has arXiv's first version. |m0| there must be m0: a classifier that points away from the
truth errs more than half the time. The appendix (Corollary 1, λ → 0) agrees with the form here.
tests/dp_common/theory/test_asymptotics.py holds each against simulation.

**How it is computed.** m, m', ... diverge as λ → 0 where p < φ. The effective ridge κ = λ(1+φm), positive root of κ² +
(p−φ−λ)κ = λp, does not: (m, m̃) = (1+φm) (1/(p+κ), 1/(γ+κ)). With S = √((φ+λ−p)² + 4λp), φm'/(1+φm)² = φ/((p+κ)² − φp)
= φ/Δ, Δ = (p+κ)S, and likewise m̃' = m̃²(1 + γφ/Δ), m' = m²(1 + pφ/Δ); common factors cancel in m0/√ν0, so λ = 0 is a
value like any other. There p < φ gives the interpolator of least norm. At p = φ exactly, Δ = 0: the noise is infinite
and the error 1/2. (At finite d it is a peak below 1/2.)

**What the limit leaves out.** The noise of w has, along a direction of variance v, a share in proportion to v/(v+κ)².
All d directions across the pruner have v = p and sum to ν0 − |mean of w|², so the one along it has 1/d of that times
(γ/p)((p+κ)/(γ+κ))²: nothing as d → ∞, but a lot at real d when only the hardest few are kept and γ is tiny.
``error(..., d=350)`` averages over it. It is why too much pruning hurts at finite d even with λ → 0, where the limit
hardly bends (measured in results/measured/theory).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import acos, hypot, inf, isfinite, pi, sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
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


def check_cosine(key: str, value: float) -> None:
    """Raise BadInput unless it is a cosine."""
    if not -1 <= value <= 1:
        raise BadInput(key, value, "a cosine, from -1 to 1")


def truth(rho: float, rho_g: float, rho_sg: float | None) -> tuple[float, np.ndarray]:
    """The true direction in the basis of pruner and labels.

    Args:
        rho: pruner · truth.
        rho_g: labels · truth.
        rho_sg: pruner · labels; None: as ``rho``, which is right for labels of the truth (rho_g = 1).

    Returns:
        (rho_sg, w_0 [3] along e1, the pruner, e2, the part of the label direction across it, and e3, the rest).

    Raises:
        BadInput: no three directions have these cosines.
    """
    rho_sg = rho if rho_sg is None and rho_g == 1 else rho_sg
    if rho_sg is None:
        raise BadInput(
            "rho_sg", None, "with rho_g below 1, the cosine between pruner and label direction must be given"
        )
    for key, value in (("rho", rho), ("rho_g", rho_g), ("rho_sg", rho_sg)):
        check_cosine(key, value)
    s = sine(rho_sg)
    across = (rho_g - rho * rho_sg) / s if s else 0.0  # s = 0: e2 is any direction, and holds no signal
    rest = 1 - rho**2 - across**2
    if rest < -1e-9 or (not s and abs(rho_g - rho * rho_sg) > 1e-9):
        raise BadInput("rho_sg", rho_sg, f"no three directions have the cosines rho={rho}, rho_g={rho_g} and this")
    return rho_sg, np.array([rho, across, sqrt(max(rest, 0.0))])


def error(
    q: Selection,
    phi: float,
    lam: float,
    rho: float,
    rho_g: float = 1.0,
    rho_sg: float | None = None,
    flip: float = 0.0,
    d: float = inf,
) -> float:
    """Limit of the test error, in [0, 1], of a classifier trained on what ``q`` keeps of a pool.

    Labels may be wrong in two ways: they are of a direction of their own, and each is flipped by chance, which shrinks
    c by 1 − 2·flip and leaves y² = 1, so that p, γ and pφm' stay.

    Args:
        q: which inputs are kept.
        phi: d/n of the pool, more than 0.
        lam: ridge λ ≥ 0, normalised by the pool; 0 is the limit λ → 0.
        rho: pruner · truth.
        rho_g: labels · truth.
        rho_sg: pruner · labels; None: as ``rho``, for labels of the truth.
        flip: probability with which each label is flipped.
        d: finite, to average over the noise along the pruner, the largest term that the limit leaves out.

    Raises:
        BadInput: a value out of its range.
    """
    for key, value, fine, allowed in (
        ("phi", phi, phi > 0, "d/n, more than 0"),
        ("lam", lam, lam >= 0, "at least 0"),
        ("flip", flip, 0 <= flip <= 1, "from 0 to 1"),
        ("d", d, d >= 2, "at least 2"),
    ):
        if not fine or (key != "d" and not isfinite(value)):
            raise BadInput(key, value, allowed)
    rho_sg, w0 = truth(rho, rho_g, rho_sg)
    p, gamma, beta, beta_tilde = scalars(q, rho_sg)
    if p <= 0:
        raise BadInput("q", q, "must keep something")
    c = (1 - 2 * flip) * np.array([beta_tilde, beta])
    variance = np.array([gamma, p])
    gap = phi + lam - p
    root = hypot(gap, 2 * sqrt(lam * p))  # S
    # Each form avoids the other's cancellation.
    kappa = (gap + root) / 2 if gap > 0 else 2 * lam * p / (root - gap) if lam else 0.0
    delta = (p + kappa) * root  # Δ
    w = c / (variance + kappa)  # the mean of w, as all that follows over its factor 1 + φm
    # ν0 Δ, the second term being r' and the third −2φ/Δ r
    nu0 = p * phi + np.sum(w**2 * (delta + variance * phi)) - 2 * phi * np.sum(c * w)
    m0 = np.sum(w * w0[:2]) * sqrt(delta)
    if d == inf:
        return acos(min(1.0, max(-1.0, m0 / sqrt(nu0)))) / pi
    # Variance of the noise along the pruner, times Δ.
    along = (nu0 - np.sum(w**2) * delta) / d * gamma / p * ((p + kappa) / (gamma + kappa)) ** 2
    noise, weights = hermegauss(64)
    noise *= sqrt(max(along, 0.0))
    cosine = (m0 + w0[0] * noise) / np.sqrt(nu0 + 2 * w[0] * sqrt(delta) * noise + noise**2)
    return float(weights @ np.arccos(np.clip(cosine, -1, 1)) / weights.sum() / pi)
