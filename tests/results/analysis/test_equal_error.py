"""Images for equal errors: the factor, its interval by an inverted test, open ends, and hours."""

from math import inf, log

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from results.analysis.effects import share_of_errors
from results.analysis.equal_error import PER_DOUBLING, at_equal_error, hours_factor
from results.analysis.study import load
from tests.results.claims import claim_world as world

STATIC = (250, 500, 1000, 2000, 4000)


def comparison_of(root, gain, scales=(1000,), noise=0.02, seeds=range(6), **more):
    """static at five scales, 0.4, 0.3, 0.24, 0.2 and 0.15 wrong, and dp."""
    hours = {"hours": lambda seed, scale: 1e-5 * scale}
    world.runs(root, "strategy=static", 0.0, scales=STATIC, seeds=seeds, noise=noise, **hours)
    world.runs(root, "strategy=dp", gain, scales=scales, seeds=seeds, noise=noise, hours=lambda s, scale: 2e-5 * scale)
    return load(root).single()


@pytest.fixture(scope="module")
def doubled(tmp_path_factory):
    """dp at 1k makes the errors of static at 2k."""
    return comparison_of(tmp_path_factory.mktemp("doubled"), log(0.24 / 0.2))


def test_the_factor_is_where_the_baseline_makes_as_many_errors(doubled):
    found = at_equal_error(doubled, "dp", "static", "population", 1000)
    assert found.factor == pytest.approx(2, rel=0.02) and found.low < 2 < found.high and found.n == 6
    assert (found.least, found.most) == (0.25, 4)
    factor, low, high = hours_factor(doubled, "dp", "static", found)
    assert factor == pytest.approx(found.factor / 2, rel=1e-6)  # a guided image costs two plain ones
    assert (low, high) == pytest.approx((found.low / 2, found.high / 2))


def test_the_interval_is_what_a_paired_test_does_not_reject(doubled):
    """By hand, from the runs: the baseline's log error between its scales, minus the arm's, at equal seed."""
    runs = doubled.done.sort_values("seed")
    error = np.log(share_of_errors(1 - runs["population"].to_numpy(float), world.DRAWN))
    of = lambda arm, scale: error[((runs["arm"] == arm) & (runs["scale"] == scale)).to_numpy()]
    curve = np.stack([of("static", scale) for scale in STATIC])

    def p(factor):
        place = np.log2(1000 * factor)
        between = [np.interp(place, np.log2(STATIC), curve[:, seed]) for seed in range(6)]
        return ttest_1samp(between - of("dp", 1000), 0).pvalue

    found, step = at_equal_error(doubled, "dp", "static", "population", 1000), 2 ** (1 / PER_DOUBLING)
    assert p(found.low) < 0.05 < p(found.low * step) and p(found.high) < 0.05 < p(found.high / step)


def test_on_real_images(doubled):
    found = at_equal_error(doubled, "dp", "static", "test", 1000)
    assert found.factor == pytest.approx(2, rel=0.1) and found.low < 2 < found.high  # whole images of 200


@pytest.mark.parametrize(
    ("gain", "factor", "low", "high"),
    [(2.0, inf, 4.0, inf), (-0.7, 0.0, 0.0, 0.25)],  # fewer errors than static anywhere, and more
)
def test_beyond_the_scales_of_the_baseline_there_is_no_end(tmp_path, gain, factor, low, high):
    found = at_equal_error(comparison_of(tmp_path, gain), "dp", "static", "population", 1000)
    assert (found.factor, found.low, found.high) == (factor, low, high)


def test_a_flat_curve_has_no_upper_end(tmp_path):
    """static at 4k is as good as dp: within the noise of six seeds more images would never be decided better."""
    found = at_equal_error(comparison_of(tmp_path, log(0.24 / 0.15)), "dp", "static", "population", 1000)
    assert found.high == inf and 3 < found.low < 4


def test_three_seeds_and_one_scale_say_nothing(tmp_path):
    few = comparison_of(tmp_path / "few", 0.1, seeds=range(3))
    assert at_equal_error(few, "dp", "static", "population", 1000) is None
    world.runs(tmp_path / "one", "strategy=static", 0.0, scales=(1000,))
    world.runs(tmp_path / "one", "strategy=dp", 0.1, scales=(1000,))
    assert at_equal_error(load(tmp_path / "one").single(), "dp", "static", "population", 1000) is None
