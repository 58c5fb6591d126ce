"""Monte Carlo beside theory.py: classifiers really trained at finite d, and the linear toy of the whole loop.

No test set is drawn: the test error of w is exactly arccos(w·w_0/(|w||w_0|))/π. Every repeat is a function of (seed, what, number).
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import lstsq, solve

from dp_common.errors import BadInput
from dp_common.seeds import derive
from dp_common.theory.asymptotics import sine, truth

ARMS = ("random", "frozen", "adaptive")


class Estimate(NamedTuple):
    """Mean of ``repeats`` simulated values and its standard error (nan for one)."""

    mean: float
    se: float
    repeats: int


def estimate(values):
    values = np.asarray(values, float)
    n = len(values)
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"), n)


def generator(seed, what, number):
    return np.random.Generator(np.random.SFC64(derive(seed, f"theory {what}", number)))


def simulate(q, n, d, lam, rho, rho_g=1.0, rho_sg=None, flip=0.0, *, repeats, seed=0, what=""):
    """Test errors [repeats] of ridge classifiers on what ``q`` keeps of pools of ``n`` inputs in ``d`` dimensions.

    Arguments as ``theory.error``. ``what``: names the draws; repeats of equal (seed, what) share theirs. A repeat that keeps
    nothing guesses: 1/2. Raises BadInput.
    """
    for key, value, low in (("n", n, 1), ("d", d, 3), ("repeats", repeats, 1)):
        if value < low:
            raise BadInput(key, value, f"at least {low}")
    rho_sg, w0 = truth(rho, rho_g, rho_sg)
    found = np.empty(repeats)
    for number in range(repeats):
        rng = generator(seed, what, number)
        t = rng.standard_normal(n)  # the pool along the pruner; the other coordinates are drawn for what is kept
        kept = t[rng.random(n) < q(t)]
        x = rng.standard_normal((len(kept), d))
        x[:, 0] = kept
        y = np.where(rho_sg * x[:, 0] + sine(rho_sg) * x[:, 1] >= 0, 1.0, -1.0)
        y[rng.random(len(y)) < flip] *= -1
        found[number] = angle(ridge(x, y, lam, n), w0)
    return found


def angle(w, w0):
    """arccos(cos(w, w0))/π; ``w0`` [3] or [d], zero where it is shorter than ``w``. A classifier of norm 0 guesses: 1/2."""
    norm = np.linalg.norm(w) * np.linalg.norm(w0)
    return float(np.arccos(np.clip(w[: len(w0)] @ w0 / norm, -1, 1)) / np.pi) if norm else 0.5


def ridge(x, y, lam, n):
    """argmin 1/n Σ (w·x − y)²/2 + λ|w|²/2 over rows of ``x`` [k, d]: w [d]. λ = 0: least squares, of least norm where k < d."""
    k, d = x.shape
    if k == 0:
        return np.zeros(d)
    if k < d:  # w = xᵀ(x xᵀ + nλ)⁻¹ y
        return x.T @ solve(x @ x.T + n * lam * np.eye(k), y, assume_a="pos")
    if lam == 0:
        return lstsq(x, y)[0]
    return solve(x.T @ x + n * lam * np.eye(d), x.T @ y, assume_a="pos")


def loop(d, initial, per_round, rounds, pool, lam, *, seed):
    """The whole loop, linear: {arm: test errors [rounds + 1]} before each addition and after the last.

    All arms start from the same ``initial`` random inputs. In each round they meet the same ``pool`` × ``per_round`` candidates and
    add ``per_round``: the first (``random``), or those nearest to the boundary of a learner, of the first round's (``frozen``) or
    the current one (``adaptive``). Then ridge on all, λ normalised by the size of the set. Labels are right. Raises BadInput.
    """
    for key, value, low in (
        ("d", d, 2),
        ("initial", initial, 1),
        ("per_round", per_round, 1),
        ("rounds", rounds, 0),
        ("pool", pool, 1),
    ):
        if value < low:
            raise BadInput(key, value, f"at least {low}")
    w0 = np.eye(1, d)[0]
    first = generator(seed, "loop", 0).standard_normal((initial, d))
    sets = dict.fromkeys(ARMS, first)
    frozen = ridge(first, np.sign(first[:, 0]), lam, initial)
    learners = dict.fromkeys(ARMS, frozen)
    errors = {arm: [angle(frozen, w0)] for arm in ARMS}
    for number in range(1, rounds + 1):
        candidates = generator(seed, "loop", number).standard_normal((pool * per_round, d))
        for arm in ARMS:
            pruner = {"random": None, "frozen": frozen, "adaptive": learners[arm]}[arm]
            hardest = (
                slice(per_round)
                if pruner is None
                else np.argsort(np.abs(candidates @ pruner), kind="stable")[:per_round]
            )
            sets[arm] = np.concatenate([sets[arm], candidates[hardest]])
            learners[arm] = ridge(sets[arm], np.sign(sets[arm][:, 0]), lam, len(sets[arm]))
            errors[arm].append(angle(learners[arm], w0))
    return {arm: np.array(values) for arm, values in errors.items()}
