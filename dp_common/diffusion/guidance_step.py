"""The step hook of guided sampling: the gradient of a score of the decoded x̂0, and a rule that moves along it."""

from collections.abc import Callable
from math import sqrt

import torch
from torch import Tensor

from dp_common.diffusion.guidance import Guidance, rule_step
from dp_common.errors import Problem


class GuidanceError(Problem):
    """A guidance gradient was not finite. ``rows`` are the batch rows it happened in."""

    def __init__(self, rows: list[int], alpha: float) -> None:
        self.rows = rows
        super().__init__(
            f"guidance gradient is not finite in {len(rows)} image(s), batch rows {rows[:8]}, at ᾱ = {alpha:.6f}"
        )


class GuidanceStep:
    """``guidance`` of one addition, bound to a learner: what ``ddim`` calls at the steps that are guided.

    Per-sample throughout: the gradient of the batch's sum is each image's own, so a batch equals its singles.

    Args:
        objective: ``objective(x̂0 [B, ...], labels [B]) -> [B]`` fp32: the score of the learner's logits on the
            decoded x̂0.
        guidance: Weight, rule, path and frequency.
        scale: Of the objective while its gradient is taken, against underflow in half precision.
        floor: ‖g‖ under which an image is not moved: its direction is rounding noise.
    """

    def __init__(self, objective: Callable, guidance: Guidance, scale: float = 1.0, floor: float = 1e-12) -> None:
        self.objective, self.guidance, self.scale, self.floor = objective, guidance, scale, floor
        self.through, self.rule = guidance.through, rule_step(guidance.rule)
        self.counts = {"gradients": 0, "network_gradients": 0, "not_moved": 0}

    def active(self, step: int) -> bool:
        """Is step 0, 1, ... guided? The middle of every ``every`` steps: the first sees mostly noise, and ``relative``
        does nothing at the last.
        """
        every = self.guidance.every
        return self.guidance.omega != 0 and step % every == (every - 1) // 2

    def __call__(
        self, x: Tensor, x0: Tensor, eps: Tensor, alpha: float, labels: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The guided (x_t, x̂0, ε), each [B, ...] and without a graph, at ᾱ_t = ``alpha``."""
        g = self.gradient(x, x0, alpha, labels)
        return self.rule(x.detach(), x0.detach(), eps.detach(), g, alpha, self.guidance.omega, self.guidance.every)

    def gradient(self, x: Tensor, x0: Tensor, alpha: float, labels: Tensor) -> Tensor:
        """g = ∇_{x_t} H, [B, ...] in x's dtype, zero in rows with ‖g‖ below the floor. Raises GuidanceError."""
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


def relative_step(x: Tensor, g: Tensor, omega: float) -> Tensor:
    """δ = ω ‖x‖ g/‖g‖ per image, [B, ...]; zero where g is (rows under the floor arrive as zeros)."""
    return omega * norms(x) * (g / norms(g).clamp_min(torch.finfo(g.dtype).tiny))


def norms(x: Tensor) -> Tensor:
    """Per-image Euclidean norm in fp32, shaped to broadcast: [B, 1, ...]."""
    return x.float().flatten(1).norm(dim=1).view(-1, *[1] * (x.ndim - 1))
