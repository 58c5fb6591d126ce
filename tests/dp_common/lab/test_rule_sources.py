"""Selection rules that look at features: within a run they choose what is found by hand."""

import numpy as np
import pytest

from dp_common.errors import BadInput
from dp_common.lab import runner
from dp_common.learner.features import features_of
from dp_common.real_images.splits import real_order
from dp_common.selection_rules.kcentre import KCentre

NONE = (np.zeros(0), np.zeros(0))


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
    with pytest.raises(
        BadInput, match=r"^prune.rule_args.real_per_class=5000: at most \d+, the real images of a class"
    ):
        runner.execute(run, quiet=True)
    assert not (tmp_path / "runs").exists()
