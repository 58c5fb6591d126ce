"""Effects and rules: closed forms, and size and power by simulation."""

from math import isnan, log, sqrt

import numpy as np
import pytest
from scipy import stats

from results.analysis import effects
from results.analysis.effects import Components, holm, judged, judged_together, log_error_ratio, tost, two_way_interval
from results.analysis.stats import Estimate, over_seeds

OBSERVED = Components(0.65, 23.0, 636.0)  # points² of a paired difference on 450 digits, mean of ten contrasts


def table(rng, n, m, parts, effect=0.0):
    of_seeds, of_images, residual = (
        sqrt(part) * rng.standard_normal(size) for part, size in zip(parts, ((n, 1), (1, m), (n, m)))
    )
    return effect + of_seeds + of_images + residual


def test_log_error_ratio_counts_half_an_image_and_is_antisymmetric():
    assert log_error_ratio(0.1, 0.2, 1000) == pytest.approx(log(200.5 / 100.5))
    assert log_error_ratio(0.02, 0.04, 10**9) == pytest.approx(log(2))
    a, b = np.array([0.0, 0.1, 0.3]), np.array([0.2, 0.1, 0.0])
    assert log_error_ratio(a, b, 200) == pytest.approx(-log_error_ratio(b, a, 200))
    assert log_error_ratio(0, 0, 200) == 0 and log_error_ratio(0, 1, 200) == pytest.approx(log(401))


def test_half_an_image_leaves_the_logarithm_nearly_unbiased():
    """Of k errors among 450 with p = 8 % the plain logarithm is biased by −(1 − p)/(2 p m), the other hardly."""
    p, m = 0.08, 450
    k = np.arange(m + 1)
    weights = stats.binom.pmf(k, m, p)
    corrected = (weights * np.log(effects.share_of_errors(k / m, m))).sum() - log(p)
    plain = (weights[1:] * np.log(k[1:] / m)).sum() - log(p)
    assert abs(corrected) < 0.15 * abs(plain) and plain == pytest.approx(-(1 - p) / (2 * p * m), rel=0.1)


def test_two_way_interval_golden():
    """Worked by hand: row means 2, 4, 2, 4, column means 1, 4, 4, mean 3, sum of squares about it 44."""
    found = two_way_interval(np.array([[0.0, 2.0, 4.0], [2.0, 6.0, 4.0]] * 2))
    seeds, images, residual = 3 * 4 / 3, 4 * 6 / 2, (44 - 12 - 24) / 6  # mean squares: 4, 12, 4/3
    variance = (seeds + images - residual) / 12
    df = (12 * variance) ** 2 / (seeds**2 / 3 + images**2 / 2 + residual**2 / 6)
    assert (found.n, found.mean, found.se) == pytest.approx((4, 3, sqrt(variance)))
    assert found.df == pytest.approx(max(df, 3)) == pytest.approx(3)
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, found.df) * found.se)
    assert found.p == pytest.approx(2 * stats.t.sf(3 / found.se, found.df))


def test_degrees_of_freedom_are_satterthwaites_from_four_seeds_on():
    """Five seeds, 30 images, mean squares 2, 3 and 1."""
    variance, df = effects.variance_and_df(2.0, 3.0, 1.0, 5, 30)
    assert variance == pytest.approx(4 / 150) and df == pytest.approx(16 / (4 / 4 + 9 / 29 + 1 / 116))
    assert effects.variance_and_df(2.0, 3.0, 1.0, 3, 30)[1] == 2
    assert effects.variance_and_df(2.0, 0.5, 1.0, 5, 30) == (2 / 150, 4)  # never below the seeds' own part


def test_two_way_is_never_shorter_than_over_seeds_and_equals_it_where_images_are_alike():
    seeds = np.array([0.1, 0.3, -0.2, 0.4])
    equal = two_way_interval(np.repeat(seeds[:, None], 50, axis=1))
    assert equal == pytest.approx(over_seeds(seeds))
    rng = np.random.default_rng(0)
    for _ in range(50):
        noise = table(rng, 5, 40, (0.1, 0.0, 4.0))
        assert two_way_interval(noise).se >= over_seeds(noise.mean(axis=1)).se * (1 - 1e-12)


