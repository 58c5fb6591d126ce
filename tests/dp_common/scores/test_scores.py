"""Scores: higher = more wanted, so each is higher where the classifier finds it harder; its gradient points there."""

import math

import numpy as np
import pytest
import torch

from dp_common.arrays import DecodedImages
from dp_common.config import registry
from dp_common.lab.scoring import score_images
from dp_common.persistence.meter import Meter

HARDNESS = ("entropy", "loss", "margin", "least-confidence", "el2n")  # of the probabilities
DIFFERENTIABLE = (*HARDNESS, "energy")


def score(name):
    return registry.find("score", name).load().score


def logits_of(*probabilities):
    return torch.tensor(probabilities, dtype=torch.float64).log()


EASY, HARD = logits_of([0.97, 0.02, 0.01]), logits_of([0.40, 0.35, 0.25])


def test_these_are_all_the_scores():
    """A new score belongs into the sign tests below."""
    loaded = {name: plugin.load() for name, plugin in registry.plugins("score").items()}
    blind = {name for name, module in loaded.items() if module.BLIND}
    needy = {name for name, module in loaded.items() if module.NEEDS}  # in test_needs.py
    assert blind == {"random"} and needy == {
        "learnability",
        "bald",
        "variance",
        "hardness",
        "nll",
        "chamfer",
        "repulsion",
    }
    assert set(loaded) == {*DIFFERENTIABLE, *blind, *needy}


@pytest.mark.parametrize("name", HARDNESS)
@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_harder_scores_higher(name, temperature):
    label = torch.tensor([0])
    assert score(name)(HARD * temperature, label).item() > score(name)(EASY * temperature, label).item()
    values = [score(name)(EASY * sharpness, label).item() for sharpness in (0.2, 0.5, 1.0, 2.0)]
    assert values == sorted(values, reverse=True) and len(set(values)) == 4


def test_loss_is_highest_where_the_classifier_is_sure_and_wrong():
    values = score("loss")(torch.cat([EASY, HARD, EASY]), torch.tensor([0, 0, 2]))
    assert values.tolist() == pytest.approx([-math.log(0.97), -math.log(0.40), -math.log(0.01)])


def test_entropy_and_margin_do_not_look_at_the_label():
    for name in ("entropy", "margin", "least-confidence", "energy"):
        assert torch.equal(score(name)(HARD, torch.tensor([0])), score(name)(HARD, torch.tensor([2])))


def test_values():
    even = torch.zeros(1, 4, dtype=torch.float64)
    assert score("entropy")(even, None).item() == pytest.approx(math.log(4))
    assert score("margin")(even, None).item() == pytest.approx(0)
    assert score("margin")(HARD, None).item() == pytest.approx(0.35 - 0.40)
    assert score("least-confidence")(even, None).item() == pytest.approx(1 - 1 / 4)
    assert score("least-confidence")(HARD, None).item() == pytest.approx(1 - 0.40)
    assert score("el2n")(HARD, torch.tensor([1])).item() == pytest.approx(math.hypot(0.40, 0.65, 0.25))
    sure_and_wrong = torch.tensor([[50.0, 0.0, 0.0]], dtype=torch.float64)
    assert score("el2n")(sure_and_wrong, torch.tensor([2])).item() == pytest.approx(math.sqrt(2))
    assert score("energy")(even, None).item() == pytest.approx(-math.log(4))
    assert score("energy")(HARD - 2, None).item() == pytest.approx(2)  # fainter evidence: less familiar
    assert score("entropy")(HARD, None).item() == pytest.approx(-sum(p * math.log(p) for p in (0.40, 0.35, 0.25)))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradient_points_to_higher_scores(name):
    generator = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(200, 10, generator=generator, dtype=torch.float64)).requires_grad_()
    labels = torch.arange(200) % 10
    before = score(name)(logits, labels)
    (g,) = torch.autograd.grad(before.sum(), logits)
    length = g.norm(dim=1, keepdim=True)
    assert (length > 1e-8).all()
    after = score(name)(logits + 1e-4 * g / length, labels)
    torch.testing.assert_close(after - before, 1e-4 * length[:, 0], rtol=1e-2, atol=1e-9)
    assert (after > before).all()


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_finite_where_the_classifier_is_certain(name):
    logits = torch.tensor([[500.0, 0.0, -500.0]], requires_grad=True)
    value = score(name)(logits, torch.tensor([0]))
    (g,) = torch.autograd.grad(value.sum(), logits)
    assert torch.isfinite(value).all() and torch.isfinite(g).all()


def test_one_score_per_image_and_none_depends_on_the_others():
    logits, labels = torch.cat([EASY, HARD]), torch.tensor([1, 2])
    for name in DIFFERENTIABLE:
        both = score(name)(logits, labels)
        assert both.shape == (2,)
        torch.testing.assert_close(
            both, torch.cat([score(name)(logits[i : i + 1], labels[i : i + 1]) for i in range(2)])
        )


class Never:
    def predict(self, images, model):
        raise AssertionError("the learner was asked")


def test_random_is_blind_costs_nothing_and_belongs_to_the_index():
    meter, indices = Meter(), np.arange(100)
    values = score_images("random", Never(), DecodedImages(None, None, indices), 3, meter)
    assert meter.counts == {} and values.dtype == np.float32 and len(set(values.tolist())) == 100
    part = score_images("random", Never(), DecodedImages(None, None, indices[40:]), 3, meter)
    assert np.array_equal(values[40:], part)
    assert not np.array_equal(values, score_images("random", Never(), DecodedImages(None, None, indices), 4, meter))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_stored_images_are_scored_and_counted(name, digits, learner):
    meter, images, labels = Meter(), digits.monitor.images[:30], digits.monitor.labels[:30]
    values = score_images(name, learner, DecodedImages(images, labels, np.arange(30)), 0, meter)
    expected = score(name)(learner.predict(images), torch.from_numpy(labels))
    assert meter.counts == {"classifier_evaluations": 30} and values.dtype == np.float32
    np.testing.assert_allclose(values, expected.numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_finds_what_a_real_classifier_gets_wrong(name, digits, learner):
    right = learner.predict(digits.monitor.images).argmax(1).numpy() == digits.monitor.labels
    monitor = DecodedImages(digits.monitor.images, digits.monitor.labels, np.arange(len(digits.monitor)))
    values = score_images(name, learner, monitor, 0, Meter())
    assert values[~right].mean() > values[right].mean()
