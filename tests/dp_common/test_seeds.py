"""Randomness is a function of (seed, purpose, position) and of nothing else, and its values never change."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm

from dp_common.seeds import derive, label_of, normals, uniforms

GOLDEN = {
    "derive": [5560578558213758079, 8958395664054831821],
    "uniforms": [0.31782592611626936, 0.757270454975501, 0.24101550306635755],
    "normals": [0.1544527, -1.2536957, -1.3141176, 1.2316911],
}


def test_golden_values():
    """Changing any of these changes every run: raise the recipe version with them."""
    assert derive(0, "latent") == GOLDEN["derive"][0]
    assert derive(7, "latent", 3, 1) == GOLDEN["derive"][1]
    assert uniforms(0, "examples", np.arange(3)).tolist() == GOLDEN["uniforms"]
    assert normals(0, "latent", np.array([5]), (2, 2)).flatten().tolist() == pytest.approx(GOLDEN["normals"], abs=1e-6)


def test_splitmix64_is_the_published_generator():
    """The reference implementation's loop, in Python integers."""
    state, mask, expected = derive(11, "examples"), 2**64 - 1, []
    for _ in range(50):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        expected.append(((z ^ (z >> 31)) >> 11) / 2**53)
    assert uniforms(11, "examples", np.arange(50)).tolist() == expected


def test_derived_seeds_fit_63_bits_and_differ():
    seeds = [derive(seed, purpose, position) for seed in range(20) for purpose in ("a", "b") for position in range(20)]
    assert len(set(seeds)) == len(seeds) and all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**62
    assert derive(1, "a", 2, 3) != derive(1, "a", 23) and derive(12, "a") != derive(1, "a", 2)


@pytest.mark.parametrize("seed, purpose", [(0, "examples"), (1, "examples"), (0, "score"), (123456789, "strategy")])
def test_uniforms_are_uniform(seed, purpose):
    u = uniforms(seed, purpose, np.arange(20_000))
    assert u.dtype == np.float64 and u.min() >= 0 and u.max() < 1
    assert kstest(u, "uniform").pvalue > 1e-3
    assert kstest(u[::128], "uniform").pvalue > 1e-3  # the first of each training batch
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.03


def test_uniforms_of_seeds_and_purposes_are_unrelated():
    a, b, c = (
        uniforms(seed, purpose, np.arange(5000)) for seed, purpose in ((0, "examples"), (1, "examples"), (0, "score"))
    )
    assert max(abs(np.corrcoef(a, b)[0, 1]), abs(np.corrcoef(a, c)[0, 1]), abs(np.corrcoef(b, c)[0, 1])) < 0.06


@pytest.mark.filterwarnings("error")
def test_uniforms_do_not_depend_on_what_else_is_asked():
    everything = uniforms(3, "examples", np.arange(1000))
    order = np.random.default_rng(0).permutation(1000)
    assert np.array_equal(uniforms(3, "examples", order), everything[order])
    assert [float(uniforms(3, "examples", np.array([i]))[0]) for i in (0, 17, 999)] == [
        everything[i] for i in (0, 17, 999)
    ]
    far = 10**15
    assert uniforms(3, "examples", np.array([far]))[0] == uniforms(3, "examples", np.arange(far - 2, far + 1))[2]


@pytest.mark.parametrize("shape", [(3,), (1, 8, 8), (4, 16, 16)])
def test_normals_do_not_depend_on_order_or_batch(shape):
    everything = normals(0, "latent", np.arange(12), shape)
    order = np.array([7, 0, 11, 3])
    assert torch.equal(normals(0, "latent", order, shape), everything[order])
    assert torch.equal(torch.cat([normals(0, "latent", np.array([i]), shape) for i in range(12)]), everything)
    torch.manual_seed(1)
    torch.randn(5)
    assert torch.equal(normals(0, "latent", np.arange(12), shape), everything)


def test_normals_leave_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.randn(3)
    torch.manual_seed(0)
    normals(0, "latent", np.arange(3), (4,))
    assert torch.equal(torch.randn(3), expected)


def test_normals_are_normal_and_differ_by_seed_purpose_index_and_step():
    drawn = normals(0, "latent", np.arange(200), (1, 8, 8))
    assert drawn.dtype == torch.float32 and drawn.shape == (200, 1, 8, 8)
    assert kstest(drawn.flatten().numpy(), norm.cdf).pvalue > 1e-3
    others = [
        normals(1, "latent", np.arange(200), (1, 8, 8)),
        normals(0, "other", np.arange(200), (1, 8, 8)),
        normals(0, "latent", np.arange(200), (1, 8, 8), step=1),
        normals(0, "latent", np.arange(200, 400), (1, 8, 8)),
    ]
    for other in others:
        assert abs(np.corrcoef(drawn.flatten(), other.flatten())[0, 1]) < 0.05
    assert torch.equal(normals(0, "latent", np.arange(200), (1, 8, 8), step=0), drawn)


@pytest.mark.parametrize("classes", [2, 10, 100])
@pytest.mark.parametrize("n", [1, 10, 57, 1000])
def test_labels_are_balanced_and_nested(classes, n):
    labels = label_of(np.arange(n), classes)
    counts = np.bincount(labels, minlength=classes)
    assert counts.max() - counts.min() <= 1 and len(counts) == classes
    assert np.array_equal(label_of(np.arange(2 * n), classes)[:n], labels)
    for start in (0, classes, 7 * classes):
        assert sorted(label_of(np.arange(start, start + classes), classes)) == list(range(classes))
