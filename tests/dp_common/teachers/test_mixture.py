"""The mixture teacher: its density is a density, its denoiser that density's posterior mean, its samples follow it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from dp_common.diffusion.ddim import cfg, ddim
from dp_common.diffusion.schedule import alphas_cumprod, timesteps
from dp_common.errors import BadInput
from dp_common.real_images.splits import Split
from dp_common.seeds import label_of, normals
from dp_common.teachers.mixture import Mixture

TIMES = (20, 50, 200, 500, 800, 999)
CENTRES = np.array([[[60, 60], [190, 90]], [[120, 200], [150, 30]], [[200, 200], [40, 150]]])  # [class, cluster, pixel]


@pytest.fixture(scope="module", params=["sd", "cosine"])
def flat(request):
    """A mixture of images of 1×2 pixels: three classes of two clusters, correlated noise."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 100)
    noise = generator.normal(size=(300, 2)) @ np.array([[14.0, 6.0], [0.0, 8.0]])
    pixels = np.clip(np.round(CENTRES[labels, np.tile([0, 1], 150)] + noise), 0, 255).astype(np.uint8)
    task = SimpleNamespace(train=Split(pixels.reshape(300, 1, 1, 2), labels), classes=["a", "b", "c"], shape=(1, 1, 2))
    teacher = Mixture(components=2, schedule=request.param)
    teacher.prepare(task, "cpu")
    return teacher


def components(teacher, label):
    """[(share, mean, covariance)] of a class, in pixels."""
    basis = teacher.basis.double().numpy()
    covariance = basis @ np.diag(teacher.lam.double().numpy()) @ basis.T
    return [
        (share, mean @ basis.T, covariance)
        for share, mean in zip(teacher.log_shares[label].double().exp().numpy(), teacher.means[label].double().numpy())
    ]


@pytest.fixture(scope="module")
def grid():
    """Points [n, 2] on a grid that holds all the mass, and the area of each."""
    axis = np.linspace(-2.2, 2.2, 441)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2), (axis[1] - axis[0]) ** 2


def on_grid(teacher, points):
    """p(point | class) [n, C] of the teacher's own log_density."""
    return teacher.log_density(torch.from_numpy(points).float().view(-1, 1, 1, 2)).double().exp().numpy()


def test_density_integrates_to_one(flat, grid):
    points, area = grid
    np.testing.assert_allclose(on_grid(flat, points).sum(0) * area, 1, rtol=1e-4)


def test_density_is_that_of_the_fitted_components(flat, grid):
    points = grid[0][::97]
    for label in range(3):
        expected = sum(
            share * multivariate_normal(mean, covariance).pdf(points)
            for share, mean, covariance in components(flat, label)
        )
        np.testing.assert_allclose(on_grid(flat, points)[:, label], expected, rtol=1e-3, atol=1e-6)


def test_the_fit_finds_the_clusters(flat):
    for label in range(3):
        found = sorted(components(flat, label), key=lambda part: part[1][0])
        expected = CENTRES[label][np.argsort(CENTRES[label][:, 0])] / 127.5 - 1
        assert [part[0] for part in found] == pytest.approx([0.5, 0.5])
        np.testing.assert_allclose([part[1] for part in found], expected, atol=0.05)
        noise = np.array([[14.0, 0.0], [6.0, 8.0]]) / 127.5
        np.testing.assert_allclose(found[0][2], noise @ noise.T + 0.02 * np.eye(2), rtol=0.15, atol=2e-3)


def posterior_mean(density, points, x, alpha):
    """E[x0 | x_t = x] by summing over the grid."""
    likelihood = np.exp(-((x - np.sqrt(alpha) * points) ** 2).sum(1) / (2 * (1 - alpha)))
    weights = density * likelihood
    return weights @ points / weights.sum()


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("label", [0, 1, 2, 3])
def test_denoiser_is_the_posterior_mean(flat, grid, t, label):
    """Label 3 is no class: the mean of the class densities."""
    points, _ = grid
    densities = on_grid(flat, points)
    density = densities[:, label] if label < 3 else densities.mean(1)
    alpha = flat.alphas_cumprod[t]
    generator = np.random.default_rng(t)
    x = np.sqrt(alpha) * (CENTRES.reshape(-1, 2) / 127.5 - 1) + np.sqrt(1 - alpha) * generator.normal(size=(6, 2))
    eps = (
        flat.denoise(torch.from_numpy(x).float().view(6, 1, 1, 2), t, torch.full((6,), label))
        .double()
        .numpy()
        .reshape(6, 2)
    )
    expected = np.stack([posterior_mean(density, points, row, alpha) for row in x])
    # compared as ε, that is in units of the noise
    np.testing.assert_allclose(eps, (x - np.sqrt(alpha) * expected) / np.sqrt(1 - alpha), atol=5e-3)


