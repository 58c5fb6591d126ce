"""A step of relative length along the gradient, taken by ε: how far does not depend on how steep the score is.

    δ = ω‖x_t‖ g/‖g‖        ε ← ε + δ/√(1−ᾱ), x̂0 is kept

The next x_{t'} moves by √((1−ᾱ_{t'})/(1−ᾱ_t)) δ, towards higher H; nothing moves at a last step to ᾱ = 1.
reproduces: nothing that is printed; published: ω of 0.03 to 0.07 (arXiv 2502.15588), without a normalisation; ours:
the reading under which that is a natural range.
"""

from math import sqrt

from torch import Tensor

from dp_common.diffusion.guidance_step import relative_step


def step(
    x: Tensor, x0: Tensor, eps: Tensor, g: Tensor, alpha: float, omega: float, every: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The guided (x, x0, eps), each [B, ...]; see ``dp_common.guidance_rules``."""
    return x, x0, eps + relative_step(x, g, omega) / sqrt(1 - alpha)
