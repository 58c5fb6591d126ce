"""The classifier in training: its schedule, its iterations however they are cut, what is right and what survives."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from dp_common.errors import BadInput
from dp_common.learner.build import check_fits
from dp_common.learner.classifier import guesses_among, lr_factor, weights_digest, with_last
from dp_common.real_images.splits import LazySplit, Split


def batch_of(resolved, n=64):
    return resolved.task.train.images[:n], resolved.task.train.labels[:n]


def weights(learner):
    return torch.cat([value.flatten() for value in learner.model.state_dict().values()])


def test_the_learning_rate_rises_stays_and_falls_to_zero():
    assert [lr_factor(x) for x in (0.0, 0.05, 0.1, 0.5, 0.79)] == pytest.approx([0.0, 0.5, 1.0, 1.0, 1.0])
    assert [lr_factor(x) for x in (0.8, 0.9, 1.0)] == pytest.approx([1.0, 0.5, 0.0])
    assert lr_factor(0.85) == pytest.approx((1 + np.cos(np.pi / 4)) / 2)


def test_one_step_is_adamw_on_the_mean_loss(plane_learner):
    """Against torch's own optimiser on the same batch, at the learning rate of the schedule."""
    learner, resolved = plane_learner("train.weight_decay=0")
    reference, images_labels = learner.model_of(learner.frozen_copy()).train(), batch_of(resolved)
    images, labels = learner.to_float(images_labels[0]), torch.from_numpy(images_labels[1])
    optimizer = torch.optim.AdamW(reference.parameters(), lr=resolved.spec.train.lr * 0.5, weight_decay=0)
    loss = cross_entropy(reference(images), labels)
    loss.backward()
    optimizer.step()
    assert float(learner.step([images_labels], 0)) == pytest.approx(float(loss), rel=1e-6)
    expected = torch.cat([value.flatten() for value in reference.state_dict().values()])
    torch.testing.assert_close(weights(learner), expected)


def test_micro_batches_make_the_same_iteration(plane_learner):
    whole, resolved = plane_learner()
    cut, _ = plane_learner("train.micro=16")
    images, labels = batch_of(resolved)
    losses = (
        whole.step([(images, labels)], 0),
        cut.step([(images[i : i + 16], labels[i : i + 16]) for i in range(0, 64, 16)], 0),
    )
    assert float(losses[0]) == pytest.approx(float(losses[1]), rel=1e-5)
    torch.testing.assert_close(weights(whole), weights(cut), rtol=1e-4, atol=1e-6)


def test_the_seed_decides_the_initial_weights(plane_learner):
    one, other, again = (plane_learner(word)[0].digest() for word in ("seed=0", "seed=1", "seed=0"))
    assert one == again != other
    learner, resolved = plane_learner()
    learner.step([batch_of(resolved)], 0)
    assert learner.digest() != one
    learner.reset()
    assert learner.digest() == one and not learner.optimizer.state_dict()["state"]


@pytest.mark.parametrize("words", [[], ["train.ema=0.9"]])
def test_training_goes_on_from_a_stored_state(plane_learner, words):
    learner, resolved = plane_learner(*words)
    for seen in (0, 64):
        learner.step([batch_of(resolved)], seen)
    stored = {key: value.clone() for key, value in learner.state().items()}
    restored, _ = plane_learner(*words)
    restored.load(stored)
    for one in (learner, restored):
        one.step([batch_of(resolved)], 128)
    assert learner.state().keys() == restored.state().keys()
    assert all(torch.equal(learner.state()[key], restored.state()[key]) for key in stored)
    assert learner.digest() == restored.digest()


def test_averaged_weights_guide_unless_raw_ones_are_asked_for(plane_learner):
    averaged, resolved = plane_learner("train.ema=0.9")
    raw, _ = plane_learner("train.ema=0.9", "guide_with=raw")
    before = averaged.digest()
    for learner in (averaged, raw):
        learner.step([batch_of(resolved)], 0)  # the first update takes the weights as they are
        learner.step([batch_of(resolved)], 64)
    assert averaged.guiding is averaged.average.module and raw.guiding is raw.model
    assert averaged.digest() != raw.digest() and weights_digest(averaged.model.state_dict()) == raw.digest() != before
    assert not averaged.guiding.training


