"""Rules that look at features: each against its definition, and within a run against doing it by hand."""

import time

import numpy as np
import pytest

from dp_common.errors import BadInput
from dp_common.lab import runner
from dp_common.learner.features import features_of
from dp_common.real_images.splits import real_order
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


def kept_by(open_lab, rule, *words, parameters=None):
    """A lab after 20 plain images, a training and a selection of 15 of 45."""
    one = open_lab(*words)
    one.lab.generate(21)
    one.lab.train(256)
    one.lab.select(45, 15, "random", rule=rule, parameters=parameters)
    return one


def test_in_a_run_it_is_what_is_found_by_hand(open_lab):
    one = kept_by(open_lab, "kcentre")
    learner, indices = one.run.models.learner, np.arange(21, 66)
    images = one.run.models.sampler.pixels(indices, indices % 3)[0]
    features = features_of(learner, images).numpy()
    kept = one.run.data.training_set.joined()
    present = features_of(learner, kept.images[:21]).numpy()
    expected = []
    for label in range(3):
        rows, there = np.flatnonzero(indices % 3 == label), np.flatnonzero(kept.labels[:21] == label)
        chosen = KCentre().choose(np.zeros(15), *NONE, 5, features=features[rows], present=present[there])
        expected += indices[rows[chosen]].tolist()
    assert kept.indices[21:].tolist() == sorted(expected)
    state = one.replay.state
    assert (state.information, state.consulted) == (0, 0)


def test_real_images_are_counted_and_are_those_of_the_runs_own_order(open_lab):
    one = kept_by(open_lab, "covariance", parameters={"real_per_class": 20})
    assert (one.replay.state.information, one.replay.state.consulted) == (2, 60)
    spent = sum(r["spent"]["counts"].get("classifier_evaluations", 0) for r in one.ledger.records)
    assert spent == 45 + 60  # random scores cost nothing; features of candidates and of real images do
    labels = one.run.data.real.labels
    assert np.bincount(labels[real_order(0, labels, 60, "class")]).tolist() == [20, 20, 20]


def test_more_real_images_than_a_class_holds_are_refused_beforehand(small, tmp_path):
    run = small("strategy=prune", "prune.rule=covariance", "prune.rule_args.real_per_class=5000")
    with pytest.raises(BadInput, match="^prune.rule_args.real_per_class=5000: at most 2"):
        runner.execute(run, quiet=True)
    assert not (tmp_path / "runs").exists()
