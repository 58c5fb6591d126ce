"""The protocol of a teacher. A member that says *optional* has a default in ``defaults.py``."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, device

    from dp_common.contracts.protocols import Task


class Teacher(Protocol):
    """A diffusion model with a differentiable way from x_t to an image; or images that are made already.

    One that has ``stored`` deals out images it holds: it leaves out ``denoise``, ``decode``, ``latent_shape`` and
    ``alphas_cumprod``, has ``stored_counts``, and cannot guide.

    Attributes:
        recipe: optional: {key: value} defaults it gives to other keys (sampler, images), under the task's.
        licence: optional, "": the licence of its weights, where it is known; there before ``prepare``.
        latent_shape: of one x_t; from ``prepare`` on, as all below.
        alphas_cumprod: ᾱ_t, numpy float64, falling within (0, 1).
        final_alpha: optional, 1: ᾱ after the last step.
        null_label: optional, None: the label that means "no class", for classifier-free guidance; None where it cannot.
        steps_offset: optional, 0: added to the timesteps of ``leading`` spacing (diffusers' scheduler configuration).
        grad_scale: optional, 1: what the score is multiplied by before its gradient is taken through a half-precision
            network, and the gradient divided by after.
        preview: optional: does ``decode_guided`` decode otherwise than ``decode``? Its evaluations are then counted
            apart. By default whether the class has a ``decode_guided``.
        knows_density: optional: is the density of its images known, that is are the last three functions there? By
            default whether the class has them.
        holds_images: optional: does it deal out images that are made already? By default whether the class has a
            ``stored``.
        stored_counts: where it holds images: how many of each class, from ``prepare`` on.
        tempers: optional: is there an exact temperature, ``denoise_tempered``? By default whether the class has it.
    """

    @property
    def recipe(self) -> Mapping[str, Any]: ...

    @property
    def licence(self) -> str: ...

    @property
    def latent_shape(self) -> Sequence[int]: ...

    @property
    def alphas_cumprod(self) -> "np.ndarray": ...

    @property
    def final_alpha(self) -> float: ...

    @property
    def null_label(self) -> int | None: ...

    @property
    def steps_offset(self) -> int: ...

    @property
    def grad_scale(self) -> float: ...

    @property
    def preview(self) -> bool: ...

    @property
    def knows_density(self) -> bool: ...

    @property
    def holds_images(self) -> bool: ...

    @property
    def stored_counts(self) -> Sequence[int]: ...

    @property
    def tempers(self) -> bool: ...

    def prepare(self, task: "Task", device: "device") -> None:
        """Fit or load.

        Raises:
            BadInput: weights are missing (where, and how to get them), or were trained on monitor or test images.
        """
        ...

    def denoise(self, x: "Tensor", t: int, labels: "Tensor") -> "Tensor":
        """ε [B, *latent_shape] of x_t [B, *latent_shape] and labels [B] int64, each row by itself; x is left as it
        was.
        """
        ...

    def decode(self, x0: "Tensor") -> "Tensor":
        """Images [B, C, H, W] fp32, about [-1, 1], of x̂0 [B, *latent_shape]; differentiable."""
        ...

    def fingerprint(self, task: "Task") -> str:
        """What else than its fields decides its images (weights, data); cheap, no torch, and there before
        ``prepare``.
        """
        ...

    def stored(self, indices: "np.ndarray", labels: "np.ndarray") -> "np.ndarray":
        """Optional. The images it holds, instead of sampling: uint8 [n, C, H, W], as ``task.shape`` says.

        Args:
            indices: [n] int64. Image i of label y is the ``seeds.rank_of(i, classes)``-th that is held of class y.
            labels: [n] int64.

        Raises:
            BadInput: of a class there are not so many.
        """
        ...

    def denoise_tempered(self, x: "Tensor", t: int, labels: "Tensor", temperature: float) -> "Tensor":
        """Optional. As ``denoise``, of the density whose variance within each mode is ``temperature`` times as large
        and whose modes and their shares are the same.
        """
        ...

    def decode_guided(self, x0: "Tensor") -> "Tensor":
        """Optional, ``decode``: a cheaper way to images of the task's shape, for guidance alone."""
        ...

    def density_diagnostics(self, images: "Tensor", labels: "Tensor") -> "Mapping[str, Tensor]":
        """Optional, {}. What the known density says of images [B, C, H, W] before clamping: ``true_label`` [B] bool,
        is the label the most probable class; ``log_density`` [B], log p(image | label) in nats.
        """
        ...

    def log_density(self, images: "Tensor") -> "Tensor":
        """Optional. log p(image | class) in nats, [B, classes]."""
        ...

    def exact(self, labels: "Tensor", seed: int) -> "Tensor":
        """Optional. Draws from the density itself, by no diffusion: [n, C, H, W] for labels [n] on the CPU."""
        ...
