"""What a plugin must keep, as code: one Protocol a kind, with shapes, units and errors; imports no torch.

A plugin class inherits nothing. Members marked *optional* it may leave out: ``complete`` gives it those of the
``...Defaults`` of its kind when it is loaded, so whoever uses a plugin finds every member there. The conformance kit
holds a plugin to its contract: ``python -m dp_common.conformance strategy=./idea.py:Idea``.

Options of a plugin are the fields of its dataclass, ``name: float = option(0.05, "what it is")``, each with a
default; on the command line they are ``<file>.<name>``.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from dp_common.errors import BadInput
from dp_common.progress import note

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, device
    from torch.nn import Module

    from dp_common.arrays import Shape
    from dp_common.config.specification import Budget, Data
    from dp_common.diffusion.guidance import Guidance
    from dp_common.real_images.splits import AnySplit


class Lab(Protocol):
    """All that a strategy may read and do. Every call is metered and journaled: after an interruption ``run`` starts
    from the top and calls that were answered before are answered from the journal. So a strategy repeats itself: its
    chance comes from ``rng`` alone.

    Attributes:
        budget: scale, images to be seen, batch, classes.
        seed: of the run.
        rng: the strategy's generator, the only source of its chance.
        real_images: how many real training images the teacher has.
        size: images in the training set.
        room: images missing to the scale.
        seen: images the present learner has seen in training, of ``budget.seen``.
        learning: is there anything left of the stable phase? Nothing is added after it.
        rounds: additions so far, the initial set not counted.
    """

    budget: "Budget"
    seed: int
    rng: "np.random.Generator"
    real_images: int

    @property
    def size(self) -> int: ...

    @property
    def room(self) -> int: ...

    @property
    def seen(self) -> int: ...

    @property
    def learning(self) -> bool: ...

    @property
    def rounds(self) -> int: ...

    def generate(self, n: int, guidance: "Guidance | None" = None) -> int:
        """Make ``n`` images with the next indices and add them to the training set; returns n.

        Args:
            n: from 1 to ``room``.
            guidance: the score whose gradient is followed, with which weight and rule; None: the plain sampler.

        Raises:
            Problem: more than there is room for, or the stable phase is over.
        """
        ...

    def select(self, pool: int, keep: int, score: str, balance: str = "class", replace: bool = False) -> int:
        """Make ``pool`` candidates, add the ``keep`` that score highest by the learner as it is now; returns keep.

        Args:
            pool: candidates; all are paid for, none is stored but those kept.
            keep: from 1 to ``room``, and at most the candidates.
            score: name of a score.
            balance: ``class``: the same number of each class; ``global``: the best overall.
            replace: the present training set joins the candidates, and only the kept ones remain.
        """
        ...

    def train(self, images: int, new_weight: float = 1.0) -> float:
        """Train on about ``images`` draws (whole iterations, within the stable phase); returns accuracy on monitor, 0
        to 1.

        Args:
            images: draws from the training set, at least 1.
            new_weight: how many times as often an image of the newest addition is drawn as an older one.
        """
        ...

    def cooldown(self) -> float:
        """Train to the end of the budget with a falling learning rate, the last thing a strategy does; returns
        accuracy on monitor.
        """
        ...

    def real(self, n: int) -> int:
        """Add ``n`` of the teacher's own real training images, at most all of them; returns how many."""
        ...

    def restart(self) -> None:
        """A fresh learner with the seed's own initial weights and the whole budget before it; what the last one saw
        stays paid for.
        """
        ...

    def freeze(self) -> None:
        """Keep a copy of the learner as it is now, for guidance by a frozen learner."""
        ...


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

    def planned_work(self, budget: "Budget") -> Mapping[str, float]:
        """Optional. What the run will make if its plateaus come, for ``--dry-run``: images ``generated`` without
        guidance, ``guided``, ``scored``, and ``gradients_per_image``. What is left out is the scale (generated) or 0.
        """
        ...


class StrategyDefaults:
    """The optional members of a strategy."""

    def resolve_defaults(self, budget: "Budget") -> None:
        """Nothing follows from the budget."""

    def planned_work(self, budget: "Budget") -> Mapping[str, float]:
        """The scale is generated, and nothing else."""
        return {}


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


class ScoreDefaults:
    """The optional members of a score."""

    BLIND = False


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


class Teacher(Protocol):
    """A diffusion model with a differentiable way from x_t to an image.

    Attributes:
        recipe: optional: {key: value} defaults it gives to other keys (sampler, images), under the task's.
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
    """

    @property
    def recipe(self) -> Mapping[str, Any]: ...

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


