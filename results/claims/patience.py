"""C7: what makes no difference to dp. Growing patience equals fixed; drawing new images twice as often gains nothing.

The rule is that of C2: within ±0.10 of log error in the teacher's world, by two one-sided tests.
"""

from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import same
from results.claims.judging.words import EQUALS

PATIENCE, WEIGHT = "dp patience_growth=1 − patience_growth=0", "dp new_weight=2 − dp"


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per half, pooled."""
    dp = selection.arm("dp")
    return [
        *same(PATIENCE, selection.arm("dp", patience_growth=1), selection.arm("dp", patience_growth=0), selection),
        *same(WEIGHT, selection.arm("dp", new_weight=2), dp, selection),
    ]


CLAIM = Claim(
    "C7",
    "growing patience equals fixed; new images twice as often gain nothing",
    EQUALS,
    {
        PATIENCE: (("dp", {"patience_growth": 1.0}), ("dp", {"patience_growth": 0.0})),
        WEIGHT: (("dp", {}), ("dp", {"new_weight": 2.0})),
    },
    paper.loops,
    judge,
    ablation=True,
)
