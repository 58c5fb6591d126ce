"""D3: does guidance do more than give back the variance that the sampler loses?

A sampler of few steps makes images that are too much alike. ``static`` with a temperature above 1, and with 200 steps,
has that variance back without a learner's word. These are keys of the sampler: such runs are other comparisons under
the same root, alike in all else.
"""

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import better
from results.claims.judging.words import BETTER, unpublished

WARM, LONG = "dp − static sampler.temperature>1", "dp − static sampler.steps=200"
TEMPERATURE, STEPS = 1.2, 200


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per half; of several temperatures above 1 the one with the fewest errors on monitor is meant."""
    dp, findings = selection.arm("dp"), []
    temperatures = selection.elsewhere("static", "sampler.temperature", ["sampler.mode_variance"])
    warm = {value: runs for value, runs in temperatures.items() if value > 1}
    if warm:
        best = max(warm, key=lambda value: (warm[value]["monitor_accuracy"].mean(), -value))
        findings += better(WARM, dp, warm[best], selection)
    long = selection.elsewhere("static", "sampler.steps").get(STEPS)
    return findings if long is None else [*findings, *better(LONG, dp, long, selection)]


CLAIM = Claim(
    "D3",
    "guidance beats static whose images have the sampler's lost variance back",
    f"dp minus static with sampler.temperature above 1 (of several, the best on monitor), and minus static with "
    f"sampler.steps={STEPS}: {BETTER[0].lower()}{BETTER[1:-1]}, in either.",
    {
        WARM: (("dp", {}), ("static", {"sampler.temperature": TEMPERATURE})),
        LONG: (("dp", {}), ("static", {"sampler.steps": STEPS})),
    },
    unpublished,
    judge,
    ablation=True,
)