def test_images_that_all_seeds_agree_on_count_as_many_seeds_do_not():
    """Equal rows: no seed varies, and yet other images would have given another mean."""
    row = np.array([1.0, -1.0, 0.0, 1.0, 0.0, 1.0])
    found = two_way_interval(np.tile(row, (30, 1)))
    assert found.se == pytest.approx(row.std(ddof=1) / sqrt(6)) and found.df == pytest.approx(29)
    # (Satterthwaite's own is 5; with as few images as that the least, n − 1, is the larger)


@pytest.mark.parametrize("shape", [(1, 5), (4, 1), (0, 5)])
def test_too_small_a_table_has_no_interval(shape):
    assert isnan(two_way_interval(np.ones(shape)).se)
    assert isnan(two_way_interval(np.ones((2, 5))).se)  # nor have two seeds that are alike in every image


def test_components_are_unbiased():
    rng = np.random.default_rng(1)
    found = np.mean([effects.components(table(rng, 6, 60, (1.0, 2.0, 9.0))) for _ in range(400)], axis=0)
    assert found == pytest.approx((1.0, 2.0, 9.0), rel=0.12)


def size_and_power(parts, n, m, effect, studies, seed=0):
    """(share of studies that find something where nothing is, share that find ``effect``)."""
    rng = np.random.default_rng(seed)
    nothing = [judged(two_way_interval(table(rng, n, m, parts))) != "undecided" for _ in range(studies)]
    something = [judged(two_way_interval(table(rng, n, m, parts, effect))) == "above" for _ in range(studies)]
    return np.mean(nothing), np.mean(something)


def ideal_power(parts, n, m, effect):
    """Of a test that knew the variance but for n − 1 degrees of freedom."""
    variance = parts.seed / n + parts.image / m + parts.residual / (n * m)
    shift, limit = effect / sqrt(variance), stats.t.ppf(0.975, n - 1)
    return stats.nct.sf(limit, n - 1, shift)


def test_size_and_power_under_the_components_that_were_observed():
    """1,500 studies: the size ± 1.1 points, the power ± 2.5 (two standard errors)."""
    found = size_and_power(OBSERVED, 8, 450, 1.5, 1500)
    assert 0.035 < found[0] < 0.065
    assert found[1] > ideal_power(OBSERVED, 8, 450, 1.5) - 0.04


@pytest.mark.slow
@pytest.mark.parametrize("parts", [OBSERVED, Components(0.1, 28.0, 560.0), Components(2.3, 57.0, 600.0)])
@pytest.mark.parametrize("n", [5, 8, 16])
def test_size_and_power_at_length(parts, n):
    """20,000 studies, sizes within 4 and 6 %, powers within 3 points of what there is to be had.

    By their mean squares, which is what the rule sees: the same as tables, see test_power.
    """
    from results.analysis.power import Design, studies

    design = Design(parts, 450)
    effect = 2.5 * sqrt(parts.seed / n + parts.image / 450 + parts.residual / (n * 450))
    mean, error, df = studies(design, 0.0, n, 20_000, seed=2)
    sizes = (np.abs(mean) / error > stats.t.ppf(0.975, df)).mean()
    power = ((mean + effect) / error > stats.t.ppf(0.975, df)).mean()
    assert 0.04 <= sizes <= 0.06 and power > ideal_power(parts, n, 450, effect) - 0.03


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 16])
def test_where_every_seed_has_images_of_its_own_it_comes_to_the_t_interval(n):
    rng = np.random.default_rng(3)
    parts = Components(0.5, 0.0, 600.0)  # what an image explains is part of the residual: no column has anything common
    found, alone = [], []
    for _ in range(4000):
        drawn = table(rng, n, 300, parts)
        found.append(judged(two_way_interval(drawn)) != "undecided")
        alone.append(judged(over_seeds(drawn.mean(axis=1))) != "undecided")
    assert 0.038 <= np.mean(found) <= 0.062 and abs(np.mean(found) - np.mean(alone)) < 0.01


