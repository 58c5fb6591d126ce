"""DDIM is diffusers' DDIM step for step, keeps the variance of Gaussian data when stochastic; CFG is uncond + s(cond
− uncond).
"""

from math import sqrt

import pytest
import torch

from dp_common.diffusion.ddim import cfg, ddim
from dp_common.diffusion.schedule import alphas_cumprod, timesteps

SCHEDULE = dict(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, timestep_spacing="leading")


@pytest.fixture(scope="module")
def unet():
    from diffusers import UNet2DModel

    torch.manual_seed(0)
    return UNet2DModel(
        sample_size=8,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=8,
    ).eval()


def from_pipeline(unet, steps, eta=0.0, rederive=False, **config):
    """x0 of diffusers' pipeline, before it clamps and rescales, and the noises it drew: its start, then one per step."""
    from diffusers import DDIMPipeline, DDIMScheduler

    pipeline = DDIMPipeline(unet, DDIMScheduler(**SCHEDULE, **config))
    pipeline.set_progress_bar_config(disable=True)
    states, step = [], pipeline.scheduler.step

    def recorded(*args, **kwargs):
        states.append(step(*args, **kwargs))
        return states[-1]

    pipeline.scheduler.step = recorded
    pipeline(
        batch_size=2,
        generator=torch.Generator().manual_seed(7),
        eta=eta,
        num_inference_steps=steps,
        use_clipped_model_output=rederive,
    )
    generator = torch.Generator().manual_seed(7)
    noises = [torch.randn(2, 3, 8, 8, generator=generator) for _ in range(steps + 1)]
    return states[-1].prev_sample, noises


@pytest.mark.parametrize(
    "clip, config",
    [
        ("none", dict(clip_sample=False)),
        ("keep_eps", dict(clip_sample=True)),
        ("rederive", dict(clip_sample=True)),
        ("none", dict(clip_sample=False, set_alpha_to_one=False, steps_offset=1)),
    ],
)
@pytest.mark.parametrize("steps", [10, 30])
@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_equals_diffusers(unet, clip, config, steps, eta):
    expected, noises = from_pipeline(unet, steps, eta, clip == "rederive", **config)
    alphas = alphas_cumprod("sd")
    visited = timesteps(steps, "leading", offset=config.get("steps_offset", 0))
    with torch.no_grad():
        x0 = ddim(
            lambda x, t, labels: unet(x, t).sample,
            noises[0],
            None,
            visited,
            alphas,
            eta=eta,
            noise=lambda i: noises[i],
            clip=clip,
            final_alpha=1.0 if config.get("set_alpha_to_one", True) else alphas[0],
        )
    torch.testing.assert_close(x0, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))


def test_clips_differ_and_clip(unet):
    """Else the comparison with diffusers would not tell them apart."""
    noise = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(7))
    alphas, visited = alphas_cumprod("sd"), timesteps(10)
    with torch.no_grad():
        none, keep, again = (
            ddim(lambda x, t, labels: unet(x, t).sample, noise, None, visited, alphas, clip=clip)
            for clip in ("none", "keep_eps", "rederive")
        )
    assert none.abs().max() > 1.1
    assert keep.abs().max() <= 1 and again.abs().max() <= 1  # the last step ends on x̂0
    assert (keep - again).abs().max() > 1e-2
    with pytest.raises(ValueError, match="sampler.clip=often"):
        ddim(None, noise, None, visited, alphas, clip="often")


def test_visits_each_timestep_once_and_ends_on_the_predicted_image():
    """A denoiser that knows the image is right at once, from whatever noise and along whatever steps."""
    alphas, image, asked = alphas_cumprod("cosine"), torch.linspace(-2, 2, 12).view(3, 1, 2, 2), []

    def denoise(x, t, labels):
        asked.append(t)
        return (x - sqrt(alphas[t]) * image) / sqrt(1 - alphas[t])

    x = torch.randn(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    for visited in ([999, 500, 3], [400], timesteps(7, "linspace")):
        asked.clear()
        torch.testing.assert_close(ddim(denoise, x, None, visited, alphas), image, rtol=1e-3, atol=1e-3)
        assert asked == visited


@pytest.mark.parametrize("schedule", ["sd", "cosine"])
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_variance_of_unit_gaussian_data(schedule, eta):
    """On N(0, 1) data the exact denoiser is ε = √(1−ᾱ) x, and the sampler is linear in (x_T, z_1, ...). A batch of unit
    vectors reads off every coefficient, so that the variance of the result, the sum of their squares, is exact.

    For η = 1 a step from ᾱ to ᾱ' maps the variance V to ᾱ/ᾱ' V + (1−ᾱ')(1−ᾱ/ᾱ')/(1−ᾱ); the fixed point is 1 for small
    steps.
    """
    alphas, visited = alphas_cumprod(schedule), timesteps(1000, "trailing")
    n = len(visited)
    unit = torch.eye(n + 1, dtype=torch.float64)
    x0 = ddim(
        lambda x, t, labels: sqrt(1 - alphas[t]) * x,
        unit[:, :1],
        None,
        visited,
        alphas,
        eta=eta,
        noise=lambda i: unit[:, i : i + 1],
    )
    variance = float((x0**2).sum())
    assert variance == pytest.approx(1, abs=0.02)
    if eta:
        expected, bars = 1.0, [float(alphas[t]) for t in visited] + [1.0]
        for bar, after in zip(bars, bars[1:]):
            expected = bar / after * expected + (1 - after) * (1 - bar / after) / (1 - bar)
        assert variance == pytest.approx(expected, rel=1e-9)
        assert float(x0[0] ** 2) < 0.05  # hardly anything of the start is left


def two_images(x, t, labels):
    """A denoiser whose ε depends on the row, the time and the label; label 9 is no class."""
    return x * (t + 1) + labels.view(-1, 1)


def test_cfg_is_uncond_plus_scale_times_the_difference():
    x, labels = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), torch.tensor([0, 4, 7])
    out = cfg(two_images, 4.0, 9)(x, 2, labels)
    torch.testing.assert_close(out, 3 * x + 9 + 4.0 * (labels.view(-1, 1) - 9.0))
    torch.testing.assert_close(cfg(two_images, 0.0, 9)(x, 2, labels), 3 * x + 9)


def test_cfg_is_one_evaluation_of_twice_the_batch():
    sizes = []

    def counted(x, t, labels):
        sizes.append(len(x))
        return two_images(x, t, labels)

    cfg(counted, 2.5, 9)(torch.ones(3, 2), 1, torch.zeros(3, dtype=torch.long))
    assert sizes == [6]


def test_cfg_of_scale_one_is_the_plain_denoiser():
    assert cfg(two_images, 1, None) is two_images and cfg(two_images, 1.0, 9) is two_images
