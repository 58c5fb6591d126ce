"""From indices to images, with every evaluation counted; guidance moves a real classifier's entropy where ω says;
an image depends on its own index only."""

import itertools

import numpy as np
import pytest
import torch

from dp_common.config.registry import find
from dp_common.contracts import TeacherDefaults
from dp_common.diffusion.guidance import Guidance
from dp_common.diffusion.guidance_step import GuidanceError
from dp_common.diffusion.image_sampler import quantise
from dp_common.errors import Problem
from dp_common.seeds import label_of

RULES, PATHS = ("score", "relative", "predecessor", "eps-relative"), ("denoiser", "decoder")
OMEGAS = {"score": 2.0, "relative": 0.03, "predecessor": 0.01, "eps-relative": 0.05}


def images_of(sampler, start, stop, guidance=None):
    indices = np.arange(start, stop)
    return sampler.sample(indices, label_of(indices, 10), guidance)


def guidance_of(sampler, learner, omega, rule="relative", through="denoiser", every=1, score="entropy"):
    return sampler.guidance_step(Guidance(score, omega, rule, through, every), learner)


def mean_score(name, learner, images, labels):
    return float(find("score", name).load().score(learner.logits(images), torch.from_numpy(labels)).mean())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("through", PATHS)
@pytest.mark.parametrize("every", [1, 5])
def test_omega_orders_the_entropy_of_a_real_classifier(sampler_of, learner, rule, through, every):
    sampler = sampler_of(steps=20)
    entropies = []
    for omega in (-OMEGAS[rule], 0.0, OMEGAS[rule]):
        images = images_of(sampler, 0, 64, guidance_of(sampler, learner, omega, rule, through, every))
        entropies.append(mean_score("entropy", learner, images.clamp(-1, 1), label_of(np.arange(64), 10)))
    assert entropies[0] + 0.005 < entropies[1] < entropies[2] - 0.005


@pytest.mark.parametrize("score", ["loss", "margin", "least-confidence", "el2n", "energy"])
def test_other_scores_guide_too(sampler_of, learner, score):
    sampler, values = sampler_of(steps=20), []
    for omega in (-0.03, 0.0, 0.03):
        images = images_of(sampler, 0, 64, guidance_of(sampler, learner, omega, score=score))
        values.append(mean_score(score, learner, images.clamp(-1, 1), label_of(np.arange(64), 10)))
    assert values[0] < values[1] - 0.005 and values[1] < values[2] - 0.005


@pytest.mark.parametrize(
    "rule, through, sampler",
    [
        (
            rule,
            through,
            (dict(steps=10), dict(steps=10, eta=1.0, cfg_scale=2.0, clip="keep_eps", spacing="leading"))[n % 2],
        )
        for n, (through, rule) in enumerate(itertools.product(PATHS, RULES))
    ],
)
def test_zero_omega_is_bitwise_the_plain_sampler_for_the_same_evaluations(sampler_of, learner, sampler, rule, through):
    plain, zero = sampler_of(**sampler), sampler_of(**sampler)
    expected = images_of(plain, 0, 12)
    assert torch.equal(images_of(zero, 0, 12, guidance_of(zero, learner, 0.0, rule, through)), expected)
    assert plain.meter.counts["network_evaluations"] == 12 * 10 * (2 if "cfg_scale" in sampler else 1)
    assert {unit: n for unit, n in zero.meter.counts.items() if n} == plain.meter.counts


@pytest.mark.parametrize("through", PATHS)
def test_what_a_guided_image_costs(sampler_of, learner, through):
    """20 steps, one in five guided: 4 gradients, 4 classifier evaluations, and the network is asked as often as
    without.
    """
    sampler = sampler_of(steps=20)
    images_of(sampler, 0, 8, guidance_of(sampler, learner, 0.03, through=through, every=5))
    images_of(sampler, 8, 16)
    assert sampler.meter.counts == {
        "network_evaluations": 16 * 20,
        "decoder_evaluations": 8 * 4 + 16,
        "classifier_evaluations": 8 * 4,
        "gradients": 8 * 4,
        "network_gradients": 8 * 4 if through == "denoiser" else 0,
        "not_moved": 0,
    }


@pytest.mark.parametrize(
    "guided, sampler",
    [
        (guided, (dict(steps=10), dict(steps=10, eta=1.0, cfg_scale=3.0))[n % 2])
        for n, guided in enumerate([*RULES, None])
    ],
)
def test_four_index_ranges_equal_one(sampler_of, learner, guided, sampler):
    """An image is a function of its own index: of batch size only by float rounding. Uneven cuts, one of a single
    image.
    """
    sampler = sampler_of(**sampler)
    guidance = guided and guidance_of(sampler, learner, OMEGAS[guided], guided)
    whole = images_of(sampler, 3, 40, guidance)
    parts = torch.cat([images_of(sampler, a, b, guidance) for a, b in ((3, 4), (4, 13), (13, 29), (29, 40))])
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-3)
    assert (whole[0] - whole[10]).abs().max() > 0.1