def test_a_batch_of_mixed_labels_equals_its_singles(mixture):
    x = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([10, 10, 3, 0, 9, 3])
    together = mixture.denoise(x, 300, labels)
    singles = torch.cat([mixture.denoise(x[i : i + 1], 300, labels[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(together, singles, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="null label"):
        mixture.denoise(x, 300, labels.flip(0))


def test_cfg_on_the_mixture(mixture):
    x = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(5)
    uncond, cond = mixture.denoise(x, 400, torch.full((5,), 10)), mixture.denoise(x, 400, labels)
    assert (uncond - cond).abs().max() > 0.05
    torch.testing.assert_close(
        cfg(mixture.denoise, 4.0, mixture.null_label)(x, 400, labels),
        uncond + 4 * (cond - uncond),
        rtol=1e-4,
        atol=1e-5,
    )
    assert cfg(mixture.denoise, 1.0, mixture.null_label) == mixture.denoise


def sample(teacher, n, steps, seed=0):
    indices = np.arange(n)
    labels = torch.from_numpy(label_of(indices, teacher.means.shape[0]))
    latents = normals(seed, "latent", indices, teacher.latent_shape)
    with torch.no_grad():
        return ddim(teacher.denoise, latents, labels, timesteps(steps, "trailing"), teacher.alphas_cumprod), labels


def test_plain_samples_are_of_their_class(mixture):
    images, labels = sample(mixture, 500, 20)
    truth = mixture.density_diagnostics(images, labels)
    assert truth["true_label"].float().mean() > 0.97
    wrong = mixture.density_diagnostics(images, (labels + 1) % 10)
    assert wrong["true_label"].float().mean() < 0.03
    assert (wrong["log_density"] < truth["log_density"]).float().mean() > 0.97
    torch.testing.assert_close(truth["log_density"], mixture.log_density(images)[torch.arange(500), labels])


def test_the_density_classifies_real_digits(mixture, digits):
    images = torch.from_numpy(digits.test.images).float() / 127.5 - 1
    assert (mixture.log_density(images).argmax(1).numpy() == digits.test.labels).mean() > 0.97


def test_samples_have_the_moments_of_their_class(flat):
    """The law of total variance: share-weighted mean; shared covariance plus that of the centres. In small steps: the
    discretisation takes variance, at the default 20 steps a good part of it."""
    images, labels = sample(flat, 6000, {"sd": 1000, "cosine": 400}[flat.schedule])
    for label in range(3):
        mine = images[labels == label].double().reshape(-1, 2).numpy()
        parts = components(flat, label)
        mean = sum(share * centre for share, centre, _ in parts)
        covariance = parts[0][2] + sum(share * np.outer(centre - mean, centre - mean) for share, centre, _ in parts)
        sd = np.sqrt(np.diag(covariance))
        np.testing.assert_allclose(mine.mean(0), mean, atol=0.08 * sd.max())  # 3.5 standard errors
        np.testing.assert_allclose(np.cov(mine.T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=0.1)


def test_samples_of_digits_have_the_fitted_mean_and_spread(mixture):
    """At 200 steps; at the default 20 the discretisation takes a fifth of the variance."""
    images, labels = sample(mixture, 1000, 200)
    spread = []
    for label in range(10):
        mine = images[labels == label].double().flatten(1).numpy()
        parts = components(mixture, label)
        mean = sum(share * centre for share, centre, _ in parts)
        covariance = parts[0][2] + sum(share * np.outer(centre - mean, centre - mean) for share, centre, _ in parts)
        z = (mine.mean(0) - mean) / np.sqrt(np.diag(covariance) / len(mine))
        assert np.abs(z).max() < 5
        spread.append(np.trace(np.cov(mine.T)) / np.trace(covariance))
    assert np.mean(spread) == pytest.approx(1, abs=0.03) and np.abs(np.array(spread) - 1).max() < 0.15


def test_fit_is_deterministic_and_refuses_more_components_than_images(mixture, digits):
    again = Mixture()
    again.prepare(digits, "cpu")
    assert torch.equal(again.means, mixture.means) and torch.equal(again.lam, mixture.lam)
    with pytest.raises(BadInput, match=r"mixture\.components=400: .*class 0"):
        Mixture(components=400).prepare(digits, "cpu")


def test_schedule_is_an_option(digits):
    teacher = Mixture(components=1, schedule="linear")
    teacher.prepare(digits, "cpu")
    assert np.array_equal(teacher.alphas_cumprod, alphas_cumprod("linear"))


def test_one_component_is_the_mean_of_the_class(digits):
    teacher = Mixture(components=1)
    teacher.prepare(digits, "cpu")
    for label in range(10):
        expected = digits.train.images[digits.train.labels == label].reshape(-1, 64).mean(0) / 127.5 - 1
        np.testing.assert_allclose(components(teacher, label)[0][1], expected, atol=1e-5)
