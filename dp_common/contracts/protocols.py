"""The protocols, one a kind of plugin. A member that says *optional* has a default in ``defaults.py``."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from dp_common.contracts.lab import Lab

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from torch.nn import Module

    from dp_common.arrays import Shape
    from dp_common.config.specification import Budget, Data
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
        guidance, ``guided``, ``scored``, ``gradients_per_image``, and ``evaluations`` on monitor. What is left out is
        the scale (generated), 50 (evaluations) or 0.
        """
        ...


class Score(Protocol):
    """How much an image is wanted, by the learner's answer to it; a module.

    Attributes:
        BLIND: optional, False. True: it does not look at the learner; ``score(uniforms)`` gets one uniform in [0, 1)
            per image index, [B] float64, costs no classifier evaluation and cannot guide.
    """

    BLIND: bool

    def score(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Higher is more wanted.

        Args:
            logits: [B, C] fp32.
            labels: [B] int64, the class each image was made for.

        Returns:
            [B], each row by itself, finite, differentiable in the logits.
        """
        ...


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


class SelectionRule(Protocol):
    """Which of many scored candidates are kept; a class whose fields are its parameters.

    It has ``keys`` or ``choose``; one with both streams. Candidates come in any order and cut in any way, so a rule's
    chance is ``uniforms`` alone.

    Attributes:
        streams: is there ``keys``? All three flags follow from what the class has.
        chooses: is there ``choose``?
        measures: is there ``measure``?
    """

    streams: bool
    chooses: bool
    measures: bool

    def keys(self, scores: "np.ndarray", labels: "np.ndarray", uniforms: "np.ndarray") -> "np.ndarray":
        """The candidates with the largest keys are kept, in each group; equal keys: the lower index.

        Args:
            scores: [n] float32, higher: more wanted.
            labels: [n] int64.
            uniforms: [n] float64 in [0, 1), each a function of seed and image index.

        Returns:
            [n], each row by itself, no NaN.
        """
        ...

    def choose(self, scores: "np.ndarray", labels: "np.ndarray", uniforms: "np.ndarray", keep: int) -> "np.ndarray":
        """``keep`` different rows of one group, whose n candidates are in order of index; keep is at least 1 and at
        most n. They are made a second time, and paid for.
        """
        ...

    def measure(self, scores: "np.ndarray", groups: "np.ndarray", keep: int) -> "tuple[Mapping[str, float], str]":
        """Optional. What is to be known of a selection: numbers for the ledger's line of the call, and a note for
        people, or "".

        Args:
            scores: [n] of all candidates, in order of index.
            groups: [n] int64: within which they compete, their classes or one of all.
            keep: how many are kept, in all.
        """
        ...


class Task(Protocol):
    """A classification problem with its real splits.

    Attributes:
        recipe: optional, {}: {key: value} defaults it gives to other keys (budget, learner, ω, ...).
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

    def load(self, split: int) -> None:
        """Find the data and split it by the seed ``split``. Raises BadInput: what was looked for, where, and how to
        get it.
        """
        ...

    def fingerprint(self) -> str:
        """What identifies the real data; cheap, no torch, and there before ``load``."""
        ...


class Learner(Protocol):
    """The classifier: a class, or a function that makes it."""

    def __call__(self, classes: int, shape: tuple[int, int, int], **model_args: Any) -> "Module":
        """A network for float images [B, *shape] about [-1, 1] that answers with logits [B, classes].

        Args:
            classes: of the task.
            shape: (channels, height, width).
            **model_args: ``train.model_args.NAME=VALUE``; the parameters after the first two are what it takes.

        Raises:
            ValueError, TypeError, AssertionError: it cannot be built so; the message is shown as one line.
        """
        ...
