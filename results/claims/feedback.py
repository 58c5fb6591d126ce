"""C10: adaptive choice beats frozen choice beats random choice: who should choose the images, the learner of now or of
then.

At the last addition of the toy for every pool, and as dp with feedback=current against feedback=first against ω = 0 at
every scale.
"""

from typing import Any

from results.analysis import theory
from results.analysis.stats import Interval
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding, TheoryStudy, Unit, effect_text
from results.claims.judging.pairs import above, by_scale, enough

TOY, RUNS = "toy: ", "runs: "
ADAPTIVE, FROZEN = "adaptive − frozen", "frozen − random"
HALVES = {
    TOY + ADAPTIVE: (),
    TOY + FROZEN: (),
    RUNS + ADAPTIVE: (("dp", {}), ("dp", {"feedback": "first"})),
    RUNS + FROZEN: (("dp", {"feedback": "first"}), ("dp", {"omega": 0.0})),
}


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding per half of the runs and scale."""
    first = selection.arm("dp", feedback="first")
    return [
        *by_scale(RUNS + ADAPTIVE, selection.arm("dp"), first, above),
        *by_scale(RUNS + FROZEN, first, selection.arm("dp", omega=0), above),
    ]


def judge_toy(study: TheoryStudy) -> list[Finding]:
    """A finding per half of the toy and pool, at the last addition."""
    if not len(theory.loop_frame(study.lines)):
        return []
    differences = theory.loop_differences(study.lines)
    last = differences[differences["round"] == differences["round"].max()]
    return [of_pool(row, study.options["repeats"]) for row in last.itertuples() if f"{TOY}{row.a} − {row.b}" in HALVES]


def of_pool(row: Any, repeats: int) -> Finding:
    """The finding on one pair of choosers at one pool, a row of ``results.analysis.theory.loop_differences``."""
    finished, interval = row.n >= repeats, Interval(row.n, row.points, row.low, row.high)
    word = "undecided"
    if finished and (row.low > 0 or row.high < 0):
        word = "confirmed" if row.low > 0 else "refuted"
    return Finding(
        f"{TOY}{row.a} − {row.b}",
        None,
        word,
        f"{effect_text(interval, Unit('points', 1, '+.2f'))}, {row.pool} candidates per image",
        "" if finished else "the study is not finished",
        interval,
        enough=enough(interval, abs(interval.mean), 0.95),
    )


CLAIM = Claim(
    "C10",
    "adaptive choice beats frozen choice beats random choice",
    "Paired differences in accuracy above zero, adaptive minus frozen and frozen minus random: in the toy at its last "
    "addition for every pool (95 % t-interval), and as dp minus feedback=first and feedback=first minus ω = 0 at "
    "every scale (t-interval and bootstrap). Refuted: any below zero.",
    HALVES,
    lambda: "curves without numbers",
    judge,
    judge_toy,
    ablation=True,
)
