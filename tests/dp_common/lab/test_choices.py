"""What a strategy chooses image by image: classes, and real images to start from."""

import numpy as np
import pytest

from dp_common.diffusion.guidance import Guidance
from dp_common.errors import Problem


def joined(one):
    return one.run.data.training_set.joined()


def test_labels_that_are_chosen_are_those_that_are_made(open_lab):
    labels = [2, 2, 1, 0, 2] * 6
    one = open_lab("shard=16")
    one.lab.generate(30)
    one.lab.generate(30, labels=labels)
    assert joined(one).labels[30:].tolist() == labels and joined(one).indices.tolist() == list(range(60))
    line = [record for record in one.ledger.records if record["kind"] == "call"][-1]
    assert line["args"]["labels"]["counts"] == [6, 6, 18]
    alone = one.run.models.sampler.pixels(np.array([33]), np.array([0]))[0]
    assert (
        np.abs(joined(one).images[33:34].astype(int) - alone).max() <= 1
    )  # an image is a function of its index and label


def test_from_images_a_little_noise_gives_variants_and_all_of_it_gives_new_ones(open_lab):
    one = open_lab("sampler.steps=50", "scale=120")
    rows = list(range(0, 60, 2))
    real = one.run.data.real
    one.lab.generate(30, start=rows, strength=0.05)
    one.lab.generate(30, start=rows, strength=0.2)
    one.lab.generate(30, start=rows, strength=1.0)
    images, labels, indices = joined(one)
    away = [np.abs(images[at : at + 30].astype(float) - real.read(np.array(rows))).mean() for at in (0, 30, 60)]
    assert 2 * away[0] < away[2] and away[0] < away[1] < away[2]
    assert labels[:30].tolist() == real.labels[rows].tolist()
    plain = one.run.models.sampler.pixels(indices[60:], labels[60:])[0]
    assert np.abs(images[60:].astype(float) - plain).mean() < 2  # all of it: what they started from is forgotten
    assert (one.replay.state.information, one.replay.state.consulted) == (3, 30)


def test_a_part_of_the_levels_is_a_part_of_the_price(open_lab):
    one = open_lab("sampler.steps=50")
    one.lab.generate(16, start=[0] * 16, strength=0.2)
    spent = sum(r["spent"]["counts"].get("network_evaluations", 0) for r in one.ledger.records)
    assert spent == 16 * 10


@pytest.mark.parametrize(
    "given, message",
    [
        (dict(labels=[0] * 4), "labels=: 5 whole numbers from 0 to 2 are wanted"),
        (dict(labels=[3] * 5), "labels=: 5 whole numbers from 0 to 2 are wanted"),
        (dict(labels=[0.5] * 5), "labels=: 5 whole numbers"),
        (dict(start=[600] * 5), "start=: 5 whole numbers from 0 to 599 are wanted"),
        (dict(start=[0] * 5, strength=0), "strength=0: above 0, at most 1"),
        (dict(start=[0] * 5, labels=[0] * 5), "labels= or start="),
    ],
)
def test_what_cannot_be_is_told(open_lab, given, message):
    one = open_lab()
    with pytest.raises(Problem, match=message):
        one.lab.generate(5, **given)
    assert one.lab.size == 0


def test_candidates_may_be_guided(open_lab):
    def born(omega):
        one = open_lab()
        one.lab.generate(20)
        one.lab.train(256)
        guidance = Guidance("entropy", omega, every=1) if omega else None
        one.lab.select(60, 20, "random", guidance=guidance, rule="ccs", parameters={"cut": 0})
        learner, images = one.run.models.learner, joined(one).images
        log_p = learner.predict(images[20:]).log_softmax(1)
        return float(-(log_p.exp() * log_p).sum(1).mean()), one

    (low, _), (plain, unguided), (high, guided) = born(-0.5), born(0), born(0.5)
    assert low < plain < high
    arguments = [[r for r in one.ledger.records if r["kind"] == "call"][-1]["args"] for one in (unguided, guided)]
    assert "guidance" not in arguments[0] and arguments[1]["guidance"]["omega"] == 0.5


def test_errors_are_those_of_monitor_class_by_class(open_lab):
    one = open_lab()
    one.lab.generate(30)
    accuracy = one.lab.train(512)
    errors = one.lab.errors()
    assert np.mean(errors) == pytest.approx(1 - accuracy)  # as many of each class
    assert len(set(errors)) > 1


@pytest.mark.parametrize("which", ["wrong", "right", "slow", "random"])
def test_anchors_are_what_they_are_called(open_lab, which):
    one = open_lab()
    one.lab.generate(30)
    one.lab.train(512)
    rows, again = one.lab.anchors(40, which), one.lab.anchors(40, which)
    assert len(set(rows)) == len(rows) <= 40 and rows != again  # another lot at the next call
    real, learner = one.run.data.real, one.run.models.learner
    right, losses = learner.correct(real), -learner.predict(real.images).log_softmax(1).numpy()
    loss = losses[np.arange(len(real)), real.labels]
    if which in ("wrong", "right"):
        assert (right[rows] == (which == "right")).all()
    if which == "slow":
        assert loss[rows].mean() > loss.mean() + 0.05
    assert one.replay.state.consulted == (40 if which == "random" else len(real))
    with pytest.raises(Problem, match="which=odd: one of wrong, slow, right, random"):
        one.lab.anchors(3, "odd")


def test_who_cannot_encode_cannot_start_from_images(open_lab):
    from pathlib import Path

    blobs = Path(__file__).parents[2] / "plugins" / "blobs.py"
    one = open_lab(f"teacher={blobs}:Blobs")
    with pytest.raises(Problem, match="generate: start=, and teacher blobs.* cannot encode images"):
        one.lab.generate(5, start=[0] * 5)
