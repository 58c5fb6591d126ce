"""Features are what the last layer sees; moments are those of the set; heads are answers that repeat themselves."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from dp_common.errors import BadInput
from dp_common.learner.build import build
from dp_common.learner.features import features_of, head_of, moments_of, peers_of, with_features
from dp_common.learner.heads import thinned, trained_heads
from dp_common.seeds import derive, uniforms

SHAPES = {"vit-digits": (1, 8, 8), "resnet-small": (3, 32, 32), "mlp-plane": (1, 1, 2)}


def learner_of(name, classes=5, **model_args):
    torch.manual_seed(0)
    model = build(name, model_args, SHAPES[name], classes).eval()
    return SimpleNamespace(
        guiding=model,
        logits=lambda images, other=None: (other or model)(images.float()).float(),
        to_float=lambda images: torch.from_numpy(images).float() / 127.5 - 1,
        classes=classes,
        chunk=4,
        spec=SimpleNamespace(learner=name),
    )


@pytest.mark.parametrize("name", SHAPES)
def test_the_last_layer_makes_the_logits_of_the_features(name):
    one = learner_of(name)
    images = torch.randn(6, *SHAPES[name], generator=torch.Generator().manual_seed(0)).requires_grad_()
    logits, features = with_features(one, images)
    torch.testing.assert_close(head_of(one.guiding, name, 5)(features), logits)
    torch.testing.assert_close(logits, one.logits(images))
    (g,) = torch.autograd.grad(features.sum(), images)
    assert features.ndim == 2 and (g != 0).any()


def test_features_of_stored_images_come_in_chunks():
    one, images = learner_of("vit-digits"), np.random.default_rng(0).integers(256, size=(10, 1, 8, 8), dtype=np.uint8)
    whole = with_features(one, one.to_float(images))[1]
    torch.testing.assert_close(features_of(one, images), whole)


def test_a_learner_without_a_last_linear_layer_has_none():
    with pytest.raises(BadInput, match="learner=odd: has no last linear layer of 3 outputs"):
        head_of(nn.Sequential(nn.Flatten(), nn.Linear(4, 7)), "odd", 3)


def test_moments_are_those_that_the_features_were_drawn_with():
    generator = torch.Generator().manual_seed(0)
    means, labels = torch.tensor([[0.0, 3.0], [5.0, -1.0]]), torch.arange(20_000) % 2
    factor = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    features = means[labels] + torch.randn(20_000, 2, generator=generator) @ factor.T
    found, precision, log_det = moments_of(features, labels, 3, shrink=0.0)
    torch.testing.assert_close(found[:2], means, atol=0.03, rtol=0)
    torch.testing.assert_close(torch.linalg.inv(precision), factor @ factor.T, atol=0.03, rtol=0)
    assert log_det.item() == pytest.approx(torch.logdet(factor @ factor.T).item(), abs=0.05)
    torch.testing.assert_close(found[2], features.mean(0))  # a class without images


def test_moments_are_shrunk_towards_their_mean_variance():
    features, labels = torch.randn(60, 3, generator=torch.Generator().manual_seed(1)), torch.zeros(60, dtype=torch.long)
    sample = torch.cov(features.T, correction=0)
    expected = 0.8 * sample + (0.2 * sample.trace() / 3 + 1e-6) * torch.eye(3)
    torch.testing.assert_close(torch.linalg.inv(moments_of(features, labels, 1, shrink=0.2)[1]), expected)


def test_peers_are_of_the_class_and_by_lot_where_there_are_many():
    features = torch.arange(600.0)[:, None] * torch.tensor([[1.0, 0.0]])
    labels = torch.tensor([0] * 590 + [1] * 3 + [3] * 7)
    found, there, medians = peers_of(features, labels, np.arange(600), 4, seed=0)
    assert found.shape == (4, 256, 2) and there.sum(1).tolist() == [256, 3, 0, 7]
    assert found[1, :3, 0].tolist() == [590, 591, 592] and medians[1] == 1 and medians[3] == 4
    assert medians[2] == medians[[0, 1, 3]].mean()  # a class without images
    assert 200 < found[0, there[0], 0].mean() < 390 and not torch.equal(
        found[0], peers_of(features, labels, np.arange(600), 4, seed=1)[0][0]
    )
    assert peers_of(features[:1], labels[:1], np.arange(1), 2, 0)[2].tolist() == [1, 1]


def test_masks_stay_and_are_each_heads_own():
    one = learner_of("vit-digits", drop_rate=0.5)
    images = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    def answer(number, rows=slice(None)):
        with thinned(one.guiding, "vit-digits", 3, number):
            return one.logits(images[rows])

    torch.testing.assert_close(answer(0)[2:3], answer(0, slice(2, 3)))  # a batch equals its singles
    assert torch.equal(answer(1), answer(1)) and not torch.allclose(answer(0), answer(1))
    torch.testing.assert_close(one.logits(images), one.guiding(images))  # and nothing is left behind
    with pytest.raises(BadInput, match="heads.source=dropout: learner=vit-digits has no dropout layer that drops"):
        with thinned(learner_of("vit-digits").guiding, "vit-digits", 0, 0):
            pass


def test_each_epistemic_head_knows_its_own_half_by_heart_and_not_the_other():
    generator, indices = torch.Generator().manual_seed(0), np.arange(300)
    features, labels = torch.randn(300, 100, generator=generator), torch.randint(2, (300,), generator=generator)
    weights, biases = trained_heads(features, labels, indices, 2, 4, seed=5)
    right = (torch.einsum("nd,kdc->nkc", features, weights) + biases).argmax(2) == labels[:, None]
    halves = [torch.from_numpy(uniforms(derive(5, "half", k), "head", indices) < 0.5) for k in range(4)]
    assert not torch.equal(halves[0], halves[1])
    for k, half in enumerate(halves):
        assert right[half, k].float().mean() > 0.9 and right[~half, k].float().mean() < 0.65


def test_epistemic_heads_agree_where_there_is_data_and_differ_where_there_is_none():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 2
    features = torch.randn(400, 6, generator=generator)
    features[:, 0] = 4.0 * labels - 2 + 0.5 * features[:, 0]
    weights, biases = trained_heads(features, labels, np.arange(400), 2, 8, seed=0)
    again = trained_heads(features, labels, np.arange(400), 2, 8, seed=0)
    assert torch.equal(weights, again[0]) and torch.equal(biases, again[1])
    many = trained_heads(features.repeat(6, 1), labels.repeat(6), np.arange(2400), 2, 8, seed=0)  # by lot
    assert many[0].shape == weights.shape and not torch.equal(many[0], weights)

    def answers(rows):
        return (torch.einsum("nd,kdc->nkc", rows, weights) + biases).softmax(2)

    guesses = answers(features).argmax(2)
    assert (guesses == labels[:, None]).float().mean() > 0.97
    far = torch.zeros(50, 6)
    far[:, 1:] = 8 * torch.randn(50, 5, generator=generator)  # between the classes, and further out than any image
    assert answers(far).var(1).sum(1).mean() > 5 * answers(features).var(1).sum(1).mean()
