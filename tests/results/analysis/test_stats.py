"""Intervals against numbers worked out by hand, pairing, bootstrap, verdicts."""

from math import isnan, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from results.analysis.stats import Interval, paired_bootstrap, paired_difference, pairs, t_interval, verdict


def test_t_interval_golden():
    values = [0.90, 0.92, 0.94]  # mean 0.92, s = 0.02, t(0.975; 2) = 4.302653
    interval = t_interval(values)
    assert interval.n == 3 and interval.mean == pytest.approx(0.92)
    assert interval.high - interval.mean == pytest.approx(4.302652729911275 * 0.02 / sqrt(3))
    low, high = scipy_stats.t.interval(0.95, 2, loc=np.mean(values), scale=scipy_stats.sem(values))
    assert (interval.low, interval.high) == pytest.approx((low, high))
    assert t_interval(values, 0.9).high < interval.high


def test_t_interval_of_too_few_or_equal_values():
    assert t_interval([0.5])[:2] == (1, 0.5) and isnan(t_interval([0.5]).low)
    assert t_interval([]).n == 0 and isnan(t_interval([]).mean)
    assert t_interval([0.5, 0.5]) == Interval(2, 0.5, 0.5, 0.5)


def runs(accuracies, scale=1000, split=0):
    return pd.DataFrame(
        [{"seed": seed, "scale": scale, "data.split": split, "accuracy": value} for seed, value in accuracies.items()]
    )


def test_pairs_are_of_equal_seed_scale_and_split():
    a, b = runs({0: 0.9, 1: 0.8, 2: 0.7}), runs({1: 0.7, 2: 0.5, 5: 0.1})
    both = pairs(a, b)
    assert sorted(both["seed"]) == [1, 2]
    assert paired_difference(both)[:2] == (2, pytest.approx(0.15))
    assert not len(pairs(a, runs({0: 0.9}, scale=2000))) and not len(pairs(a, runs({0: 0.9}, split=1)))
    with pytest.raises(ValueError):
        pairs(a, pd.concat([b, b]))


@pytest.mark.parametrize("shared", [True, False])
def test_paired_bootstrap_is_fixed_and_covers_like_its_standard_error(shared):
    rng = np.random.default_rng(3)
    differences = rng.choice([-1, 0, 1], p=[0.05, 0.75, 0.2], size=(20, 400))
    low, high = paired_bootstrap(differences, shared_images=shared)
    assert (low, high) == paired_bootstrap(differences, shared_images=shared)
    assert low < differences.mean() < high
    seeds, images, both = (
        differences.mean(axis=1).var() / 20,
        differences.mean(axis=0).var() / 400,
        differences.var() / 8000,
    )
    expected = 2 * 1.96 * sqrt(seeds + both + (images if shared else 0))
    assert high - low == pytest.approx(expected, rel=0.1)


def test_bootstrap_needs_two_seeds_and_survives_chunks():
    assert all(map(isnan, paired_bootstrap(np.ones((1, 10)))))
    assert paired_bootstrap(np.ones((2, 50_000)), draws=30) == (1, 1)


@pytest.mark.parametrize(
    ("t", "boot", "expected"),
    [
        ((0.1, 0.3), (0.05, 0.2), "above"),
        ((0.1, 0.3), (-0.01, 0.2), "undecided"),
        ((-0.1, 0.3), (0.05, 0.2), "undecided"),
        ((-0.3, -0.1), (-0.2, -0.1), "below"),
        ((-0.3, -0.1), (np.nan, np.nan), "undecided"),
    ],
)
def test_a_verdict_needs_both(t, boot, expected):
    assert verdict(Interval(5, sum(t) / 2, *t), boot) == expected
