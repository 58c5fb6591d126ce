"""The conformance kit: does a plugin keep the contract (``dp_common/contracts/``) that everything else relies on?

    python -m dp_common.conformance strategy=./idea.py:Idea [key=value ...]
    python -m dp_common.conformance teacher=./mine.py:Mine [task=... key=value ...]
    python -m dp_common.conformance learner=./net.py:Net [task=... key=value ...]
    python -m dp_common.conformance task=./faces.py:Faces [key=value ...]
    python -m dp_common.conformance score=./surprise.py
    python -m dp_common.conformance guidance_rule=./twice.py
    python -m dp_common.conformance selection_rule=./band.py [parameter=value ...]

or from your own tests: ``from dp_common.conformance import check_strategy; check_strategy("./idea.py:Idea")``. Where
several of these keys are given, the first in this order is held to its contract, and the others say with what.
"""

from dp_common.conformance.guidance_rules import check_guidance_rule
from dp_common.conformance.learners import check_learner
from dp_common.conformance.rules import Nonconforming
from dp_common.conformance.scores import check_score
from dp_common.conformance.selection_rules import check_selection_rule
from dp_common.conformance.strategies import AtYield, check_strategy, journal
from dp_common.conformance.tasks import check_task
from dp_common.conformance.teachers import check_teacher

__all__ = [
    "AtYield",
    "Nonconforming",
    "check_guidance_rule",
    "check_learner",
    "check_score",
    "check_selection_rule",
    "check_strategy",
    "check_task",
    "check_teacher",
    "journal",
]
