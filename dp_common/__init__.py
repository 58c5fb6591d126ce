"""Deliberate Practice Bench, for authors of plugins: what a strategy, score, teacher, task or learner of your own
imports.

    from dp_common import BadInput, Guidance, Lab, option

Nothing is imported before it is asked for, so importing this is quick and needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dp_common.config.options import option as option
    from dp_common.config.specification import Budget as Budget
    from dp_common.contracts import GuidanceRule as GuidanceRule
    from dp_common.contracts import Lab as Lab
    from dp_common.contracts import Learner as Learner
    from dp_common.contracts import Score as Score
    from dp_common.contracts import SelectionRule as SelectionRule
    from dp_common.contracts import Strategy as Strategy
    from dp_common.contracts import Task as Task
    from dp_common.contracts import Teacher as Teacher
    from dp_common.diffusion.guidance import Guidance as Guidance
    from dp_common.errors import BadInput as BadInput
    from dp_common.lab.patience import Plateau as Plateau
    from dp_common.real_images.splits import Split as Split

HOMES = {
    "BadInput": "errors",
    "Budget": "config.specification",
    "Guidance": "diffusion.guidance",
    "GuidanceRule": "contracts",
    "Lab": "contracts",
    "Learner": "contracts",
    "Plateau": "lab.patience",
    "Score": "contracts",
    "SelectionRule": "contracts",
    "Split": "real_images.splits",
    "Strategy": "contracts",
    "Task": "contracts",
    "Teacher": "contracts",
    "option": "config.options",
}
__all__ = sorted(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
