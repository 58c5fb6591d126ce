"""Monte Carlo beside asymptotics.py: classifiers really trained at finite d, and the linear toy of the whole loop.

No test set is drawn: the test error of w is exactly arccos(w·w_0/(|w||w_0|))/π. Every repeat is a function of (seed,
what, number).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import lstsq, solve

from dp_common.errors import BadInput
from dp_common.seeds import derive
from dp_common.theory.asymptotics import truth
from dp_common.theory.selections import Selection, sine

ARMS = ("random", "frozen", "adaptive")


class Estimate(NamedTuple):
    """Mean of ``repeats`` simulated values and its standard error (nan for one)."""

    mean: float
    se: float
    repeats: int


def estimate(values: Sequence[float] | np.ndarray) -> Estimate:
    """Mean and standard error of simulated values [n]."""
    values = np.asarray(values, float)
    n = len(values)
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"), n)


def generator(seed: int, what: str, number: int) -> np.random.Generator:
    """The generator of one repeat."""
    return np.random.Generator(np.random.SFC64(derive(seed, f"theory {what}", number)))


def simulate(
    q: Selection,
    n: int,
    d: int,
    lam: float,
    rho: float,
    rho_g: float = 1.0,
    rho_sg: float | None = None,
    flip: float = 0.0,
    *,
    repeats: int,
    seed: int = 0,
    what: str = "",
) -> np.ndarray:
    """Test errors [repeats] of ridge classifiers really trained on what is kept. One that keeps nothing guesses: 1/2.

    Args:
        q: which inputs are kept; as of ``asymptotics.error``, like all that are not named here.
        n: inputs of a pool.
        d: dimensions, at least 3.
        lam: as there.
        rho: as there.
        rho_g: as there.
        rho_sg: as there.
        flip: as there.
        repeats: how many.
        seed: of the draws.
        what: names the draws; repeats of equal (seed, what) share theirs.

    Raises:
        BadInput: a value out of its range.
    """
    for key, value, low in (("n", n, 1), ("d", d, 3), ("repeats", repeats, 1)):
        if value < low:
            raise BadInput(key, value, f"at least {low}")
    rho_sg, w0 = truth(rho, rho_g, rho_sg)
    errors = np.empty(repeats)
    for number in range(repeats):
        rng = generator(seed, what, number)
        t = rng.standard_normal(n)  # the pool along the pruner; the other coordinates are drawn for what is kept
        kept = t[rng.random(n) < q(t)]
        x = rng.standard_normal((len(kept), d))
        x[:, 0] = kept
        y = np.where(rho_sg * x[:, 0] + sine(rho_sg) * x[:, 1] >= 0, 1.0, -1.0)
        y[rng.random(len(y)) < flip] *= -1
        errors[number] = angle(ridge(x, y, lam, n), w0)
    return errors


def angle(w: np.ndarray, w0: np.ndarray) -> float:
    """The test error arccos(cos(w, w0))/π of a classifier w [d]; one of norm 0 guesses: 1/2.

    ``w0``: the true direction [3] or [d], zero where it is shorter than ``w``.
    """
    norm = np.linalg.norm(w) * np.linalg.norm(w0)
    return float(np.arccos(np.clip(w[: len(w0)] @ w0 / norm, -1, 1)) / np.pi) if norm else 0.5


def ridge(x: np.ndarray, y: np.ndarray, lam: float, n: int) -> np.ndarray:
    """argmin 1/n Σ (w·x − y)²/2 + λ|w|²/2 over rows of ``x`` [k, d] and ``y`` [k]: w [d].

    λ = 0: least squares, of least norm where k < d.
    """
    k, d = x.shape
    if k == 0:
        return np.zeros(d)
    if k < d:  # w = xᵀ(x xᵀ + nλ)⁻¹ y
        return x.T @ solve(x @ x.T + n * lam * np.eye(k), y, assume_a="pos")
    if lam == 0:
        return lstsq(x, y)[0]
    return solve(x.T @ x + n * lam * np.eye(d), x.T @ y, assume_a="pos")


def loop(
    d: int, initial: int, per_round: int, rounds: int, pool: int, lam: float, *, seed: int
) -> dict[str, np.ndarray]:
    """The whole loop, linear: {arm: test errors [rounds + 1]} before each addition and after the last.

    All arms start from the same inputs. In each round they meet the same candidates and add some: the first
    (``random``), or those nearest to the boundary of a learner, of the first round's (``frozen``) or the current one
    (``adaptive``). Then ridge on all, λ normalised by the size of the set. Labels are right.

    Args:
        d: dimensions.
        initial: random inputs at the start.
        per_round: inputs that each round adds.
        rounds: how many.
        pool: candidates of a round, as a multiple of ``per_round``.
        lam: ridge λ.
        seed: of the draws.

    Raises:
        BadInput: a value out of its range.
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
