"""Exponential tilts Q ∝ exp(ωH)·P, by weighting exact samples of P, and how far a set of images is from one.

Labels are given, not sampled, so the target of images made for a class is the tilt of that class's density, normalised within it:
everything here is per class, and a set of labelled images is compared class by class, in the shares its labels have.

    w_i ∝ exp(ω H(x_i))                                    self-normalised importance weights of x_i ~ P(·|y)
    D² = 2 E‖X−Y‖ − E‖X−X'‖ − E‖Y−Y'‖                      energy distance, 0 only for equal distributions, in any dimension
    distance = Σ_y share_y D²_y / Σ_y share_y 2 E_y‖X−Y‖    in [0, 1] (Székely & Rizzo 2013, J. Stat. Plan. Inference 143:1249)

Expectations over pairs leave out an image with itself, so equal distributions give 0 on average, by chance a little below.
"""

import numpy as np

WIDEST = 200.0  # largest |ω| looked for


def weights(scores, omega):
    """[n] H of exact samples of one class -> weights that sum to 1."""
    tilted = np.exp(omega * (scores - (scores.max() if omega > 0 else scores.min())))
    return tilted / tilted.sum()


def effective(w):
    """Effective sample size 1/Σw² of weights that sum to 1 (Kish 1965)."""
    return float(1 / (w**2).sum())


def mean(values, tilted, shares):
    """E_Q of per-sample ``values``: per class [n_y] arrays of values and weights, and the classes' shares."""
    return float(sum(share * (w @ v) for share, w, v in zip(shares, tilted, values)))


def matching(steering, shown, shares, wanted):
    """ω* with E_Q[``shown``] = ``wanted`` where Q is tilted by ``steering``, per class; None where no |ω| ≤ WIDEST does it.

    The two are one score of the same exact samples, before and after they are stored as images.
    """
    from scipy.optimize import brentq

    off = lambda omega: mean(shown, [weights(scores, omega) for scores in steering], shares) - wanted
    if off(-WIDEST) * off(WIDEST) > 0:
        return None
    return float(brentq(off, -WIDEST, WIDEST, xtol=1e-6))


def within(points):
    """Distances between the points of each class: a list of [n_y, n_y]."""
    from scipy.spatial.distance import cdist

    return [cdist(mine, mine) for mine in points]


def distance(added, exact, between, tilted, shares):
    """The normalised energy distance of ``added`` from the weighted ``exact``: lists per class of [m_y, D], [n_y, D], ``within(exact)``
    and weights [n_y]. Classes with fewer than two images added do not count. None if there is no other.
    """
    from scipy.spatial.distance import cdist

    above = below = 0.0
    for x, y, near, w, share in zip(added, exact, between, tilted, shares):
        if len(x) < 2:
            continue
        across = 2 * float((cdist(x, y) @ w).mean())
        among_x = cdist(x, x).sum() / (len(x) * (len(x) - 1))
        among_y = float(w @ near @ w) / (1 - float((w**2).sum()))
        above, below = above + share * (across - among_x - among_y), below + share * across
    return float(above / below) if below else None
