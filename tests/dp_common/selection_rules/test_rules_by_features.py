"""Rules that look at features: each against its definition."""

import time

import numpy as np

from dp_common.selection_rules.covariance import Covariance
from dp_common.selection_rules.kcentre import KCentre

NONE = (np.zeros(0), np.zeros(0))


def drawn(n, scale, seed=0):
    return (np.random.default_rng(seed).normal(size=(n, len(scale))) * scale).astype(np.float32)


def scores_of(features):
    return np.zeros(len(features), np.float32)


def test_covariance_adds_what_brings_it_nearest_to_the_real_one():
    """Each step against trying every candidate; PCA of all directions turns nothing in the Frobenius norm."""
    real, features = drawn(30, [2.0, 0.5, 1.0], 1), drawn(25, [1.0, 1.0, 1.0])
    rows = Covariance(dimensions=3).choose(scores_of(features), *NONE, 8, features=features, real=real).tolist()
    target = np.cov(real.T, bias=True)
    assert rows[0] == np.argmin(((features - real.mean(0)) ** 2).sum(1))
    for size in range(1, 8):
        others = [row for row in range(25) if row not in rows[:size]]
        gaps = [np.linalg.norm(np.cov(features[[*rows[:size], row]].T, bias=True) - target) for row in others]
        assert others[int(np.argmin(gaps))] == rows[size]


def test_covariance_looks_at_the_widest_directions_of_the_real_images_alone():
    real, features = drawn(40, [1.0, 0.0, 3.0, 0.0], 1), drawn(60, [1.0, 5.0, 2.0, 5.0])
    seen = features * np.float32([1, 0, 1, 0])
    rule = Covariance(dimensions=2)
    chosen, expected = (rule.choose(scores_of(x), *NONE, 10, features=x, real=real).tolist() for x in (features, seen))
    assert (
        chosen
        == expected
        != Covariance(dimensions=4).choose(scores_of(features), *NONE, 10, features=features, real=real).tolist()
    )


def test_covariance_takes_the_wide_where_the_pool_is_narrow():
    real, features = drawn(200, [2.0, 2.0], 1), drawn(2000, [1.0, 1.0])
    rows = Covariance(dimensions=2).choose(scores_of(features), *NONE, 100, features=features, real=real)
    widths = [np.trace(np.cov(points.T)) for points in (features, features[rows], real)]
    assert abs(widths[1] - widths[2]) < 0.1 * widths[2] and widths[0] < 0.6 * widths[2]


def test_kcentre_takes_the_furthest_from_all_that_is_there():
    features = np.array([[0.0], [1.0], [5.0], [9.0], [10.0]], np.float32)
    rule = KCentre()
    assert rule.choose(scores_of(features), *NONE, 2, features=features, present=features[:1]).tolist() == [4, 2]
    alone = rule.choose(np.array([0, 0, 1, 0, 0.0]), *NONE, 3, features=features, present=features[:0])
    assert alone.tolist() == [2, 0, 4]  # the highest score, then the two ends; ties: the lower index
    same = np.zeros((4, 2), np.float32)
    assert sorted(rule.choose(np.zeros(4), *NONE, 4, features=same, present=same[:0]).tolist()) == [0, 1, 2, 3]


def test_a_thousand_candidates_take_less_than_a_second():
    features, real, present = drawn(1000, np.ones(64)), drawn(32, np.ones(64), 1), drawn(10_000, np.ones(64), 2)
    for rule, more in ((Covariance(), {"real": real}), (KCentre(), {"present": present})):
        begun = time.process_time()
        rule.choose(scores_of(features), *NONE, 125, features=features, **more)
        assert time.process_time() - begun < 1
