"""D2: does guidance beat coverage-centric selection (prune with rule=ccs)?

It drops the hardest candidates and spreads what it keeps over all others.
"""

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import better
from results.claims.judging.words import BETTER, unpublished

HALF = "dp − prune rule=ccs"
KNOBS = ("oversample", "rule_args.")  # any values: of several settings the best on monitor is meant


def judge(selection: ArmSelection) -> list[Finding]:
    """One finding, pooled."""
    return better(HALF, selection.arm("dp"), selection.best("prune", KNOBS, rule="ccs"), selection)


CLAIM = Claim(
    "D2",
    "guidance beats coverage-centric selection",
    f"{BETTER} Of several settings of the rule and of the oversampling, that with the best accuracy on monitor.",
    {HALF: (("dp", {}), ("prune", {"rule": "ccs"}))},
    unpublished,
    judge,
    ablation=True,
)
