"""C9: the theory equals simulation.

Simulated test errors scatter around the limit as chance would have it, over the grid of ``benchmarks.theory`` (the
smallest p-value of all points times their number, a point that chance would hardly explain being simulated again).
Points where the limit is not expected to hold at this d are not judged. Agreement means something only where a point's
error bar is short: PRECISE.
"""

from math import ceil

from results.analysis import theory
from results.claims.judging.claim import Claim, Finding, TheoryStudy
from results.claims.judging.theory_study import unfinished
from results.frames import records

AGREES = "simulation − limit"
PRECISE = 0.01  # largest median standard error, a fraction, with which agreement is worth the word


def judge(study: TheoryStudy) -> list[Finding]:
    """One finding, on all points; [] without any."""
    points, summary = theory.agreement(study.lines)
    if not summary["points"]:
        return []
    effect = (
        f"mean {100 * summary['mean_difference']:+.3f}, largest {100 * summary['largest_difference']:.2f} points of "
        f"error over {summary['points']} settings of {study.options['repeats']} repeats, "
        f"{100 * summary['outside_95']:.1f} % outside their 95 % t-interval, Bonferroni p = "
        f"{summary['bonferroni_p']:.2g}"
    )
    again = {tuple(row[name] for name in theory.POINT) for row in records(points) if row["again"]}
    if unfinished(study) or theory.suspects(study.lines) - again:
        return [Finding(AGREES, None, "undecided", effect, "the study is not finished")]
    if not summary["agrees"]:
        return [Finding(AGREES, None, "refuted", effect)]
    if summary["median_se"] > PRECISE:
        why = f"error bars too long: median standard error {100 * summary['median_se']:.2f} points"
        repeats = ceil(study.options["repeats"] * (summary["median_se"] / PRECISE) ** 2) + 1
        return [Finding(AGREES, None, "undecided", effect, why, enough=repeats)]
    return [Finding(AGREES, None, "confirmed", effect)]


CLAIM = Claim(
    "C9",
    "the theory equals simulation",
    f"Bonferroni p over all judged points of benchmarks.theory above {theory.LEVEL}, of a point with p below that the "
    f"second, ten times larger simulation. Confirmed: so, with a median standard error of at most {100 * PRECISE:g} "
    "point. Refuted: not so.",
    {AGREES: ()},
    lambda: "curves without numbers",
    judge_theory=judge,
)
