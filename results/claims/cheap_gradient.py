"""D8: is the cheap gradient as good as the exact one?

``dp.through=decoder`` takes no backward pass through the denoiser, and is so cheap that it may guide more often. With
the mixture teacher there is nothing to save; the question is about a network.
"""

from results.analysis.contrasts import POPULATION, PairedRuns, contrast
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import as_shown, same
from results.claims.judging.words import EQUALS, unpublished

USUAL = 5  # steps from one gradient to the next in the recipes
EVERY = (USUAL, 2, 1)
HALVES = {every: f"dp through=decoder − through=denoiser, every={every}" for every in EVERY}


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per step between gradients, pooled; beside them what guides cheaply and more often, against the exact
    path as the recipes have it.
    """
    arms = {
        (through, every): selection.arm("dp", through=through, every=every)
        for through in ("decoder", "denoiser")
        for every in EVERY
    }
    findings = []
    for every in EVERY:
        findings += same(HALVES[every], arms["decoder", every], arms["denoiser", every], selection)
    for every in EVERY[1:]:
        found = contrast(PairedRuns(arms["decoder", every], arms["denoiser", USUAL], selection.scales), POPULATION)
        if found is not None:
            half = f"dp through=decoder every={every} − through=denoiser every={USUAL}"
            findings.append(as_shown(half, found, None))
    return findings


CLAIM = Claim(
    "D8",
    "the cheap gradient (through=decoder) is as good as the exact one",
    f"With teacher=unet, at each step, at every second and every fifth. {EQUALS}",
    {
        half: (("dp", {"through": "decoder", "every": every}), ("dp", {"through": "denoiser", "every": every}))
        for every, half in HALVES.items()
    },
    unpublished,
    judge,
    ablation=True,
    only={"teacher": "unet"},
)