def test_the_same_indices_give_the_same_bits_in_any_order_of_blocks(sampler_of, learner):
    sampler = sampler_of(steps=10, eta=0.5)
    guidance = guidance_of(sampler, learner, 0.03)
    first = [images_of(sampler, a, a + 8, guidance) for a in (0, 8, 16)]
    again = {a: images_of(sampler, a, a + 8, guidance) for a in (16, 0, 8)}
    assert all(torch.equal(block, again[a]) for a, block in zip((0, 8, 16), first))


def test_the_seed_and_the_label_matter(sampler_of):
    indices, labels = np.arange(10), np.arange(10)
    images = sampler_of(seed=0).sample(indices, labels)
    assert (images - sampler_of(seed=1).sample(indices, labels)).abs().max() > 0.1
    assert (images - sampler_of(seed=0).sample(indices, (labels + 1) % 10)).abs().max() > 0.1


class Broken:
    """Logits that are not a number for one image: row 2 at a late step."""

    def __init__(self, learner):
        self.learner, self.calls = learner, 0

    def logits(self, images, model=None):
        self.calls += 1
        spoiled = torch.ones(len(images), 1)
        spoiled[2] = float("nan") if self.calls == 7 else 1.0
        return self.learner.logits(images) * spoiled


@pytest.mark.parametrize("through", PATHS)
def test_a_nan_gradient_is_reported_and_nothing_is_returned(sampler_of, learner, through):
    sampler, result = sampler_of(steps=10), None
    with pytest.raises(GuidanceError) as caught:
        result = images_of(sampler, 0, 5, guidance_of(sampler, Broken(learner), 0.03, through=through))
    assert result is None and caught.value.rows == [2]


def test_an_image_that_is_not_finite_is_a_problem_that_names_its_index(sampler_of, mixture):
    class Bad:
        def __getattr__(self, name):
            return getattr(mixture, name)

        def decode(self, x0):
            return torch.where(torch.arange(len(x0)).view(-1, 1, 1, 1) == 1, float("inf"), x0)

    with pytest.raises(Problem, match=r"1 image\(s\) are not finite, first index 101;"):
        images_of(sampler_of(teacher=Bad(), steps=3), 100, 104)


def test_cfg_needs_a_teacher_with_an_unconditional_mode(sampler_of, mixture):
    class Conditional(TeacherDefaults):
        null_label, alphas_cumprod = None, mixture.alphas_cumprod

    with pytest.raises(Problem, match="sampler.cfg_scale=2"):
        sampler_of(teacher=Conditional(), cfg_scale=2)
    sampler_of(teacher=Conditional(), cfg_scale=1.0)


def test_cfg_sharpens_the_class(sampler_of, mixture):
    labels = torch.from_numpy(label_of(np.arange(100), 10))
    truths = [
        mixture.log_density(images_of(sampler_of(cfg_scale=scale), 0, 100)).softmax(1)[torch.arange(100), labels].mean()
        for scale in (0.0, 0.5, 1.0)
    ]
    assert truths[0] < 0.3 and truths[0] + 0.2 < truths[1] < truths[2] and truths[2] > 0.95


def test_quantise_rounds_to_the_nearest_of_256_and_clamps():
    values = torch.tensor([-3.0, -1.0, -1 + 0.6 / 127.5, -1 + 0.4 / 127.5, 0.0, 1.0, 7.0])
    assert quantise(values).tolist() == [0, 0, 1, 0, 128, 255, 255]
    levels = torch.arange(256) / 127.5 - 1
    assert quantise(levels).tolist() == list(range(256)) and quantise(levels).dtype == np.uint8


def test_draws_from_the_density_itself_belong_to_their_indices(sampler_of, mixture):
    """Its mean and variance, no evaluation of a network, and a batch equals its singles."""
    sampler, indices = sampler_of(exact=True), np.arange(400)
    images = sampler.sample(indices, np.full(400, 3)).flatten(1)
    assert sampler.meter.counts == {}
    shares, means = mixture.log_shares[3].exp(), mixture.means[3] @ mixture.basis.T
    mean = shares @ means / shares.sum()
    spread = images.std(0) / 400**0.5
    assert ((images.mean(0) - mean).abs() / spread).max() < 4.5
    alone = sampler.sample(indices[7:8], np.full(1, 3)).flatten(1)
    torch.testing.assert_close(images[7:8], alone)
    with pytest.raises(Problem, match="cannot be guided or started from"):
        sampler.exact(indices, np.full(400, 3), steered=True)


def test_guidance_by_class_within_an_interval(sampler_of):
    """Outside of it the plain sampler, at its price; with no bounds all of it."""
    labels = np.arange(16) % 10
    plain, whole = (sampler_of(cfg_scale=scale) for scale in (1.0, 3.0))
    low = sampler_of(cfg_scale=3.0, cfg_low=1e6)  # above every level
    part = sampler_of(cfg_scale=3.0, cfg_low=0.3, cfg_high=2.0)
    images = [one.sample(np.arange(16), labels) for one in (plain, whole, low, part)]
    assert torch.equal(images[0], images[2]) and not torch.equal(images[1], images[3])
    counts = [one.meter.counts["network_evaluations"] for one in (plain, whole, low, part)]
    assert counts[0] == counts[2] == 320 and counts[1] == 640 and 320 < counts[3] < 640
    away = [(image - images[0]).norm() for image in images]
    assert away[3] < away[1]
