"""Scores that look at more than logits: each against a closed form, each with a gradient that raises it."""

import math

import numpy as np
import pytest
import torch

from dp_common.config import registry
from dp_common.errors import BadInput


def score(name):
    return registry.find("score", name).load().score


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_learnability_is_what_the_learner_loses_and_the_reference_does_not():
    labels = torch.tensor([0, 0, 0])
    unsure, sure = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([[30.0, 0.0]], dtype=torch.float64)
    values = score("learnability")(
        torch.cat([unsure, unsure, sure]), labels, reference=torch.cat([sure, unsure, unsure])
    )
    # worth learning; hard for both, so worth nothing; known already
    assert values.tolist() == pytest.approx([math.log(2), 0, -math.log(2)])


def test_a_constant_in_the_reference_changes_nothing():
    """Log-densities of the classes at equal priors are such logits."""
    logits, reference, labels = drawn(8, 3), drawn(8, 3), torch.arange(8) % 3
    moved = score("learnability")(logits, labels, reference=reference - 1000 * torch.arange(8)[:, None])
    torch.testing.assert_close(moved, score("learnability")(logits, labels, reference=reference))


def test_heads_that_agree_disagree_about_nothing_and_those_that_are_opposite_about_all():
    one = drawn(6, 1, 4)
    opposite = torch.tensor([[[50.0, 0.0], [0.0, 50.0]]], dtype=torch.float64)
    unsure = torch.zeros(1, 5, 2, dtype=torch.float64)
    labels = torch.zeros(6, dtype=torch.long)
    for name, most in (("bald", math.log(2)), ("variance", 0.5)):
        assert score(name)(None, labels, heads=one.expand(6, 3, 4)).abs().max() < 1e-9
        assert score(name)(None, labels[:1], heads=opposite).item() == pytest.approx(most)
        assert score(name)(None, labels[:1], heads=unsure).item() == pytest.approx(0)  # entropy would be at its highest


def test_bald_is_the_mutual_information():
    heads = drawn(5, 4, 3)
    p = heads.softmax(2).numpy()
    joint = p / p.shape[1]  # of model and class, models alike
    product = joint.sum(2, keepdims=True) * joint.sum(1, keepdims=True)
    expected = (joint * np.log(joint / product)).sum((1, 2))
    assert score("bald")(None, torch.zeros(5, dtype=torch.long), heads=heads).numpy() == pytest.approx(expected)


def test_hardness_is_minus_the_log_density_but_for_its_constant():
    half = drawn(4, 4)
    covariance = half @ half.T + torch.eye(4)
    means, features, labels = drawn(3, 4), 2 * drawn(9, 4), torch.arange(9) % 3
    moments = means, torch.linalg.inv(covariance), torch.logdet(covariance)
    density = torch.distributions.MultivariateNormal(means[labels], covariance)
    expected = -density.log_prob(features) - 2 * math.log(2 * math.pi)
    torch.testing.assert_close(score("hardness")(None, labels, features=features, moments=moments), expected)


def test_chamfer_is_the_distance_to_the_own_exemplar_and_to_the_nearest():
    features, exemplars = torch.tensor([[0.0, 0.0], [3.0, 0.0]]), torch.tensor([[[3.0, 4.0], [0.0, 1.0]]] * 2)
    values = score("chamfer")(None, None, features=features, exemplars=exemplars)
    assert values.tolist() == [-(25 + 1), -(16 + 10)]


def test_repulsion_is_minus_the_mean_kernel_over_what_is_there():
    features = torch.tensor([[0.0, 0.0], [3.0, 0.0]], dtype=torch.float64)
    others = torch.tensor([[[0.0, 0.0]] * 3, [[3.0, 4.0], [0.0, 1.0], [9.0, 9.0]]], dtype=torch.float64)
    there, medians = torch.tensor([[False, False, False], [True, True, False]]), torch.tensor([1.0, 2.0])
    values = score("repulsion")(None, torch.tensor([1, 0]), features=features, peers=(others, there, medians))
    h = 2 / math.log(3)
    assert values.tolist() == pytest.approx([-(math.exp(-25 / h) + math.exp(-1 / h)) / 2, 0])


def test_repulsion_pushes_away_from_each_by_how_near_it_is():
    """The force of particle guidance: (2/h) Σ w_j (φ − φ_j), of a mean here."""
    features, others, labels = drawn(6, 3).requires_grad_(), drawn(2, 5, 3) + 0.5, torch.arange(6) % 2
    there, medians = torch.ones(2, 5, dtype=torch.bool), 1 + drawn(2).square()
    values = score("repulsion")(None, labels, features=features, peers=(others, there, medians))
    (g,) = torch.autograd.grad(values.sum(), features)
    h, away = (medians / math.log(6))[labels, None], features.detach()[:, None] - others[labels]
    w = (-away.square().sum(2) / h).exp()
    torch.testing.assert_close(g, (2 / h / 5) * (w[:, :, None] * away).sum(1))


def test_nll_turns_the_density_round():
    assert score("nll")(None, None, density=torch.tensor([-3.0, 2.0])).tolist() == [3, -2]


@pytest.mark.parametrize("name, need, shape", [("bald", "heads", (200, 5, 10)), ("variance", "heads", (200, 5, 10))])
def test_gradient_points_to_higher_scores(name, need, shape):
    given, labels = (3 * drawn(*shape)).requires_grad_(), torch.arange(200) % 10
    before = score(name)(None, labels, **{need: given})
    (g,) = torch.autograd.grad(before.sum(), given)
    length = g.flatten(1).norm(dim=1).clamp_min(1e-12)
    after = score(name)(None, labels, **{need: given + 1e-5 * g / length.view(-1, 1, 1)})
    assert (after >= before).double().mean() == 1


@pytest.mark.parametrize("name", ["bald", "variance"])
def test_finite_where_all_heads_are_certain(name):
    heads = torch.tensor([[[500.0, 0.0], [0.0, 500.0]]], requires_grad=True)
    value = score(name)(None, torch.tensor([0]), heads=heads)
    (g,) = torch.autograd.grad(value.sum(), heads)
    assert torch.isfinite(value).all() and torch.isfinite(g).all()


def test_a_need_that_nobody_fills_is_refused_when_it_is_loaded(tmp_path):
    path = tmp_path / "odd.py"
    path.write_text("NEEDS = ('oracle',)\n\n\ndef score(logits, labels, *, oracle):\n    return oracle\n")
    with pytest.raises(BadInput, match="NEEDS oracle; a score may need reference, heads, features"):
        registry.find("score", str(path)).load()
