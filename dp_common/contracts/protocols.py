"""The protocols of strategies, scores, teachers and tasks; what is *optional* has a default in ``defaults.py``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from dp_common.contracts.lab import Lab

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, device

    from dp_common.arrays import Shape
    from dp_common.config.specification import Budget, Data
    from dp_common.diffusion.guidance import Guidance
    from dp_common.real_images.splits import AnySplit


class Strategy(Protocol):
    """What to generate, keep and train on, and when."""

    def run(self, lab: Lab) -> Iterator[str]:
        """Do it, yielding a word after each step: the runner checkpoints, evaluates or stops there. Ends with
        ``lab.cooldown()``.
        """
        ...

    def resolve_defaults(self, budget: "Budget") -> None:
        """Optional. Fill in fields that follow from the budget and refuse what cannot work, before anything runs.
        Raises BadInput.
        """
        ...

    def check_real(self, counts: Sequence[int]) -> None:
        """Optional. Refuse what the real training images do not allow, before anything is made: ``counts`` says how
        many the teacher has of each class. Raises BadInput.
        """
        ...

    def planned_work(self, budget: "Budget") -> Mapping[str, float]:
        """Optional. What the run will make if its plateaus come, for ``--dry-run``: images ``generated`` without
        guidance, ``guided``, ``scored``, ``gradients_per_image``, images ``seen``, and ``evaluations`` on monitor. What
        is left out is the scale (generated), the budget (seen), as every fiftieth of it (evaluations), or 0.

        Of those ``generated`` without guidance: ``candidates``, which are scored and mostly thrown away; ``unshared``,
        whose labels or starts are chosen, or which are made a second time. Of all: ``started`` from real images, and
        the ``share`` of a sampler's steps that those take; ``labelled``, whose classes the strategy chooses; calls that
        look at all real images (``anchored``).
        """
        ...

    def planned_guidance(self) -> "Guidance | None":
        """Optional, None. What will steer images of the run, where that is known beforehand: on a device with memory of
        its own one block is tried before anything is made.
        """
        ...


class Score(Protocol):
    """How much an image is wanted, by the learner's answer to it; a module.

    Attributes:
        BLIND: optional, False. True: it does not look at the learner; ``score(uniforms)`` gets one uniform in [0, 1)
            per image index, [B] float64, costs no classifier evaluation and cannot guide.
        NEEDS: optional, (). Names of what it looks at beside the logits; each comes as a keyword of ``score``, is
            metered and paid for:

            ``reference``  [B, C]     log-probabilities, up to a constant, by what knows the real images: the
                                      teacher's density, or a classifier trained on them (``reference.*``)
            ``heads``      [B, K, C]  logits of K answers to each image (``heads.*``)
            ``features``   [B, D]     what the learner's last linear layer sees
            ``moments``    features of the present training set as Gaussians: (means [C, D], precision [D, D],
                           log-determinant of the covariance)
            ``memory``     the present training set: (features [M, D], labels [M])
            ``peers``      the present training set by class, 256 images by lot where there are more: (features
                           [C, n, D], which of them are there [C, n], median squared distance between two [C])
            ``exemplars``  [B, k, D]  features of the class's k real exemplars (``exemplars.per_class``), first the one
                                      that the image's place within its class is dealt
            ``density``    [B]        log p(image | label) in nats, of a teacher whose density is known
    """

    BLIND: bool
    NEEDS: tuple[str, ...]

    def score(self, logits: "Tensor", labels: "Tensor", **needed: Any) -> "Tensor":
        """Higher is more wanted.

        Args:
            logits: [B, C] fp32.
            labels: [B] int64, the class each image was made for.
            **needed: what ``NEEDS`` names.

        Returns:
            [B], each row by itself, finite, differentiable in the logits, or in what it needs of each image.
        """
        ...


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
        encodes: optional: is there ``encode``, so that images can be started from? By default whether the class has it.
        knows_density: optional: is the density of its images known, that is are the last three functions there? By
            default whether the class has them.
        tempers: optional: is there an exact temperature, ``denoise_tempered``? By default whether the class has it.
        holds_images: optional: does it deal out images that are made already? By default whether the class has a
            ``stored``.
        stored_counts: where it holds images: how many of each class, from ``prepare`` on.
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
    def encodes(self) -> bool: ...

    @property
    def knows_density(self) -> bool: ...

    @property
    def tempers(self) -> bool: ...

    @property
    def holds_images(self) -> bool: ...

    @property
    def stored_counts(self) -> Sequence[int]: ...

    def require_files(self, task: "Task") -> None:
        """Optional. Refuse in a moment, without torch and before the task is loaded, what names files that are not
        there; ``--dry-run`` asks too. Raises BadInput.
        """
        ...

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

    def denoise_tempered(self, x: "Tensor", t: int, labels: "Tensor", temperature: float) -> "Tensor":
        """Optional. As ``denoise``, of the density whose variance within each mode is ``temperature`` times as large
        and whose modes and their shares are the same.
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

    def encode(self, images: "Tensor") -> "Tensor":
        """Optional. x0 [B, *latent_shape] of images [B, C, H, W] about [-1, 1]: what ``decode`` takes back."""
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


class Task(Protocol):
    """A classification problem with its real splits.

    Attributes:
        recipe: optional, {}: {key: value} defaults it gives to other keys (budget, learner, ω, ...).
        reads: optional, (): the keys among data.root, data.train and data.test that say where its images are; one that
            a built-in task does not read is refused.
        data: the ``data.*`` keys, set before anything below is asked for.
        classes: names, in label order; known without torch and before ``load``, so that a dry run is quick.
        prompts: optional: a text for each class, for teachers that read text; else the class names.
        shape: (channels, height, width) of its images, as stored and as the learner sees them.
        train: real images for the teacher; from ``load`` on, as all below. A Split holds uint8 [n, C, H, W] and
            labels int64 [n].
        monitor: what patience looks at.
        test: what accuracy is reported on. The three are disjoint.
        shifted: optional, {}: {name: Split} of further test sets.
    """

    @property
    def recipe(self) -> Mapping[str, Any]: ...

    @property
    def reads(self) -> tuple[str, ...]: ...

    @property
    def data(self) -> "Data": ...

    @property
    def train(self) -> "AnySplit": ...

    @property
    def monitor(self) -> "AnySplit": ...

    @property
    def test(self) -> "AnySplit": ...

    @property
    def shifted(self) -> "Mapping[str, AnySplit]": ...

    @property
    def classes(self) -> Sequence[str]: ...

    @property
    def prompts(self) -> Sequence[str]: ...

    @property
    def shape(self) -> "Shape": ...

    @classmethod
    def recipe_of(cls, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Optional, ``recipe``: the recipe for what a preset or the command line says, {key: text or value}; where a
        learner or a size of images wants another.
        """
        ...

    def require_files(self) -> None:
        """Optional. Refuse in a moment, without torch, what names data that are not there; ``--dry-run`` asks too.
        Raises BadInput.
        """
        ...

    def sizes(self) -> "Mapping[str, int]":
        """Optional, {}. About how many images ``monitor`` and ``test`` will have, and ``shifted`` together, for
        estimates: known without torch and before ``load``.
        """
        ...

    def load(self, split: int) -> None:
        """Find the data and split it by the seed ``split``. Raises BadInput: what was looked for, where, and how to
        get it.
        """
        ...

    def fingerprint(self) -> str:
        """What identifies the real data; cheap, no torch, and there before ``load``."""
        ...
