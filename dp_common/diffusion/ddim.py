"""The DDIM sampler (Song et al. 2021, arXiv 2010.02502), written to be read next to its equations.

    x̂0      = (x_t − √(1−ᾱ_t) ε) / √ᾱ_t
    x_{t'}  = √ᾱ_{t'} x̂0 + √(1−ᾱ_{t'}−σ²) ε + σ z,      σ² = η² (1−ᾱ_{t'})/(1−ᾱ_t) · (1 − ᾱ_t/ᾱ_{t'})

Wrappers, denoiser to denoiser: classifier-free guidance, an interval of it, and a temperature (Temporal Score
Rescaling, TSR, arXiv 2510.01184): with η = ᾱ/(1−ᾱ), s² the variance within a mode and T the temperature,

    ε ← ε (η s² + 1) / (η s² T + 1)

which for modes N(μ, s² I) far apart is the denoiser of N(μ, T s² I), shares unchanged. (The paper's k is 1/T.)

A denoiser is ``denoise(x, t, labels) -> ε``; adapters hide v-prediction. Guidance is a step hook, guidance_step.py.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from dp_common.diffusion.guidance_step import GuidanceStep

CLIPS = ("none", "keep_eps", "rederive")
Denoiser = Callable[[Tensor, int, Tensor], Tensor]  # (x_t [B, ...], t, labels [B]) -> ε [B, ...]


def ddim(
    denoise: Denoiser,
    x: Tensor,
    labels: Tensor,
    timesteps: Sequence[int],
    alphas_cumprod: np.ndarray,
    *,
    guidance: "GuidanceStep | None" = None,
    eta: float = 0.0,
    noise: Callable[[int], Tensor] | None = None,
    clip: str = "none",
    final_alpha: float = 1.0,
) -> Tensor:
    """Denoise x [B, ...] (standard normal at timesteps[0]) along ``timesteps`` (descending); returns x0 [B, ...].

    Steps go from each timestep to the next *visited* one, the last to ``final_alpha`` (1, or ᾱ_0 where a model's own
    scheduler says ``set_alpha_to_one: false``). ``noise(i) -> [B, ...]`` is asked for step i = 1, 2, ... when eta > 0.
    ``clip`` of x̂0 to [-1, 1]: ``none``; ``keep_eps``, which leaves ε as it was; ``rederive``: ε agrees again.
    ``guidance(x, x̂0, ε, ᾱ_t, labels) -> (x, x̂0, ε)`` is called at the steps ``guidance.active(i)`` names, with a graph
    from x to x̂0 if ``guidance.through == "denoiser"``.
    """
    if clip not in CLIPS:
        raise ValueError(f"sampler.clip={clip}: one of {', '.join(CLIPS)}")
    if eta > 0 and noise is None:
        raise ValueError(f"sampler.eta={eta}: a stochastic sampler needs noise")
    alphas = [float(alphas_cumprod[t]) for t in timesteps] + [float(final_alpha)]
    for i, t in enumerate(timesteps):
        alpha, alpha_next = alphas[i], alphas[i + 1]
        guide = guidance if guidance is not None and guidance.active(i) else None
        x = x.detach().requires_grad_(guide is not None and guide.through == "denoiser")
        with torch.set_grad_enabled(x.requires_grad):
            eps = denoise(x, t, labels)
            x0 = (x - sqrt(1 - alpha) * eps) / sqrt(alpha)
        if guide is not None:
            x, x0, eps = guide(x, x0, eps, alpha, labels)
        if clip != "none":
            x0 = x0.clamp(-1, 1)
        if clip == "rederive":
            eps = (x - sqrt(alpha) * x0) / sqrt(1 - alpha)
        sigma = eta * sqrt((1 - alpha_next) / (1 - alpha) * (1 - alpha / alpha_next))
        x = sqrt(alpha_next) * x0 + sqrt(max(1 - alpha_next - sigma**2, 0.0)) * eps
        if sigma > 0 and noise is not None:
            x = x + sigma * noise(i + 1)
    return x


def cfg(denoise: Denoiser, scale: float, null_label: int | None) -> Denoiser:
    """Classifier-free guidance, denoiser to denoiser: uncond + s·(cond − uncond), both halves in one batch.

    ``scale`` is diffusers' s; the paper's λ is s − 1. ``null_label`` is the label a teacher reads as "no class".
    """
    known: list[Tensor] = []  # labels and both halves' labels, the same at every step of a block

    def guided(x: Tensor, t: int, labels: Tensor) -> Tensor:
        if not known or known[0] is not labels:
            known[:] = labels, torch.cat([torch.full_like(labels, null_label), labels])
        both = denoise(torch.cat([x, x]), t, known[1])
        uncond, cond = both.chunk(2)
        return uncond + scale * (cond - uncond)

    return denoise if scale == 1 else guided


def limited(guided: Denoiser, plain: Denoiser, low: float, high: float, alphas_cumprod: np.ndarray) -> Denoiser:
    """Guidance within an interval of noise levels, denoiser to denoiser (Kynkäänniemi et al. 2024, arXiv 2404.07724).

        low < σ_t ≤ high: guided; else plain        σ_t = √((1−ᾱ_t)/ᾱ_t)

    Args:
        guided: The denoiser within.
        plain: And outside, at half the evaluations of classifier-free guidance.
        low: 0: none.
        high: 0: none.
        alphas_cumprod: ᾱ_t.
    """

    def chosen(x: Tensor, t: int, labels: Tensor) -> Tensor:
        alpha = float(alphas_cumprod[t])
        sigma = sqrt((1 - alpha) / alpha)
        within = low < sigma and (not high or sigma <= high)
        return guided(x, t, labels) if within else plain(x, t, labels)

    return chosen if low or high else guided


def tempered(denoise: Denoiser, temperature: float, mode_variance: float, alphas_cumprod: np.ndarray) -> Denoiser:
    """Another temperature, denoiser to denoiser; see the module's equation.

    Args:
        denoise: What is rescaled.
        temperature: T, factor on the variance within modes, above 0.
        mode_variance: s², of the latents; exact where modes are isotropic and far apart.
        alphas_cumprod: ᾱ_t.
    """

    def rescaled(x: Tensor, t: int, labels: Tensor) -> Tensor:
        alpha = float(alphas_cumprod[t])
        signal = alpha / (1 - alpha) * mode_variance
        return denoise(x, t, labels) * ((signal + 1) / (signal * temperature + 1))

    return denoise if temperature == 1 else rescaled
