"""C1b: the advantage of dp over static grows with scale.

Per seed, the slope of ln(err_static/err_dp) over log2(scale), by least squares over the scales that every seed has; in
the teacher's world. Confirmed: above zero. Refuted: below.
"""

import numpy as np

from results.analysis.contrasts import POPULATION, PairedRuns, contrast
from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding, Unit
from results.claims.judging.rules import not_yet, of_values

GROWS = "log error per doubling of scale"
DOUBLING = Unit("log error per doubling", 1, "+.3f")


def judge(selection: ArmSelection) -> list[Finding]:
    """The finding on the slope; [] for fewer than two scales."""
    pool = PairedRuns(selection.arm("dp"), selection.arm("static"), selection.scales)
    if len(pool.scales) < 2:
        return []
    early = not_yet(GROWS, pool, POPULATION)
    if early is not None:
        return early
    found = contrast(pool, POPULATION)
    assert found is not None
    return [of_values(GROWS, pool, found.values @ slope_weights(found.scales), DOUBLING, selection)]


def slope_weights(scales: tuple[int, ...]) -> np.ndarray:
    """[S] of a least-squares slope over log2(scale)."""
    doublings = np.log2(scales)
    centred = doublings - doublings.mean()
    return centred / (centred**2).sum()


CLAIM = Claim(
    "C1b",
    "the advantage of dp over static grows with scale",
    "Slope of ln(err_static/err_dp) over log2(scale), one per seed, in the teacher's world. Confirmed: 95 % t-interval "
    "above zero. Refuted: below.",
    {GROWS: (("static", {}), ("dp", {}))},
    paper.gains,
    judge,
    fewest=3,
)
