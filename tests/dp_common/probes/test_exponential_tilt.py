"""Weights, tilts and distances are their definitions; equal distributions are at no distance."""

import numpy as np
import pytest
import torch

from dp_common.probes import exponential_tilt


def brute_distance(x, y, w):
    """The definition, pair by pair."""
    gap = lambda a, b: float(np.linalg.norm(a - b))
    across = sum(w[j] * gap(a, b) for a in x for j, b in enumerate(y)) / len(x)
    among_x = [gap(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
    pairs = [(w[i] * w[j], gap(y[i], y[j])) for i in range(len(y)) for j in range(len(y)) if i != j]
    among_y = sum(weight * d for weight, d in pairs) / sum(weight for weight, _ in pairs)
    return 2 * across - np.mean(among_x) - among_y, 2 * across


def test_distance_is_its_definition():
    rng = np.random.default_rng(0)
    sets = [
        (rng.normal(size=(5 + label, 3)), rng.normal(1, 1, size=(6, 3)), rng.dirichlet(np.ones(6)))
        for label in range(2)
    ]
    x, y, w = (list(column) for column in zip(*sets))
    (a, b), (c, d) = (brute_distance(*one) for one in sets)
    assert exponential_tilt.distance(x, y, exponential_tilt.within(y), w, [0.3, 0.7]) == pytest.approx(
        (0.3 * a + 0.7 * c) / (0.3 * b + 0.7 * d)
    )
    assert exponential_tilt.distance([x[0][:1], x[1]], y, exponential_tilt.within(y), w, [0.3, 0.7]) == pytest.approx(
        c / d
    )
    assert exponential_tilt.distance([x[0][:1]], y[:1], exponential_tilt.within(y[:1]), w[:1], [1.0]) is None


@pytest.mark.parametrize("dimensions", [2, 64])
def test_equal_distributions_are_at_no_distance_on_average(dimensions):
    rng, found, shifted = np.random.default_rng(1), [], []
    for _ in range(60):
        x, y = rng.normal(size=(40, dimensions)), rng.normal(size=(80, dimensions))
        flat = [np.full(80, 1 / 80)]
        found.append(exponential_tilt.distance([x], [y], exponential_tilt.within([y]), flat, [1.0]))
        shifted.append(
            exponential_tilt.distance([x + 3 / np.sqrt(dimensions)], [y], exponential_tilt.within([y]), flat, [1.0])
        )
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(60)
    assert min(found) < 0 and min(shifted) > max(found)


def test_a_gaussian_tilted_by_a_line_is_the_gaussian_moved():
    """P = N(0, 1), H(x) = x: Q = N(ω, 1), and n exp(−ω²) samples are left."""
    x = np.random.default_rng(0).normal(size=200_000)
    w = exponential_tilt.weights(x, 0.7)
    assert (
        w.sum() == pytest.approx(1)
        and w @ x == pytest.approx(0.7, abs=0.01)
        and w @ x**2 == pytest.approx(1 + 0.49, abs=0.03)
    )
    assert exponential_tilt.effective(w) / len(x) == pytest.approx(np.exp(-0.49), abs=0.02)
    assert exponential_tilt.matching([x], [x], [1.0], -0.4) == pytest.approx(-0.4, abs=0.01)
    assert exponential_tilt.matching([x[:50]], [x[:50]], [1.0], 99.0) is None
    assert (
        np.isfinite(exponential_tilt.weights(1e3 * x, 50)).all()
        and np.isfinite(exponential_tilt.weights(1e3 * x, -50)).all()
    )


def test_exact_samples_are_of_the_density(mixture):
    """By the law of total variance in every direction, and no diffusion is in it."""
    labels = torch.arange(8000) % 10
    samples = mixture.exact(labels, 3)
    assert (
        samples.shape == (8000, 1, 8, 8)
        and torch.equal(samples, mixture.exact(labels, 3))
        and not torch.equal(samples, mixture.exact(labels, 4))
    )
    z = samples.flatten(1).double() @ mixture.basis.double()
    for label in range(10):
        mine, shares, means = (
            z[labels == label],
            mixture.log_shares[label].double().exp(),
            mixture.means[label].double(),
        )
        mean = shares @ means
        variance = mixture.lam.double() + shares @ (means - mean) ** 2
        assert ((mine.mean(0) - mean).abs() / (variance / len(mine)).sqrt()).max() < 5
        np.testing.assert_allclose(mine.var(0) / variance, 1, atol=0.3)
        assert float((mine.var(0) / variance).mean()) == pytest.approx(1, abs=0.03)
