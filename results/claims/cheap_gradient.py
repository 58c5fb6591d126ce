"""D8: is the cheap gradient as good as the exact one?

``dp.through=decoder`` takes no backward pass through the denoiser. With the mixture teacher there is nothing to save;
the question is about a network.
"""

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import same
from results.claims.judging.words import EQUALS, unpublished

HALF = "dp through=decoder − through=denoiser"


def judge(selection: ArmSelection) -> list[Finding]:
    """One finding, pooled."""
    cheap, exact = selection.arm("dp", through="decoder"), selection.arm("dp", through="denoiser")
    return same(HALF, cheap, exact, selection)


CLAIM = Claim(
    "D8",
    "the cheap gradient (through=decoder) is as good as the exact one",
    f"With teacher=unet. {EQUALS}",
    {HALF: (("dp", {"through": "decoder"}), ("dp", {"through": "denoiser"}))},
    unpublished,
    judge,
    ablation=True,
    only={"teacher": "unet"},
)
