"""C10r: adaptive choice beats frozen choice beats random choice, in runs: who should choose the images, the learner of
now or of then.

dp with feedback=current against feedback=first against ω = 0, by the pooled log error ratio.
"""

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import better
from results.claims.judging.words import BETTER

ADAPTIVE, FROZEN = "adaptive − frozen", "frozen − random"


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per half, pooled."""
    first = selection.arm("dp", feedback="first")
    return [
        *better(ADAPTIVE, selection.arm("dp"), first, selection),
        *better(FROZEN, first, selection.arm("dp", omega=0), selection),
    ]


CLAIM = Claim(
    "C10r",
    "adaptive choice beats frozen choice beats random choice, in runs",
    f"dp minus feedback=first, and feedback=first minus ω = 0, both: {BETTER[0].lower()}{BETTER[1:-1]}, in either.",
    {
        ADAPTIVE: (("dp", {}), ("dp", {"feedback": "first"})),
        FROZEN: (("dp", {"feedback": "first"}), ("dp", {"omega": 0.0})),
    },
    lambda: "curves without numbers",
    judge,
    ablation=True,
)
