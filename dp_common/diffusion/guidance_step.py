"""The step hook of guided sampling: the gradient of a score of the decoded x̂0, and a rule that moves along it.

The gradient is taken in two stages, which is the chain rule and changes nothing: ∂H/∂x̂0, decoder and classifier, and
from there through the network. Scores are per image, so the first stage may be done for ``chunk`` images at a time, in
less memory: it is what holds most.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from dp_common import device as devices
from dp_common.diffusion.guidance import Guidance, rule_step
from dp_common.errors import Problem
from dp_common.seeds import rank_of


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
        chunk: Images decoded and classified at once while the gradient is taken, or all that are sampled at once.
        arithmetic: The context that decoder and classifier are computed in, forwards and backwards.
    """

    def __init__(
        self,
        objective: Callable,
        guidance: Guidance,
        scale: float = 1.0,
        floor: float = 1e-12,
        chunk: "Chunk | None" = None,
        arithmetic: Callable[[], AbstractContextManager] = nullcontext,
    ) -> None:
        self.objective, self.guidance, self.scale, self.floor = objective, guidance, scale, floor
        self.chunk, self.arithmetic = chunk or Chunk(), arithmetic
        self.through, self.rule = guidance.through, rule_step(guidance.rule)
        self.classes, self.indices = 0, np.empty(0, np.int64)  # see ``placed``
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
        g = self.gradient(x, x0, alpha, self.placed(labels))
        return self.rule(x.detach(), x0.detach(), eps.detach(), g, alpha, self.guidance.omega, self.guidance.every)

    def placed(self, labels: Tensor) -> Tensor:
        """Labels as the objective gets them: where it asks for the place t of each image within its class, by
        ``classes`` C, label + C t.
        """
        if not self.classes:
            return labels
        places = torch.from_numpy(rank_of(self.indices, self.classes))
        return labels + self.classes * devices.send(places, labels.device)

    def gradient(self, x: Tensor, x0: Tensor, alpha: float, labels: Tensor) -> Tensor:
        """g = ∇_{x_t} H, [B, ...] in x's dtype, zero in rows with ‖g‖ below the floor. Raises GuidanceError."""
        exact = self.through == "denoiser"
        g = self.by_prediction(x0.detach(), labels)
        if exact:
            (g,) = torch.autograd.grad(x0, x, g)
        g = g / self.scale if exact else sqrt(alpha) / self.scale * g
        length = norms(g)
        if not torch.isfinite(length).all():
            raise GuidanceError(torch.nonzero(~torch.isfinite(length.flatten())).flatten().tolist(), alpha)
        still = length < self.floor
        self.counts["gradients"] += len(x)
        self.counts["network_gradients"] += len(x) if exact else 0
        self.counts["not_moved"] += int(still.sum())
        return torch.where(still, 0.0, g).detach()

    def by_prediction(self, x0: Tensor, labels: Tensor) -> Tensor:
        """∂H/∂x̂0 times ``scale``, [B, ...], of a x̂0 without a graph: by chunks, halved where memory is short."""
        parts: list[Tensor] = []
        done = 0
        while done < len(x0):
            size = min(self.chunk.size or len(x0), len(x0) - done)
            rows = slice(done, done + size)
            try:
                parts.append(self.of_rows(*((x0, labels) if size == len(x0) else (x0[rows], labels[rows]))))
                done += size
            except torch.OutOfMemoryError:
                if not self.chunk.halve(size):
                    raise
                devices.release(x0.device)
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def of_rows(self, x0: Tensor, labels: Tensor) -> Tensor:
        """The same of one chunk. Raises Problem for a score that breaks its contract."""
        wrt = x0.detach().requires_grad_()
        with torch.enable_grad(), self.arithmetic():
            values = self.objective(wrt, labels)
            if values.shape != (len(wrt),) or not values.requires_grad:
                got = f"gave shape {list(values.shape)}" if values.requires_grad else "has no gradient, as of an argmax"
                wanted = "one number an image is wanted, by what is differentiable in its logits"
                raise Problem(f"score {self.guidance.score}: {wanted}; it {got}; dp_common.contracts.Score")
            (g,) = torch.autograd.grad(values.sum() * self.scale, wrt)
        return g


class Chunk:
    """How many images are decoded and classified at once for a gradient; what memory taught one addition, the next
    knows.

    Args:
        size: So many; 0: all that are sampled at once.
        says: Told in a line when it is halved.
    """

    def __init__(self, size: int = 0, says: Callable[[str], object] = lambda text: None) -> None:
        self.size, self.says = size, says

    def halve(self, tried: int) -> bool:
        """Half of what was tried did not do; False where that was one image, and nothing is left to halve."""
        if tried < 2:
            return False
        self.size = tried // 2
        self.says(
            f"note: out of memory on the device while {tried} images were decoded and classified for guidance; going "
            f"on with {self.size} at a time (guidance_chunk={self.size} starts with that; no image depends on it)"
        )
        return True


def relative_step(x: Tensor, g: Tensor, omega: float) -> Tensor:
    """δ = ω ‖x‖ g/‖g‖ per image, [B, ...]; zero where g is (rows under the floor arrive as zeros)."""
    return omega * norms(x) * (g / norms(g).clamp_min(torch.finfo(g.dtype).tiny))


def norms(x: Tensor) -> Tensor:
    """Per-image Euclidean norm in fp32, shaped to broadcast: [B, 1, ...]."""
    return x.float().flatten(1).norm(dim=1).view(-1, *[1] * (x.ndim - 1))
