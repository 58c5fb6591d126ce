"""C2: growing the set without guidance equals static.

Confirmed: the 90 % intervals of the difference, t and bootstrap, lie inside ±1.0 point at every scale (two one-sided
tests at 5 %). Refuted: both lie outside on one side at any scale. An interval across an edge decides nothing.
"""

from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.pairs import EQUALS, by_scale, equal

GROWTH = "dp omega=0 − static"


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per scale."""
    return by_scale(GROWTH, selection.arm("dp", omega=0), selection.arm("static"), equal)


CLAIM = Claim(
    "C2",
    "growing the set without guidance (ω = 0) equals static",
    EQUALS,
    {GROWTH: (("static", {}), ("dp", {"omega": 0.0}))},
    paper.growth,
    judge,
)
