"""What a plugin must keep, as code: one Protocol a kind, with shapes, units and errors; imports no torch.

A plugin class inherits nothing. Members marked *optional* it may leave out: ``complete`` gives it those of the
``...Defaults`` of its kind when it is loaded, so whoever uses a plugin finds every member there. The conformance kit
holds a plugin to its contract: ``python -m dp_common.conformance strategy=./idea.py:Idea``.

Options of a plugin are the fields of its dataclass, ``name: float = option(0.05, "what it is")``, each with a
default; on the command line they are ``<file>.<name>``.
"""

from dp_common.contracts.completion import (
    AFTERWARDS,
    DERIVED,
    SCORES_MAY_NEED,
    complete,
    require_images,
    require_ready,
)
from dp_common.contracts.defaults import (
    ScoreDefaults,
    SelectionRuleDefaults,
    StrategyDefaults,
    TaskDefaults,
    TeacherDefaults,
)
from dp_common.contracts.guidance_rule import GuidanceRule
from dp_common.contracts.lab import Lab
from dp_common.contracts.learner import Learner
from dp_common.contracts.protocols import Score, Strategy, Task, Teacher
from dp_common.contracts.selection_rule import SelectionRule

__all__ = [
    "AFTERWARDS",
    "DERIVED",
    "SCORES_MAY_NEED",
    "GuidanceRule",
    "Lab",
    "Learner",
    "Score",
    "ScoreDefaults",
    "SelectionRule",
    "SelectionRuleDefaults",
    "Strategy",
    "StrategyDefaults",
    "Task",
    "TaskDefaults",
    "Teacher",
    "TeacherDefaults",
    "complete",
    "require_images",
    "require_ready",
]
