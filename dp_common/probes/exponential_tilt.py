"""Exponential tilts Q ∝ exp(ωH)·P, by weighting exact samples of P, and how far a set of images is from one.

Labels are given, not sampled, so the target of images made for a class is the tilt of that class's density,
normalised within
it: everything here is per class, and a set of labelled images is compared class by class, in the shares its labels
have.

    w_i ∝ exp(ω H(x_i))                                  self-normalised importance weights of x_i ~ P(·|y)
    D² = 2 E‖X−Y‖ − E‖X−X'‖ − E‖Y−Y'‖                    energy distance, 0 only for equal distributions
    distance = Σ_y share_y D²_y / Σ_y share_y 2 E_y‖X−Y‖  in [0, 1] (Székely & Rizzo 2013, JSPI 143:1249)

Expectations over pairs leave out an image with itself, so equal distributions give 0 on average, by chance a little
below.
"""

from collections.abc import Sequence

import numpy as np

WIDEST = 200.0  # largest |ω| looked for


def weights(scores: np.ndarray, omega: float) -> np.ndarray:
    """[n] H of exact samples of one class -> [n] weights that sum to 1."""
    tilted = np.exp(omega * (scores - (scores.max() if omega > 0 else scores.min())))
    return tilted / tilted.sum()


def effective(w: np.ndarray) -> float:
    """Effective sample size 1/Σw² of weights that sum to 1 (Kish 1965)."""
    return float(1 / (w**2).sum())


def mean(values: Sequence[np.ndarray], tilted: Sequence[np.ndarray], shares: np.ndarray) -> float:
    """E_Q of per-sample ``values``: per class [n_y] arrays of values and weights, and the classes' shares."""
    return float(sum(share * (w @ v) for share, w, v in zip(shares, tilted, values)))


def matching(
    sampled: Sequence[np.ndarray], stored: Sequence[np.ndarray], shares: np.ndarray, wanted: float
) -> float | None:
    """ω* at which E_Q of a score is ``wanted``; None where no |ω| ≤ WIDEST does it.

    Args:
        sampled: Per class [n_y] the score of exact samples as they were sampled, by which Q is tilted.
        stored: The same after they are stored as images, whose mean is matched.
        shares: Of the classes.
        wanted: The mean.
    """
    from scipy.optimize import brentq

    def off(omega: float) -> float:
        return mean(stored, [weights(scores, omega) for scores in sampled], shares) - wanted

    if off(-WIDEST) * off(WIDEST) > 0:
        return None
    return float(brentq(off, -WIDEST, WIDEST, xtol=1e-6))


def within(points: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Distances between the points [n_y, D] of each class: [n_y, n_y]."""
    from scipy.spatial.distance import cdist

    return [cdist(of_class, of_class) for of_class in points]


def distance(
    added: Sequence[np.ndarray],
    exact: Sequence[np.ndarray],
    exact_within: Sequence[np.ndarray],
    tilted: Sequence[np.ndarray],
    shares: np.ndarray,
) -> float | None:
    """The normalised energy distance of ``added`` from the weighted ``exact``, in [0, 1] but for chance.

    Args:
        added: Per class [m_y, D]; a class with fewer than two does not count.
        exact: Per class [n_y, D].
        exact_within: ``within(exact)``.
        tilted: Per class [n_y] weights of ``exact``.
        shares: Of the classes.

    Returns:
        None if no class has two images.
    """
    from scipy.spatial.distance import cdist

    above = below = 0.0
    for x, y, near, w, share in zip(added, exact, exact_within, tilted, shares):
        if len(x) < 2:
            continue
        across = 2 * float((cdist(x, y) @ w).mean())
        among_x = cdist(x, x).sum() / (len(x) * (len(x) - 1))
        among_y = float(w @ near @ w) / (1 - float((w**2).sum()))
        above, below = above + share * (across - among_x - among_y), below + share * across
    return float(above / below) if below else None
