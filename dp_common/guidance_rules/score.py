"""Classifier guidance: ω times the gradient is added to the score ∇log p of the density, so x̂0 and ε stay consistent.

ε ← ε − kω√(1−ᾱ) g        x̂0 ← x̂0 + kω(1−ᾱ)/√ᾱ g        k = ``every``: ω means the same at any frequency

reproduces: Dhariwal & Nichol 2021 (arXiv 2105.05233), as Eq. 7 of arXiv 2502.15588 means it; ours: the sign of its
Algorithm 1, where Eq. 7 prints the other, and k.
"""

from math import sqrt

from torch import Tensor


def step(
    x: Tensor, x0: Tensor, eps: Tensor, g: Tensor, alpha: float, omega: float, every: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The guided (x, x0, eps), each [B, ...]; see ``dp_common.guidance_rules``."""
    move = every * omega * g
    return x, x0 + (1 - alpha) / sqrt(alpha) * move, eps - sqrt(1 - alpha) * move
