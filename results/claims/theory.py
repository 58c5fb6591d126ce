"""C9: the theory equals simulation.

Over the grid of ``benchmarks.theory`` simulated test errors scatter around the limit as chance would have it: their
p-values are uniform, no point lies further out than chance explains (a point that it would hardly explain is simulated
again), and the mean difference is nothing, by two one-sided tests. Points where the limit is not expected to hold at
this d are not judged.
"""

from math import ceil

from results.analysis import theory
from results.analysis.effects import tost
from results.claims.judging.claim import POINTS, Claim, Finding, TheoryStudy, effect_text, scaled
from results.claims.judging.theory_study import unfinished
from results.frames import records

AGREES = "simulation − limit"
MARGIN = 0.001  # of the mean difference, a fraction: a tenth of a point of error
UNIFORM = 0.01  # p-value below which p-values are not uniform


def judge(study: TheoryStudy) -> list[Finding]:
    """One finding, on all points; [] without any."""
    points, summary = theory.agreement(study.lines)
    if not summary["points"]:
        return []
    estimate = summary["difference"]
    interval, equal = estimate.interval(0.9), tost(estimate, MARGIN)
    effect = (
        f"{effect_text(interval, POINTS, 90)} of error, over {summary['points']} settings of "
        f"{study.options['repeats']} repeats; p of uniform p-values {summary['uniform_p']:.2g}, of the point furthest "
        f"out (Bonferroni) {summary['bonferroni_p']:.2g}"
    )
    again = {tuple(row[name] for name in theory.POINT) for row in records(points) if row["again"]}
    verdict, why, enough = "undecided", "", 0
    if unfinished(study) or theory.suspects(study.lines) - again:
        why = "the study is not finished"
    elif not summary["agrees"] or summary["uniform_p"] < UNIFORM or equal in ("above", "below"):
        verdict = "refuted"
    elif equal == "equal":
        verdict = "confirmed"
    else:
        half = interval.high - interval.mean
        why = f"error bars too long: the mean difference is known to ±{100 * half:.2f} points"
        enough = ceil(study.options["repeats"] * (half / MARGIN) ** 2) + 1
    return [Finding(AGREES, None, verdict, effect, why, scaled(interval, 100), 90, enough=enough)]


CLAIM = Claim(
    "C9",
    "the theory equals simulation",
    f"Over all judged points of benchmarks.theory: p-values uniform (Kolmogorov-Smirnov, p ≥ {UNIFORM:g}), the "
    f"smallest times their number above {theory.LEVEL} (of a point with p below that the second, ten times larger "
    f"simulation), and the mean difference within ±{100 * MARGIN:g} points (two one-sided tests at 5 %). Confirmed: "
    "all three. Refuted: either p below, or the mean outside.",
    {AGREES: ()},
    lambda: "curves without numbers",
    judge_theory=judge,
)
