"""The protocol of a guidance rule."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class GuidanceRule(Protocol):
    """How the gradient of a score moves one step of the sampler; a module."""

    def step(
        self, x: "Tensor", x0: "Tensor", eps: "Tensor", g: "Tensor", alpha: float, omega: float, every: int
    ) -> "tuple[Tensor, Tensor, Tensor]":
        """The guided (x, x0, eps).

        Args:
            x: [B, ...] x_t.
            x0: [B, ...] the predicted image.
            eps: [B, ...] the predicted noise.
            g: [B, ...] gradient of each image's own score by its x_t; zeros where an image is not to be moved.
            alpha: ᾱ_t, in (0, 1).
            omega: the guidance weight; towards higher scores where it is positive.
            every: one step in so many is guided.
        """
        ...
