"""C2: growing the set without guidance equals static.

Confirmed: the 90 % interval of the log error ratio, pooled over scales, lies inside ±0.10 in the teacher's world (two
one-sided tests at 5 %). Refuted: it lies outside on one side. An interval across an edge decides nothing.
"""

from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import same
from results.claims.judging.words import EQUALS

GROWTH = "dp omega=0 − static"


def judge(selection: ArmSelection) -> list[Finding]:
    """One finding, pooled."""
    return same(GROWTH, selection.arm("dp", omega=0), selection.arm("static"), selection)


CLAIM = Claim(
    "C2",
    "growing the set without guidance (ω = 0) equals static",
    EQUALS,
    {GROWTH: (("static", {}), ("dp", {"omega": 0.0}))},
    paper.growth,
    judge,
)
