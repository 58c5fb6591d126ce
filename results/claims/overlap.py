"""D4: where classes overlap, does a score without the irreducible part beat entropy?

Entropy is high where classes overlap for good, which no image can mend. Learnability (loss above that of a reference)
and disagreement (of several heads) are high only where there is something to learn.
"""

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import better
from results.claims.judging.words import BETTER, unpublished

SCORES = ("learnability", "bald")
HALVES = {f"dp score={score} − dp": score for score in SCORES}


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per score, pooled."""
    entropy = selection.arm("dp", score="entropy")
    return [
        finding
        for half, score in HALVES.items()
        for finding in better(half, selection.arm("dp", score=score), entropy, selection)
    ]


CLAIM = Claim(
    "D4",
    "where classes overlap, scores without the irreducible part beat entropy",
    f"On the task plane, whose arms overlap: dp with score=learnability, and with score=bald, minus dp. {BETTER[:-1]}, "
    "in either.",
    {half: (("dp", {"score": score}), ("dp", {"score": "entropy"})) for half, score in HALVES.items()},
    unpublished,
    judge,
    ablation=True,
    only={"task": "plane"},
)
