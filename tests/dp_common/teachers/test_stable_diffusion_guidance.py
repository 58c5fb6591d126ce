"""Guidance through latent diffusion, on tiny models: steerable by every path, one gradient however it is computed."""

import pytest
import torch

from dp_common.diffusion.ddim import cfg, ddim
from dp_common.diffusion.guidance import Guidance
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.diffusion.schedule import timesteps
from dp_common.scores.entropy import score as entropy
from tests.dp_common.teachers.tiny_teachers import noise

GROUP = "stable-diffusion"


@pytest.fixture(scope="module")
def classify():
    """A random but smooth classifier of 16×16 colour images, unsure of some and sure of others."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(3 * 256, 16), torch.nn.Tanh(), torch.nn.Linear(16, 3)
        ).requires_grad_(False)
    net[1].weight *= 3
    net[3].weight *= 4
    return net


def sample(teacher, guidance=None, n=8, steps=8, seed=0):
    """Latents [n, 4, 8, 8] of CFG 3."""
    visited = timesteps(steps, "leading", len(teacher.alphas_cumprod), teacher.steps_offset)
    with torch.no_grad():
        return ddim(
            cfg(teacher.denoise, 3.0, teacher.null_label),
            noise(n, *teacher.latent_shape, seed=seed),
            torch.arange(n) % 3,
            visited,
            teacher.alphas_cumprod,
            guidance=guidance,
            final_alpha=teacher.final_alpha,
        )


def guidance_of(teacher, classify, omega, through="denoiser", times=1.0, scale=None):
    objective = lambda x0, labels: times * entropy(classify(teacher.decode_guided(x0)), labels)
    return GuidanceStep(objective, Guidance("entropy", omega, through=through), scale or teacher.grad_scale)


@pytest.mark.parametrize(
    "name, guide_decode, through",
    [
        ("sd", "full", "denoiser"),
        ("sd", "reduced", "denoiser"),
        ("sd", "tiny", "denoiser"),
        ("sd", "full", "decoder"),
        ("sd", "tiny", "decoder"),
        ("v", "full", "denoiser"),
        ("xl", "full", "denoiser"),
    ],
)
def test_guidance_raises_entropy(teacher_of, classify, name, guide_decode, through):
    teacher = teacher_of(name, guide_decode=guide_decode)
    with torch.no_grad():
        down, plain, up = (
            entropy(
                classify(teacher.decode_guided(sample(teacher, guidance_of(teacher, classify, omega, through)))), None
            ).mean()
            for omega in (-0.03, 0.0, 0.03)
        )
    assert down + 0.05 < plain < up - 0.05


@pytest.mark.parametrize("keys", [dict(checkpointing=True), dict(channels_last=True)], ids=str)
def test_same_gradient_however_it_is_computed(teacher_of, classify, keys):
    """Checkpointing and layout change memory, not images."""
    first, second = (
        sample(teacher, guidance_of(teacher, classify, 0.05), steps=3) for teacher in (teacher_of(), teacher_of(**keys))
    )
    torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-3)


def test_compiled_networks_are_for_what_takes_no_gradient(teacher_of, classify, monkeypatch):
    called = []

    def compiled(network):
        return lambda *args, **kwargs: called.append(torch.is_grad_enabled()) or network(*args, **kwargs)

    monkeypatch.setattr(torch, "compile", compiled)
    teacher, eager = teacher_of(compile=True), teacher_of()
    with torch.no_grad():
        assert torch.equal(*(one.decode(sample(one, steps=3)) for one in (eager, teacher)))
    assert called == [False] * 4
    called.clear()
    sample(teacher, guidance_of(teacher, classify, 0.05), steps=3)
    assert not called


def test_a_guided_batch_equals_its_singles(teacher_of, classify):
    teacher, x, labels = teacher_of(), noise(3, 4, 8, 8), torch.tensor([0, 1, 2])

    def gradient(rows):
        wrt = x[rows].requires_grad_()
        eps = cfg(teacher.denoise, 3.0, 3)(wrt, 500, labels[rows])
        return guidance_of(teacher, classify, 1.0).gradient(wrt, wrt - eps, 0.5, labels[rows])

    together, alone = gradient(slice(0, 3)), torch.cat([gradient(slice(i, i + 1)) for i in range(3)])
    assert (together.flatten(1).norm(dim=1) > 0).all()
    torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-6)


def gradient_at(teacher, classify, times, scale=None, t=500):
    """∇_{x_t} of ``times`` the entropy of x̂0's image, [4, 4, 8, 8], and the guide that took it."""
    x, labels, alpha = noise(4, 4, 8, 8).requires_grad_(), torch.arange(4) % 3, float(teacher.alphas_cumprod[t])
    x0 = (x - (1 - alpha) ** 0.5 * teacher.denoise(x, t, labels)) / alpha**0.5
    guide = guidance_of(teacher, classify, 1.0, times=times, scale=scale)
    return guide.gradient(x, x0, alpha, labels), guide


@pytest.mark.parametrize("name", ["sd", "xl"])
@pytest.mark.parametrize("dtype", ["bf16", "fp16"])
def test_half_precision_stays_finite(teacher_of, classify, name, dtype):
    """Also with gradients as small as a sure classifier's; they point where those of fp32 do, none is NaN."""
    teacher, exact = teacher_of(name, dtype=dtype), teacher_of(name)
    assert teacher.grad_scale == (1024 if dtype == "fp16" else 1)
    for times in (1.0, 1e-6):
        (g, guide), (wanted, _) = gradient_at(teacher, classify, times), gradient_at(exact, classify, times)
        cosine = torch.cosine_similarity(g.flatten(1), wanted.flatten(1))
        assert g.dtype == torch.float32 and guide.counts["not_moved"] == 0 and (cosine > 0.9).all(), cosine
    for times in (1.0, 1e-6, 1e-30, 0.0):
        latents = sample(teacher, guidance_of(teacher, classify, 0.05, times=times), n=4, steps=3)
        with torch.no_grad():
            assert torch.isfinite(latents).all() and torch.isfinite(teacher.decode(latents)).all()


def test_grad_scale_is_what_keeps_small_gradients_in_fp16(teacher_of, classify):
    wanted, _ = gradient_at(teacher_of(), classify, 1e-6)
    kept, lost = (
        (gradient_at(teacher_of(dtype="fp16"), classify, 1e-6, scale)[0] - wanted).norm() / wanted.norm()
        for scale in (None, 1.0)
    )
    assert kept < 0.1 and lost > 3 * kept, (kept, lost)
