"""C7: what makes no difference to dp. Growing patience equals fixed; drawing new images twice as often gains nothing.

The rule is that of C2: inside ±1.0 point at every scale, by the 90 % t-interval and the bootstrap.
"""

from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.pairs import EQUALS, by_scale, equal

PATIENCE, WEIGHT = "dp − dp patience_growth=0", "dp new_weight=2 − dp"


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per half and scale."""
    dp = selection.arm("dp")
    return [
        *by_scale(PATIENCE, dp, selection.arm("dp", patience_growth=0), equal),
        *by_scale(WEIGHT, selection.arm("dp", new_weight=2), dp, equal),
    ]


CLAIM = Claim(
    "C7",
    "growing patience equals fixed; new images twice as often gain nothing",
    EQUALS,
    {PATIENCE: (("dp", {}), ("dp", {"patience_growth": 0.0})), WEIGHT: (("dp", {}), ("dp", {"new_weight": 2.0}))},
    paper.loops,
    judge,
    ablation=True,
)
