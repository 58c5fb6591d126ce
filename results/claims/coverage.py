"""D2: does guidance beat coverage-centric selection (prune with rule=ccs)?

It drops the hardest candidates and spreads what it keeps over all others.
"""

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import better
from results.claims.judging.words import BETTER, unpublished

HALF = "dp − prune rule=ccs"


def judge(selection: ArmSelection) -> list[Finding]:
    """One finding, pooled."""
    return better(HALF, selection.arm("dp"), selection.arm("prune", rule="ccs"), selection)


CLAIM = Claim(
    "D2",
    "guidance beats coverage-centric selection",
    BETTER,
    {HALF: (("dp", {}), ("prune", {"rule": "ccs"}))},
    unpublished,
    judge,
    ablation=True,
)
