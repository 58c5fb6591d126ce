"""C1a: dp makes fewer errors than static.

Confirmed: the log error ratio, pooled over scales, is above zero in the teacher's world and on test, and at no scale
does the mean difference lie more than half a point below zero, in either. Refuted: the pooled one is below zero in
either.
"""

from dp_common.config.specification import short
from results.analysis.contrasts import POINTS, POPULATION, PairedRuns, contrast
from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.rules import NAMES, better

IN_WORLD, ON_TEST, NOWHERE = "in the teacher's world", "on test", "no scale below −0.5 points"
WORST = -0.005  # a fraction: half a point


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per world, and one on the scale where dp is worst."""
    dp, static = selection.arm("dp"), selection.arm("static")
    worlds = ((IN_WORLD, POPULATION), (ON_TEST, "test"))
    pooled = [finding for half, world in worlds for finding in better(half, dp, static, selection, world, beside=False)]
    return [*pooled, *worst(selection)]


def worst(selection: ArmSelection) -> list[Finding]:
    """The finding on the lowest mean difference of all scales and both worlds; [] without any."""
    dp, static = selection.arm("dp"), selection.arm("static")
    found = []
    for scale in PairedRuns(dp, static, selection.scales).scales:
        for world in (POPULATION, "test"):
            one = contrast(PairedRuns(dp, static, [scale]), world, POINTS)
            found += [(one.estimate.mean, scale, world)] if one else []
    if not found:
        return []
    lowest, scale, world = min(found)
    effect = f"lowest {100 * lowest:+.2f} points, at {short(scale)} {NAMES[world]}"
    scales = tuple(sorted({scale for _, scale, _ in found}))
    return [Finding(NOWHERE, None, "confirmed" if lowest >= WORST else "undecided", effect, scales=scales)]


CLAIM = Claim(
    "C1a",
    "dp makes fewer errors than static",
    "Confirmed: the log error ratio ln(err_static/err_dp), mean over scales per seed, is above zero in the teacher's "
    "world (over seeds) and on test (over seeds × images), and at no scale is the mean difference below −0.5 points. "
    "Refuted: below zero in either world.",
    dict.fromkeys((IN_WORLD, ON_TEST, NOWHERE), (("static", {}), ("dp", {}))),
    paper.gains,
    judge,
    fewest=2,
)
