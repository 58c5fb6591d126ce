"""C1: dp above static at every scale, and the gap grows.

Confirmed: accuracy of dp minus static is above zero at every scale (t-interval and bootstrap), and the slope of
log(err_static/err_dp) over log2(scale), one number per seed, is above zero. Refuted: below zero at any scale, or a slope below zero. No
correction for the number of scales: at each of seven that are equal in truth, one in forty would look refuted.
"""

import numpy as np

from results.analysis.stats import t_interval
from results.claims import paper
from results.claims.claim import Question
from results.claims.pairs import Pool, above, bootstrap, by_interval, by_scale, over_scales

ABOVE, GROWS = "dp − static", "gap grows"
DOUBLING = ("per doubling of scale", 1, "+.3f")


def judge(comparison):
    dp, static = comparison.arm("dp"), comparison.arm("static")
    return [*by_scale(ABOVE, dp, static, above), *slope(dp, static)]


def slope(dp, static):
    """[Finding] on the slope, over the scales that every seed has; [] for fewer than two of them."""
    pool = Pool(dp, static)
    if len(pool.scales) < 2:
        return []
    if pool.waiting:
        return [over_scales(GROWS, pool, [])]
    doublings = np.log2(pool.scales)
    across = (doublings - doublings.mean()) / (
        (doublings - doublings.mean()) ** 2
    ).sum()  # least squares, as a weight per scale
    images = pool.values("test_images_a")

    def effect(accuracies):
        a, b = accuracies["test"]
        return (np.log(error(b, images) / error(a, images)) * across).sum(axis=-1)

    interval = t_interval(effect({"test": (pool.values("accuracy_a"), pool.values("accuracy_b"))}))
    sides = [pool.flags(side, "test") for side in "ab"]
    resampled = bootstrap({"test": sides}, effect, pool.shared) if None not in sides else (np.nan, np.nan)
    return [by_interval(GROWS, interval, DOUBLING, resampled)]


def error(accuracy, images):
    """Share of errors with half an error added to both sides (Haldane 1956), so that its logarithm is finite."""
    return ((1 - accuracy) * images + 0.5) / (images + 1)


C1 = Question(
    "C1",
    "dp above static at every scale, and the gap grows",
    "Confirmed: accuracy of dp minus static above zero at every scale (95 % t-interval over pairs and bootstrap), and the slope of "
    "log(err_static/err_dp) over log2(scale), one per seed, above zero (likewise; over the scales that every seed has). Refuted: below "
    "zero at any scale, or the slope below zero; scales are not corrected for.",
    dict.fromkeys((ABOVE, GROWS), (("static", {}), ("dp", {}))),
    paper.gains,
    judge,
    fewest=2,
)
