"""Estimates and intervals against numbers worked out by hand; pairing."""

from math import isnan, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from results.analysis.stats import Estimate, Interval, over_seeds, pairs, t_interval


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
    equal = t_interval([0.5, 0.5])  # two equal runs say nothing of the spread of runs
    assert equal[:2] == (2, 0.5) and isnan(equal.low) and isnan(equal.high)
    assert isnan(t_interval([0.9 - 0.8, 0.8 - 0.7]).low)  # equal but for the last bit of a float
    assert t_interval([0.5] * 3) == Interval(3, 0.5, 0.5, 0.5)


def runs(accuracies, scale=1000, split=0):
    return pd.DataFrame(
        [{"seed": seed, "scale": scale, "data.split": split, "accuracy": value} for seed, value in accuracies.items()]
    )


def test_pairs_are_of_equal_seed_scale_and_split():
    a, b = runs({0: 0.9, 1: 0.8, 2: 0.7}), runs({1: 0.7, 2: 0.5, 5: 0.1})
    both = pairs(a, b)
    assert sorted(both["seed"]) == [1, 2]
    assert list(both["accuracy_a"] - both["accuracy_b"]) == pytest.approx([0.1, 0.2])
    assert not len(pairs(a, runs({0: 0.9}, scale=2000))) and not len(pairs(a, runs({0: 0.9}, split=1)))
    with pytest.raises(ValueError):
        pairs(a, pd.concat([b, b]))


def test_an_estimate_has_the_p_value_of_its_interval():
    estimate = over_seeds([0.90, 0.92, 0.94])
    assert estimate == Estimate(3, pytest.approx(0.92), pytest.approx(0.02 / sqrt(3)), 2)
    shifted = over_seeds(np.array([0.90, 0.92, 0.94]) - 0.92 + 4.302652729911275 * 0.02 / sqrt(3))
    assert shifted.low == pytest.approx(0, abs=1e-9) and shifted.p == pytest.approx(0.05)
    assert isnan(over_seeds([0.5]).p)


def test_of_equal_numbers_the_p_value_is_one_or_nothing():
    assert over_seeds([0.1] * 4).p == 0 and over_seeds([0.0] * 4).p == 1


def test_no_interval_of_an_accuracy_reaches_beyond_what_accuracies_are():
    wide = t_interval([0.9, 1.0])
    assert wide.high > 1 and wide.within(0, 1)[1:] == (wide.mean, max(0.0, wide.low), 1.0)
    assert isnan(t_interval([0.9]).within(0, 1).low)
