"""D1: does guidance do more than sampling the same target from a pool?

Guidance aims at Q ∝ e^{ω·H}·P. Sampling importance resampling (prune with rule=sir) draws from Q out of candidates that
were not guided. Only with dp.rule=score are the two ω one weight: any other rule fixes how long a step is. And a pool
in which few candidates are effective gives no sample of Q.
"""

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import better
from results.claims.judging.words import BETTER, unpublished

HALF = "dp − prune rule=sir"
KNOBS = ("oversample", "rule_args.")  # any values: of several settings the best on monitor is meant


def judge(selection: ArmSelection) -> list[Finding]:
    """One finding, pooled."""
    return better(HALF, selection.arm("dp"), selection.best("prune", KNOBS, rule="sir"), selection)


CLAIM = Claim(
    "D1",
    "guidance beats sampling its target from a pool (SIR)",
    f"{BETTER} Of several settings of the rule and of the oversampling, that with the best accuracy on monitor. "
    "Only with dp.rule=score are the two ω one weight; a run says where its pool was too small for a sample of Q.",
    {HALF: (("dp", {}), ("prune", {"rule": "sir"}))},
    unpublished,
    judge,
    ablation=True,
)
