"""A step as long as a share of ε along the gradient: relative, and fading at low noise.

    ρ = √(1−ᾱ) ‖ε‖/‖g‖        ε ← ε − ωρ g, x̂0 follows: x̂0 ← x̂0 + √(1−ᾱ)/√ᾱ ωρ g

Beside ``relative`` the step is (1−ᾱ) times as long where ‖ε‖ is ‖x_t‖, and taken by x̂0 too. reproduces: LGD
(Chan-Santiago & Shah 2026, arXiv 2604.00519); published: ρ; ours: the sign, which raises the score (it is printed with
a plus on ε in what we could read of it), and the values of ω, which we did not find.
"""

from math import sqrt

import torch
from torch import Tensor

from dp_common.diffusion.guidance_step import norms


def step(
    x: Tensor, x0: Tensor, eps: Tensor, g: Tensor, alpha: float, omega: float, every: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The guided (x, x0, eps), each [B, ...]; see ``dp_common.guidance_rules``."""
    direction = g / norms(g).clamp_min(torch.finfo(g.dtype).tiny)
    move = omega * sqrt(1 - alpha) * norms(eps) * direction
    return x, x0 + sqrt(1 - alpha) / sqrt(alpha) * move, eps - move
