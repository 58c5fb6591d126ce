"""C9 and C10: the theory against simulation; and who should choose the images, the learner of now or of then.

C9: simulated test errors scatter around the limit as chance would have it, over the grid of ``benchmarks.theory`` (the smallest p-value of all
points times their number, a point that chance would hardly explain being simulated again). Points where the limit is not expected to hold at
this d are not judged. Agreement means something only where a point's error bar is short: PRECISE.

C10: adaptive beats frozen beats random, at the last addition of the toy for every pool, and as dp with feedback=current against
feedback=first against ω = 0 at every scale.
"""

from math import ceil
from pathlib import Path
from shlex import quote

from dp_common.errors import BadInput
from results.analysis import theory
from results.analysis.stats import Interval
from results.claims.claim import Finding, Question, effect_text
from results.claims.pairs import above, by_scale, enough

STUDY = "theory, "
AGREES = "simulation − limit"
TOY, RUNS = "toy: ", "runs: "
ADAPTIVE, FROZEN = "adaptive − frozen", "frozen − random"
HALVES = {
    TOY + ADAPTIVE: (),
    TOY + FROZEN: (),
    RUNS + ADAPTIVE: (("dp", {}), ("dp", {"feedback": "first"})),
    RUNS + FROZEN: (("dp", {"feedback": "first"}), ("dp", {"omega": 0.0})),
}
PRECISE = 0.01  # largest median standard error, a fraction, with which agreement is worth the word


def study(root):
    """(options, lines) of the latest study under a root, or None."""
    try:
        return theory.of_study(theory.read(Path(root) / theory.NAME))
    except BadInput:
        return None


def named(found):
    """What the study is of, in words."""
    return (
        STUDY
        + ", ".join(
            f"{key} = {', '.join(f'{one:g}' for one in value) if isinstance(value, list) else f'{value:g}'}"
            for key, value in found[0].items()
        )
        if found
        else ""
    )


def command(found, root, waiting):
    """``benchmarks.theory`` with the options of the study, and as many repeats as it takes."""
    options = {} if found is None else dict(found[0])
    most = max([0, *(finding.enough for finding in waiting)])
    if most:
        options["repeats"] = max(most, options["repeats"])
    told = [
        f"{key}={','.join(f'{one:g}' for one in value) if isinstance(value, list) else f'{value:g}'}"
        for key, value in options.items()
    ]
    return " ".join(["python -m benchmarks.theory", f"root={quote(str(root))}", *told])


def unfinished(options, lines):
    """Is the loop, which a study ends with, not complete?"""
    loops = theory.loop_frame(lines)
    return not len(loops) or (loops.groupby("pool")["seed"].nunique() < options["repeats"]).any()


def agreement(options, lines):
    """[Finding] of C9."""
    points, found = theory.agreement(lines)
    if not found["points"]:
        return []
    effect = (
        f"mean {100 * found['mean_difference']:+.3f}, largest {100 * found['largest_difference']:.2f} points of error over "
        f"{found['points']} settings of {options['repeats']} repeats, {100 * found['outside_95']:.1f} % outside their 95 % t-interval, Bonferroni p = {found['bonferroni_p']:.2g}"
    )
    open_points = theory.suspects(lines) - set(
        points.loc[points["again"].astype(bool), list(theory.PLACE)].itertuples(index=False, name=None)
    )
    if unfinished(options, lines) or open_points:
        return [Finding(AGREES, None, "undecided", effect, "the study is not finished")]
    if not found["agrees"]:
        return [Finding(AGREES, None, "refuted", effect)]
    if found["median_se"] > PRECISE:
        return [
            Finding(
                AGREES,
                None,
                "undecided",
                effect,
                f"error bars too long: median standard error {100 * found['median_se']:.2f} points",
                enough=ceil(options["repeats"] * (found["median_se"] / PRECISE) ** 2) + 1,
            )
        ]
    return [Finding(AGREES, None, "confirmed", effect)]


def toy(options, lines):
    """[Finding] of C10's first half: a pool each, at the last addition."""
    differences, found = theory.loop_differences(lines), []
    if not len(differences):
        return []
    last = differences[differences["round"] == differences["round"].max()]
    for row in last.itertuples():
        half = TOY + f"{row.a} − {row.b}"
        if half in HALVES:
            interval = Interval(row.n, row.points, row.low, row.high)
            word = (
                "undecided"
                if row.n < options["repeats"]
                else "confirmed"
                if row.low > 0
                else "refuted"
                if row.high < 0
                else "undecided"
            )
            found.append(
                Finding(
                    half,
                    None,
                    word,
                    f"{effect_text(interval, ('points', 1, '+.2f'))}, {row.pool} candidates per image",
                    "the study is not finished" if row.n < options["repeats"] else "",
                    interval,
                    enough=enough(interval, abs(interval.mean), 0.95),
                )
            )
    return found


def feedback(comparison):
    """[Finding] of C10's second half."""
    first = comparison.arm("dp", feedback="first")
    return [
        *by_scale(RUNS + ADAPTIVE, comparison.arm("dp"), first, above),
        *by_scale(RUNS + FROZEN, first, comparison.arm("dp", omega=0), above),
    ]


C9 = Question(
    "C9",
    "the theory equals simulation",
    f"Bonferroni p over all judged points of benchmarks.theory above {theory.LEVEL}, of a point with p below that the second, ten times "
    f"larger simulation. Confirmed: so, with a median standard error of at most {100 * PRECISE:g} point. Refuted: not so.",
    {AGREES: ()},
    lambda: "curves without numbers",
    None,
)
C10 = Question(
    "C10",
    "adaptive choice beats frozen choice beats random choice",
    "Paired differences in accuracy above zero, adaptive minus frozen and frozen minus random: in the toy at its last addition for every "
    "pool (95 % t-interval), and as dp minus feedback=first and feedback=first minus ω = 0 at every scale (t-interval and bootstrap). "
    "Refuted: any below zero.",
    HALVES,
    lambda: "curves without numbers",
    feedback,
    ablation=True,
)
