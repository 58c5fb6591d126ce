"""C6: hardness moves: the added batch is hardest when it is added.

The whole added batch is classified wrongly less often before it comes (by the learner of the addition before) and after
(by that of the next one) than when it comes. Not used: the paper's curve of those misclassified when added, which is
100 % at inclusion by construction.
"""

from functools import partial

from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import POINTS, Claim, Finding
from results.claims.judging.inside_runs import ARMS, PROBE, Run, findings_below, guided_and_not, mean, measured
from results.reading import history

BEFORE, AFTER = "error before − at, minus that of ω = 0", "error after − at, minus that of ω = 0"


def judge(selection: ArmSelection) -> list[Finding]:
    """A finding on before, and one on after."""
    pool, findings = guided_and_not(selection), []
    for half, when in ((BEFORE, "before"), (AFTER, "after")):
        moves = measured(pool, partial(hardness_move, when=when))
        findings += findings_below(half, pool, moves, POINTS, "needs probe=hardness")
    return findings


def hardness_move(run: Run, when: str) -> float:
    """Fraction: error of an added batch ``when`` (before or after) minus when it came, mean over a run's additions but
    the first.
    """
    probe = history.hardness(run["folder"])
    later = probe[probe["addition"] > 0].set_index("addition")
    errors = {moment: later.loc[later["when"] == moment, "error"] for moment in (when, "at")}
    return mean((errors[when] - errors["at"]).dropna().to_list())


CLAIM = Claim(
    "C6",
    "hardness moves: the added batch is hardest when it is added",
    "Error on the whole added batch before it came minus when it came, and after minus when, each minus the same of ω "
    "= 0 at equal seed and scale; mean over additions and scales, one number per seed. Confirmed: 95 % t-intervals of "
    "both below zero. Refuted: either above.",
    {BEFORE: ARMS, AFTER: ARMS},
    lambda: "curves without numbers, of the images misclassified when added",
    judge,
    keys=PROBE,
)