def test_correctness_is_no_normal_variable_and_the_size_holds_all_the_same():
    """Two arms of equal skill, each image with its own difficulty, each seed with its own luck."""
    rng, found = np.random.default_rng(4), []
    for _ in range(1500):
        difficulty, n = rng.normal(2.5, 1.5, 450), 6
        sides = []
        for _ in range(2):
            own = rng.normal(0, 0.15, (n, 1)) + rng.normal(0, 0.3, (1, 450))  # an arm's likes and dislikes
            sides.append(rng.random((n, 450)) < 1 / (1 + np.exp(-difficulty - own)))
        found.append(judged(two_way_interval(sides[0].astype(float) - sides[1])) != "undecided")
    assert 0.035 < np.mean(found) < 0.065


def test_holm_golden_and_what_was_not_tested_counts_for_nothing():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1] and holm([]) == []
    found = holm([0.02, float("nan"), 0.02])
    assert found[0] == found[2] == pytest.approx(0.04) and isnan(found[1])


def test_holm_keeps_the_chance_of_any_false_arrow_at_five_percent():
    rng, wrong = np.random.default_rng(5), []
    for _ in range(3000):
        estimates = [over_seeds(rng.standard_normal(8)) for _ in range(7)]
        wrong.append(any(word != "undecided" for word in judged_together(estimates)))
    assert 0.035 < np.mean(wrong) < 0.06


def test_judged_is_what_the_interval_says():
    for mean, word in ((0.5, "above"), (-0.5, "below"), (0.3, "undecided")):
        estimate = Estimate(6, mean, 0.15, 5)
        assert judged(estimate) == word
        assert (word == "undecided") == (estimate.low < 0 < estimate.high)
    assert judged(Estimate(1, 0.5, float("nan"), 0)) == "undecided"


@pytest.mark.parametrize(
    ("mean", "se", "word"),
    [
        (0.02, 0.02, "equal"),
        (0.02, 0.06, "undecided"),
        (0.3, 0.05, "above"),
        (-0.3, 0.05, "below"),
        (0.08, 0.02, "undecided"),
    ],
)
def test_tost(mean, se, word):
    assert tost(Estimate(9, mean, se, 8)) == word
    low, high = Estimate(9, mean, se, 8).interval(0.9)[2:]
    assert (word == "equal") == (-0.1 < low and high < 0.1)


def test_tost_finds_five_percent_at_the_edge():
    """Two arms exactly the margin apart are called equal in one study of twenty."""
    rng = np.random.default_rng(6)
    found = [tost(over_seeds(0.1 + 0.03 * rng.standard_normal(10))) == "equal" for _ in range(4000)]
    assert 0.04 < np.mean(found) < 0.06


def looked_at(rng, effect=0.0):
    """Was a study, looked at as planned, decided at any look?"""
    values = effect + rng.standard_normal(max(effects.LOOKS))
    return any(over_seeds(values[:n]).p < effects.nominal_p(n) for n in effects.LOOKS)


def test_planned_looks_together_make_one_test():
    rng = np.random.default_rng(7)
    assert 0.04 < np.mean([looked_at(rng) for _ in range(3000)]) < 0.06
    assert np.mean([looked_at(rng, 0.6) for _ in range(500)]) > 0.75  # d = 0.6: 24 seeds at once have 0.80


@pytest.mark.parametrize(("n", "p"), [(7, 0.0), (8, 0.0002), (15, 0.0002), (16, 0.012), (24, 0.046), (99, 0.046)])
def test_a_look_has_the_p_of_the_last_planned_one(n, p):
    assert effects.nominal_p(n) == p