def test_predictions_are_the_models_in_chunks(plane_learner):
    learner, resolved = plane_learner()
    images = resolved.task.monitor.images
    expected = learner.model.eval()(torch.from_numpy(images).float() / 127.5 - 1)
    learner.chunk = 7
    torch.testing.assert_close(learner.predict(images), expected.detach())


@pytest.mark.parametrize("chunk", [7, 1000])
def test_correct_is_image_by_image(plane_learner, chunk):
    learner, resolved = plane_learner()
    learner.chunk, monitor = chunk, resolved.task.monitor
    expected = learner.predict(monitor.images).argmax(1).numpy() == monitor.labels
    lazy = LazySplit(lambda row: monitor.images[row], monitor.labels)
    assert np.array_equal(learner.correct(monitor), expected) and 0 < expected.mean() < 1
    assert np.array_equal(learner.correct(lazy), expected)


def test_what_is_kept_decoded_is_looked_at_without_other_processes(plane_learner, tmp_path, monkeypatch):
    learner, resolved = plane_learner()
    monitor = resolved.task.monitor
    expected, asked = learner.correct(monitor), []
    lazy = LazySplit(lambda row: (asked.append(row), monitor.images[row])[1], monitor.labels, identity=lambda: "plane")
    lazy.keep(str(tmp_path), "monitor", monitor.images.shape[1:])
    learner.chunk, learner.readers = 100, 2
    assert np.array_equal(learner.correct(lazy), expected) and not asked  # they were asked for in other processes
    monkeypatch.setattr("torch.utils.data.DataLoader", None)
    assert np.array_equal(learner.correct(lazy), expected) and not asked


def test_some_classes_only_are_guessed_among():
    logits = np.array([[5.0, 1.0, 2.0], [0.0, 3.0, 2.0]])
    assert guesses_among(logits, None).tolist() == [0, 1]
    assert guesses_among(logits, np.array([1, 2])).tolist() == [2, 1]


def test_a_split_of_some_classes_is_scored_among_them(plane_learner):
    learner, resolved = plane_learner()
    monitor = resolved.task.monitor
    rows = monitor.labels > 0
    part = Split(monitor.images[rows], monitor.labels[rows], among=np.array([1, 2]))
    whole = Split(part.images, part.labels)
    assert learner.correct(part).mean() > learner.correct(whole).mean()


def test_a_model_that_does_not_fit_is_named():
    with pytest.raises(BadInput, match="learner=vit-digts: .*Did you mean"):
        check_fits("vit-digts", {}, (1, 8, 8), 10)
    with pytest.raises(BadInput, match="learner=resnet18"):
        check_fits("resnet18", {"nonsense": 1}, (3, 32, 32), 10)
    check_fits("mlp-plane", {}, (1, 1, 2), 3)


def test_the_last_of_a_stream_is_known():
    assert list(with_last(iter("abc"))) == [("a", False), ("b", False), ("c", True)]
    assert list(with_last([])) == [] and list(with_last("a")) == [("a", True)]


@pytest.mark.parametrize("name", ["vit-digits", "cnn-digits", "resnet18"])
@pytest.mark.parametrize("decay", [0.05, 0.0])
def test_groups_of_weight_decay_are_timms(name, decay):
    from timm.optim import param_groups_weight_decay

    from dp_common.learner.build import build
    from dp_common.learner.classifier import weight_decay_groups

    model = build(name, {}, (1, 8, 8), 10)
    next(model.parameters()).requires_grad_(False)
    ours, theirs = weight_decay_groups(model, decay), param_groups_weight_decay(model, decay)
    assert [group["weight_decay"] for group in ours] == [group["weight_decay"] for group in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert [id(parameter) for parameter in one["params"]] == [id(parameter) for parameter in other["params"]]
