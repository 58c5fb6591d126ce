"""What a plugin class has of its contract where it says nothing itself: to inherit, or given to it when loaded."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from dp_common.config.specification import Budget
    from dp_common.contracts.protocols import Task
    from dp_common.diffusion.guidance import Guidance
    from dp_common.real_images.splits import AnySplit


class StrategyDefaults:
    """The optional members of a strategy."""

    def resolve_defaults(self, budget: "Budget") -> None:
        """Nothing follows from the budget."""

    def check_real(self, counts: Sequence[int]) -> None:
        """Whatever real images there are will do."""

    def planned_work(self, budget: "Budget") -> Mapping[str, float]:
        """The scale is generated, and nothing else."""
        return {}

    def planned_guidance(self) -> "Guidance | None":
        """None that is known beforehand."""
        return None


class ScoreDefaults:
    """The optional members of a score."""

    BLIND = False
    NEEDS: tuple[str, ...] = ()


class SelectionRuleDefaults:
    """The optional members of a selection rule, which has one of ``keys`` and ``choose``."""

    streams = False
    chooses = False
    measures = False
    NEEDS: tuple[str, ...] = ()

    def keys(self, scores: "np.ndarray", labels: "np.ndarray", uniforms: "np.ndarray") -> "np.ndarray":
        """Not to be asked; see ``streams``."""
        raise NotImplementedError(f"{type(self).__name__} does not stream")

    def choose(self, scores: "np.ndarray", labels: "np.ndarray", uniforms: "np.ndarray", keep: int) -> "np.ndarray":
        """Not to be asked; see ``streams``."""
        raise NotImplementedError(f"{type(self).__name__} streams")

    def measure(self, scores: "np.ndarray", groups: "np.ndarray", keep: int) -> "tuple[Mapping[str, float], str]":
        """Nothing."""
        return {}, ""


class TeacherDefaults:
    """The optional members of a teacher."""

    recipe: ClassVar[Mapping[str, Any]] = {}
    final_alpha = 1.0
    null_label: int | None = None
    steps_offset = 0
    grad_scale = 1.0
    preview = False
    encodes = False
    knows_density = False
    tempers = False
    holds_images = False
    stored_counts: Sequence[int] = ()

    @property
    def licence(self) -> str:
        """Not known."""
        return ""

    def require_files(self, task: "Task") -> None:
        """``prepare`` looks for them."""

    def denoise(self, x: "Tensor", t: int, labels: "Tensor") -> "Tensor":
        """Not to be asked of a teacher that holds images."""
        raise NotImplementedError(f"{type(self).__name__} does not denoise")

    def decode(self, x0: "Tensor") -> "Tensor":
        """Not to be asked of a teacher that holds images."""
        raise NotImplementedError(f"{type(self).__name__} does not decode")

    def stored(self, indices: "np.ndarray", labels: "np.ndarray") -> "np.ndarray":
        """Not to be asked; see ``holds_images``."""
        raise NotImplementedError(f"{type(self).__name__} holds no images")

    def denoise_tempered(self, x: "Tensor", t: int, labels: "Tensor", temperature: float) -> "Tensor":
        """Not to be asked; see ``tempers``."""
        raise NotImplementedError(f"{type(self).__name__} has no exact temperature")

    def encode(self, images: "Tensor") -> "Tensor":
        """Not to be asked; see ``encodes``."""
        raise NotImplementedError(f"{type(self).__name__} does not encode")

    def decode_guided(self, x0: "Tensor") -> "Tensor":
        """As ``decode``."""
        return self.decode(x0)

    def density_diagnostics(self, images: "Tensor", labels: "Tensor") -> "Mapping[str, Tensor]":
        """Nothing is known."""
        return {}

    def log_density(self, images: "Tensor") -> "Tensor":
        """Not to be asked; see ``knows_density``."""
        raise NotImplementedError(f"{type(self).__name__} does not know its density")

    def exact(self, labels: "Tensor", seed: int) -> "Tensor":
        """Not to be asked; see ``knows_density``."""
        raise NotImplementedError(f"{type(self).__name__} does not know its density")


class TaskDefaults:
    """The optional members of a task."""

    recipe: ClassVar[Mapping[str, Any]] = {}
    reads: ClassVar[tuple[str, ...]] = ()
    shifted: "Mapping[str, AnySplit]" = {}

    @classmethod
    def recipe_of(cls, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """The recipe, whatever was said."""
        return cls.recipe

    def require_files(self) -> None:
        """``load`` looks for them."""

    def sizes(self) -> Mapping[str, int]:
        """Not known before ``load``."""
        return {}

    @cached_property
    def prompts(self) -> Sequence[str]:
        """The class names."""
        return self.classes  # type: ignore[attr-defined]
