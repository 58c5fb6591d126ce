"""C2 and C7: what makes no difference. Growing without guidance equals static; growing patience equals fixed; drawing new images twice
as often gains nothing.

Confirmed: the 90 % intervals of the difference, t and bootstrap, lie inside ±1.0 point at every scale (two one-sided tests at 5 %). Refuted:
both lie outside on one side at any scale. An interval across an edge decides nothing.
"""

from results.claims import paper
from results.claims.claim import Question
from results.claims.pairs import by_scale, equal

GROWTH, PATIENCE, WEIGHT = "dp omega=0 − static", "dp − dp patience_growth=0", "dp new_weight=2 − dp"
RULE = (
    "Confirmed: 90 % intervals (t over pairs, and bootstrap) of the difference in accuracy inside ±1.0 point at every scale. Refuted: both "
    "outside, on one side, at any scale."
)


def growth(comparison):
    return by_scale(GROWTH, comparison.arm("dp", omega=0), comparison.arm("static"), equal)


def loops(comparison):
    dp = comparison.arm("dp")
    return [
        *by_scale(PATIENCE, dp, comparison.arm("dp", patience_growth=0), equal),
        *by_scale(WEIGHT, comparison.arm("dp", new_weight=2), dp, equal),
    ]


C2 = Question(
    "C2",
    "growing the set without guidance (ω = 0) equals static",
    RULE,
    {GROWTH: (("static", {}), ("dp", {"omega": 0.0}))},
    paper.growth,
    growth,
)
C7 = Question(
    "C7",
    "growing patience equals fixed; new images twice as often gain nothing",
    RULE,
    {PATIENCE: (("dp", {}), ("dp", {"patience_growth": 0.0})), WEIGHT: (("dp", {}), ("dp", {"new_weight": 2.0}))},
    paper.loops,
    loops,
    ablation=True,
)
