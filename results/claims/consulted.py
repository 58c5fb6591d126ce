"""D7: what is it worth to consult real images?

dp looks at none but monitor's accuracy (I0). Guided by learnability it consults a reference that knows real
images (I1): a density that was fitted to them, or a classifier. ``actgen`` starts from real training images (I3). What
they bring is asked where it should show: on test.
"""

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Arm, Claim, Finding
from results.claims.judging.rules import better
from results.claims.judging.words import unpublished

ARMS: dict[str, Arm] = {
    "I1 − I0: dp score=learnability − dp": ("dp", {"score": "learnability"}),
    "I3 − I0: actgen − dp": ("actgen", {}),
}


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per class of information, pooled."""
    dp = selection.arm("dp", score="entropy")
    return [
        finding
        for half, (strategy, changes) in ARMS.items()
        for finding in better(half, selection.arm(strategy, **changes), dp, selection, "test")
    ]


CLAIM = Claim(
    "D7",
    "consulting real images makes fewer errors on real images",
    "Log error ratio on test, mean over scales per seed, of dp with score=learnability (its reference knows real "
    "images: a density fitted to them, or a classifier) and of actgen (starts from real images) over dp. Confirmed: "
    "95 % interval over seeds × images of both above zero. Refuted: either below.",
    {half: (arm, ("dp", {"score": "entropy"})) for half, arm in ARMS.items()},
    unpublished,
    judge,
    ablation=True,
)
