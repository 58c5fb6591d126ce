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

from math import acos, hypot, inf, isfinite, pi, sqrt

import numpy as np
from numpy.polynomial.hermite_e import hermegauss

from dp_common.errors import BadInput
from dp_common.theory.selections import Selection, check_cosine, scalars, sine


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
