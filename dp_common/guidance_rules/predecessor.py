"""A step of relative length along the gradient, taken by x_t itself, as in arXiv 2310.00158.

δ = ω‖x_t‖ g/‖g‖        x ← x + δ, ε is kept, x̂0 ← x̂0 + δ/√ᾱ

reproduces: arXiv 2310.00158; published: the step, at every fifth of 30 steps; its weights were not to be found.
"""

from math import sqrt

from torch import Tensor

from dp_common.diffusion.guidance_step import relative_step


def step(
    x: Tensor, x0: Tensor, eps: Tensor, g: Tensor, alpha: float, omega: float, every: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The guided (x, x0, eps), each [B, ...]; see ``dp_common.guidance_rules``."""
    delta = relative_step(x, g, omega)
    return x + delta, x0 + delta / sqrt(alpha), eps
