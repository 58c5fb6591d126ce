"""A temperature widens modes by its factor and leaves their shares; 1 is bitwise the plain sampler."""

from copy import copy

import numpy as np
import pytest
import torch

from dp_common.config.resolve import resolve
from dp_common.diffusion.ddim import ddim, tempered
from dp_common.diffusion.schedule import alphas_cumprod, timesteps
from dp_common.errors import BadInput

N = 400


def drawn(sampler_of, **sampler):
    """Images of class 3 in the mixture's basis, [N, D], and the component that each is nearest to."""
    one = sampler_of(steps=200, **sampler)  # at 20 a part of the variance is lost, at another temperature another
    z = one.sample(np.arange(N), np.full(N, 3)).flatten(1) @ one.teacher.basis
    scaled = (z[:, None] - one.teacher.means[3]) / one.teacher.lam.sqrt()
    return z, scaled.square().sum(2).argmin(1), one.teacher


def within(sampler_of, **sampler):
    """(variance within components over that of the density, shares of components)."""
    z, component, teacher = drawn(sampler_of, **sampler)
    residuals = z - teacher.means[3][component]
    return float((residuals.square() / teacher.lam).mean()), torch.bincount(component, minlength=6) / N


@pytest.mark.parametrize("temperature", [0.8, 1.25])
def test_of_the_mixture_variance_follows_and_shares_stay(sampler_of, temperature):
    """k = 1/temperature: the variance is 1/k of what it was, for the same noise."""
    plain, shares = within(sampler_of)
    other, others = within(sampler_of, temperature=temperature)
    assert other / plain == pytest.approx(temperature, rel=0.03)
    assert (shares - others).abs().max() < 0.03


def test_of_the_mixture_it_is_the_denoiser_of_the_wider_density(mixture):
    wider = copy(mixture)
    wider.lam = 1.7 * mixture.lam
    x, labels = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(8)
    for t in (10, 400, 900):
        torch.testing.assert_close(mixture.denoise_tempered(x, t, labels, 1.7), wider.denoise(x, t, labels))


def test_one_is_bitwise_the_plain_sampler(sampler_of, mixture):
    x, labels = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(8)
    assert torch.equal(mixture.denoise(x, 500, labels), mixture.denoise_tempered(x, 500, labels, 1.0))
    assert tempered(mixture.denoise, 1.0, 0.5, mixture.alphas_cumprod) == mixture.denoise
    plain, one = (sampler_of(steps=5, **given) for given in ({}, {"temperature": 1.0}))
    assert torch.equal(plain.sample(np.arange(4), np.arange(4)), one.sample(np.arange(4), np.arange(4)))


@pytest.mark.parametrize("temperature", [0.25, 0.8, 2.0])
def test_rescaling_is_exact_where_modes_are_isotropic_and_far_apart(temperature):
    """Two modes at ±4, s = .3, .7 of the mass at the right: through any denoiser, at one multiplication a step."""
    alphas, s, shares = alphas_cumprod("sd"), 0.3, torch.tensor([0.3, 0.7])
    centres = torch.tensor([-4.0, 4.0])

    def denoise(x, t, labels):
        alpha = float(alphas[t])
        v = alpha * s**2 + 1 - alpha
        w = (shares.log() - (x - alpha**0.5 * centres) ** 2 / (2 * v)).softmax(1)
        mean = (w * centres).sum(1, keepdim=True)
        return (1 - alpha) ** 0.5 * (x - alpha**0.5 * mean) / v

    grid = torch.special.ndtri((torch.arange(1000) + 0.5) / 1000)[:, None]
    visited = timesteps(1000)
    plain, other = (
        ddim(tempered(denoise, given, s**2, alphas), grid, None, visited, alphas) for given in (1.0, temperature)
    )
    before, after = ((images[images > 0] - 4).square().mean().item() for images in (plain, other))
    assert before == pytest.approx(s**2, rel=0.06) and after / before == pytest.approx(temperature, rel=0.04)
    assert abs(float((plain > 0).float().mean() - (other > 0).float().mean())) < 0.02


def test_what_has_no_temperature_refuses_one_in_one_line():
    for words, said in (
        (["sampler.temperature=0"], "sampler.temperature=0: "),
        (["sampler.temperature=-1"], "sampler.temperature=-1: "),
        (["teacher=unet", "sampler.temperature=0.8"], "sampler.temperature=0.8: 1 with teacher=unet, .*mode_variance"),
        (["sampler.mode_variance=0.1"], "sampler.mode_variance=0.1: 0 at sampler.temperature=1"),
    ):
        with pytest.raises(BadInput, match=said) as caught:
            resolve(words)
        assert caught.value.code == 2 and "\n" not in str(caught.value)
    assert resolve(["teacher=unet", "sampler.temperature=0.8", "sampler.mode_variance=0.1"]).run_id
    assert (
        resolve(["sampler.temperature=0.8"]).run_id != resolve([]).run_id == resolve(["sampler.temperature=1"]).run_id
    )
