"""The conformance kit: does a strategy, score or teacher keep the contract everything else relies on?

    python -m dp_common.conformance strategy=./idea.py:Idea [key=value ...]
    python -m dp_common.conformance teacher=./mine.py:Mine [task=... key=value ...]
    python -m dp_common.conformance score=entropy

or from your own tests: ``from dp_common.conformance import check_strategy; check_strategy("./idea.py:Idea")``.
"""

from dp_common.conformance.rules import Nonconforming
from dp_common.conformance.scores import check_score
from dp_common.conformance.strategies import AtYield, check_strategy, journal
from dp_common.conformance.teachers import check_teacher

__all__ = ["AtYield", "Nonconforming", "check_score", "check_strategy", "check_teacher", "journal"]
