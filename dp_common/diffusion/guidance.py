"""Steering the sampler up the gradient of a score of the current learner: three rules, one short function each.

Target density Q ∝ π·P with log π ∝ ω·H adds ω∇H to the score ∇log p. Since ε = −√(1−ᾱ)·score, raising H *subtracts*
from ε. (The paper's Eq. 7 prints the opposite sign; its Algorithm 1 is right.) With g = ∇_{x_t} H(f(x̂0(x_t))):

    score        ε ← ε − kω√(1−ᾱ) g, x̂0 follows: x̂0 ← x̂0 + kω(1−ᾱ)/√ᾱ g      k = ``every``: ω means the same at any frequency
    relative     δ = ω‖x_t‖ g/‖g‖;  x̂0 kept, ε ← ε + δ/√(1−ᾱ)
    predecessor  δ as above;        x ← x + δ, ε kept, x̂0 ← x̂0 + δ/√ᾱ          as in arXiv 2310.00158

``relative`` moves the next x_{t'} by √((1−ᾱ_{t'})/(1−ᾱ_t)) δ, towards higher H; it moves nothing at a last step to ᾱ = 1.
``through=denoiser`` differentiates decoder and network; ``through=decoder`` takes ∂x̂0/∂x_t as √ᾱ_t·I, which is exact for
unit-variance data (1/√ᾱ_t, from holding ε fixed, explodes at high noise).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import sqrt

import torch

from dp_common.errors import Problem


class GuidanceError(Problem):
    """A guidance gradient was not finite. ``rows`` are the batch rows it happened in."""

    def __init__(self, rows, alpha):
        self.rows = rows
        super().__init__(
            f"guidance gradient is not finite in {len(rows)} image(s), batch rows {rows[:8]}, at ᾱ = {alpha:.6f}"
        )


def score_rule(x, x0, eps, g, alpha, omega, every):
    move = every * omega * g
    return x, x0 + (1 - alpha) / sqrt(alpha) * move, eps - sqrt(1 - alpha) * move


def relative_rule(x, x0, eps, g, alpha, omega, every):
    return x, x0, eps + relative_step(x, g, omega) / sqrt(1 - alpha)


def predecessor_rule(x, x0, eps, g, alpha, omega, every):
    delta = relative_step(x, g, omega)
    return x + delta, x0 + delta / sqrt(alpha), eps


def relative_step(x, g, omega):
    """δ = ω ‖x‖ g/‖g‖ per image; zero where g is (rows under the floor arrive as zeros)."""
    return omega * norms(x) * (g / norms(g).clamp_min(torch.finfo(g.dtype).tiny))


def norms(x):
    """Per-image Euclidean norm in fp32, shaped to broadcast: [B, 1, ...]."""
    return x.float().flatten(1).norm(dim=1).view(-1, *[1] * (x.ndim - 1))


RULES = {"score": score_rule, "relative": relative_rule, "predecessor": predecessor_rule}


@dataclass
class Guide:
    """The step hook of one guided generation.

    ``objective(x̂0, labels) -> [B]``: score of the learner's logits on the decoded x̂0, fp32 (teacher and learner know how).
    Per-sample throughout: the gradient of the batch's sum is each image's own, so a batch equals its singles.
    """

    objective: Callable
    omega: float
    rule: str = "relative"
    through: str = "denoiser"
    every: int = 1
    scale: float = 1.0  # of the objective while its gradient is taken, against underflow in half precision
    floor: float = 1e-12  # ‖g‖ under which an image is not moved: its direction is rounding noise
    counts: dict = field(default_factory=lambda: {"gradients": 0, "network_gradients": 0, "not_moved": 0})

    def active(self, step: int) -> bool:
        """Is step 0, 1, ... guided? The middle of every ``every`` steps: the first sees mostly noise, and ``relative``
        does nothing at the last.
        """
        return self.omega != 0 and step % self.every == (self.every - 1) // 2

    def __call__(self, x, x0, eps, alpha, labels):
        g = self.gradient(x, x0, alpha, labels)
        return RULES[self.rule](x.detach(), x0.detach(), eps.detach(), g, alpha, self.omega, self.every)

    def gradient(self, x, x0, alpha, labels):
        """g = ∇_{x_t} H, [B, ...] in x's dtype, zero in rows with ‖g‖ below the floor."""
        exact = self.through == "denoiser"
        wrt = x if exact else x0.detach().requires_grad_()
        with torch.enable_grad():
            total = self.objective(x0 if exact else wrt, labels).sum() * self.scale
            (g,) = torch.autograd.grad(total, wrt)
        g = g / self.scale if exact else sqrt(alpha) / self.scale * g
        length = norms(g)
        if not torch.isfinite(length).all():
            raise GuidanceError(torch.nonzero(~torch.isfinite(length.flatten())).flatten().tolist(), alpha)
        still = length < self.floor
        self.counts["gradients"] += len(x)
        self.counts["network_gradients"] += len(x) if exact else 0
        self.counts["not_moved"] += int(still.sum())
        return torch.where(still, 0.0, g).detach()
