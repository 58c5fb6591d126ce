"""Noise schedules (ᾱ_t, the cumulative product) and the list of timesteps a sampler visits."""

import numpy as np

TRAIN_STEPS = 1000


def alphas_cumprod(name: str, steps: int = TRAIN_STEPS) -> np.ndarray:
    """ᾱ_t for t = 0 .. steps-1, float64.

    ``sd``: scaled linear β from 0.00085 to 0.012 (Stable Diffusion); ``linear``: β from 1e-4 to 0.02 (Ho et al. 2020);
    ``cosine``: Nichol & Dhariwal 2021, β capped at 0.999.
    """
    if name == "sd":
        betas = np.linspace(0.00085**0.5, 0.012**0.5, steps) ** 2
    elif name == "linear":
        betas = np.linspace(1e-4, 0.02, steps)
    elif name == "cosine":
        bar = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
        betas = np.minimum(1 - bar[1:] / bar[:-1], 0.999)
    else:
        raise ValueError(f"schedule={name}: one of sd, linear, cosine")
    return np.cumprod(1 - betas)


def timesteps(n: int, spacing: str = "leading", steps: int = TRAIN_STEPS, offset: int = 0) -> list[int]:
    """The n visited timesteps, descending, as Table 2 of Lin et al. 2024 (arXiv 2305.08891) names the spacings."""
    if not 1 <= n <= steps:
        raise ValueError(f"sampler.steps={n}: from 1 to {steps}")
    if spacing == "leading":
        visited = np.arange(n) * (steps // n) + offset
    elif spacing == "trailing":
        visited = np.round(steps - np.arange(n)[::-1] * (steps / n)) - 1
    elif spacing == "linspace":
        visited = np.round(np.linspace(0, steps - 1, n))
    else:
        raise ValueError(f"sampler.spacing={spacing}: one of leading, trailing, linspace")
    if visited[-1] >= steps:
        raise ValueError(
            f"sampler.steps={n}: the last of {spacing} spacing with offset {offset} would be "
            f"t = {visited[-1]:.0f} of {steps}"
        )
    return [int(t) for t in visited[::-1]]
