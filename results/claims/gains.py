"""C1: dp above static at every scale, and the gap grows.

Confirmed: accuracy of dp minus static is above zero at every scale (t-interval and bootstrap), and the slope of
log(err_static/err_dp) over log2(scale), one number per seed, is above zero. Refuted: below zero at any scale, or a
slope below zero. No correction for the number of scales: at each of seven that are equal in truth, one in forty would
look refuted.
"""

import numpy as np
import pandas as pd

from results.analysis.stats import t_interval
from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding, Unit
from results.claims.judging.pairs import Pool, above, bootstrap, by_interval, by_scale, error, over_scales, sides_of

ABOVE, GROWS = "dp − static", "gap grows"
DOUBLING = Unit("per doubling of scale", 1, "+.3f")


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per scale, and one on the slope."""
    dp, static = selection.arm("dp"), selection.arm("static")
    return [*by_scale(ABOVE, dp, static, above), *slope(dp, static)]


def slope(dp: pd.DataFrame, static: pd.DataFrame) -> list[Finding]:
    """The finding on the slope, over the scales that every seed has; [] for fewer than two of them."""
    pool = Pool(dp, static)
    if len(pool.scales) < 2:
        return []
    if pool.waiting:
        return [over_scales(GROWS, pool, [])]
    doublings = np.log2(pool.scales)
    centred = doublings - doublings.mean()
    weights, images = centred / (centred**2).sum(), pool.values("test_images_a")  # least squares, as a weight per scale

    def effect(accuracies: dict[str, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        a, b = accuracies["test"]
        return (np.log(error(b, images) / error(a, images)) * weights).sum(axis=-1)

    interval = t_interval(effect({"test": (pool.values("accuracy_a"), pool.values("accuracy_b"))}))
    a, b = sides_of(pool, "test")
    resampled = (np.nan, np.nan) if a is None or b is None else bootstrap({"test": (a, b)}, effect, True)
    return [by_interval(GROWS, interval, DOUBLING, resampled)]


CLAIM = Claim(
    "C1",
    "dp above static at every scale, and the gap grows",
    "Confirmed: accuracy of dp minus static above zero at every scale (95 % t-interval over pairs and bootstrap), and "
    "the slope of log(err_static/err_dp) over log2(scale), one per seed, above zero (likewise; over the scales that "
    "every seed has). Refuted: below zero at any scale, or the slope below zero; scales are not corrected for.",
    dict.fromkeys((ABOVE, GROWS), (("static", {}), ("dp", {}))),
    paper.gains,
    judge,
    fewest=2,
)