class TeacherDefaults:
    """The optional members of a teacher."""

    recipe: ClassVar[Mapping[str, Any]] = {}
    final_alpha = 1.0
    null_label: int | None = None
    steps_offset = 0
    grad_scale = 1.0
    preview = False
    knows_density = False

    def decode_guided(self, x0: "Tensor") -> "Tensor":
        """As ``decode``."""
        return self.decode(x0)  # type: ignore[attr-defined]

    def density_diagnostics(self, images: "Tensor", labels: "Tensor") -> "Mapping[str, Tensor]":
        """Nothing is known."""
        return {}

    def log_density(self, images: "Tensor") -> "Tensor":
        """Not to be asked; see ``knows_density``."""
        raise NotImplementedError(f"{type(self).__name__} does not know its density")

    def exact(self, labels: "Tensor", seed: int) -> "Tensor":
        """Not to be asked; see ``knows_density``."""
        raise NotImplementedError(f"{type(self).__name__} does not know its density")


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


class TaskDefaults:
    """The optional members of a task."""

    recipe: ClassVar[Mapping[str, Any]] = {}
    shifted: "Mapping[str, AnySplit]" = {}

    @cached_property
    def prompts(self) -> Sequence[str]:
        """The class names."""
        return self.classes  # type: ignore[attr-defined]


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


REQUIRED = {  # members a plugin cannot be without, as one writes them
    "strategy": {"run": "run(lab)"},
    "teacher": {
        "prepare": "prepare(task, device)",
        "denoise": "denoise(x, t, labels)",
        "decode": "decode(x0)",
        "fingerprint": "fingerprint(task)",
    },
    "task": {"load": "load(split)", "fingerprint": "fingerprint()"},
    "score": {"score": "score(logits, labels)"},
    "guidance rule": {"step": "step(x, x0, eps, g, alpha, omega, every)"},
}
AFTERWARDS = {  # attributes that are there once it is prepared or loaded
    "teacher": ("latent_shape", "alphas_cumprod"),
    "task": ("train", "monitor", "test", "classes", "shape"),
}
DEFAULTS = {"strategy": StrategyDefaults, "teacher": TeacherDefaults, "task": TaskDefaults, "score": ScoreDefaults}
FORMER = {  # what optional members were called once
    "strategy": {"settle": "resolve_defaults", "forecast": "planned_work"},
    "teacher": {"truth": "density_diagnostics"},
}
DERIVED: dict[str, dict[str, tuple[str, ...]]] = {  # flags that say whether a class has members of its own
    "teacher": {"preview": ("decode_guided",), "knows_density": ("density_diagnostics", "log_density", "exact")},
}
CONTRACT = {"guidance rule": "GuidanceRule"}  # else the kind itself, capitalised


def complete(kind: str, name: str, plugin: Any) -> Any:
    """A plugin with every member of its contract: what it leaves out is set to the defaults of its kind, in place.

    Args:
        kind: of the registry.
        name: of the plugin, for errors and notes.
        plugin: its class, module or function.

    Raises:
        BadInput: a member is missing that has no default.
    """
    for old, new in FORMER.get(kind, {}).items():
        if hasattr(plugin, old) and not hasattr(plugin, new):
            note(f"{kind}={name}: `{old}` is called `{new}` by now, and is taken for it")
            setattr(plugin, new, getattr(plugin, old))
    for member, signature in REQUIRED.get(kind, {}).items():
        if not callable(getattr(plugin, member, None)):
            raise BadInput(kind, name, f"has no {signature}; the contract is {contract(kind)}")
    defaults = {key: value for key, value in vars(DEFAULTS.get(kind, object)).items() if not key.startswith("__")}
    for flag, members in DERIVED.get(kind, {}).items():
        if not has_own(plugin, flag, defaults):
            setattr(plugin, flag, all(has_own(plugin, member, defaults) for member in members))
    for member, default in defaults.items():
        if not hasattr(plugin, member) and member not in fields_of(plugin):
            setattr(plugin, member, default)
    if kind == "learner" and not callable(plugin):
        raise BadInput(kind, name, f"is no class or function; the contract is {contract(kind)}")
    return plugin


def has_own(plugin: Any, member: str, defaults: Mapping[str, Any]) -> bool:
    """Does the plugin have a member that is not the default one?"""
    return hasattr(plugin, member) and getattr(plugin, member) is not defaults[member]


def fields_of(plugin: Any) -> Mapping[str, Any]:
    """Dataclass fields by name; an instance has them although the class may not."""
    return getattr(plugin, "__dataclass_fields__", {})


def contract(kind: str) -> str:
    """Where the contract of a kind stands."""
    return f"{__name__}.{CONTRACT.get(kind, kind.capitalize())}"


def require_ready(kind: str, name: str, plugin: Any) -> None:
    """Raise BadInput where a loaded task or a prepared teacher lacks what it must have by then."""
    for member in AFTERWARDS[kind]:
        if not hasattr(plugin, member):
            done = "prepare" if kind == "teacher" else "load"
            raise BadInput(kind, name, f"has no {member} after {done}; the contract is {contract(kind)}")
