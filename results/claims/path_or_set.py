"""D5: is the value of dp in the images that are there at the end, or in the path?

Against ``fresh``, a new learner on dp's final set, and ``refresh``, a set of constant size in which guided images take
the place of others. If the images were all, both would do as well. At equal images kept: refresh makes more of them,
and fresh trains twice.
"""

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import better
from results.claims.judging.words import BETTER, unpublished

OTHERS = ("fresh", "refresh")


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per other arm, pooled."""
    dp = selection.arm("dp")
    return [finding for other in OTHERS for finding in better(f"dp − {other}", dp, selection.arm(other), selection)]


CLAIM = Claim(
    "D5",
    "the value of dp is in the path: a fresh learner on its final set, and refreshed sets, make more errors",
    f"dp minus fresh, and dp minus refresh: {BETTER[0].lower()}{BETTER[1:-1]}, in either. "
    "At equal images kept: refresh makes more images than dp, and fresh trains a second learner.",
    {f"dp − {other}": (("dp", {}), (other, {})) for other in OTHERS},
    unpublished,
    judge,
    ablation=True,
)
