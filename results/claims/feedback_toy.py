"""C10t: adaptive choice beats frozen choice beats random choice, in the theory's toy.

Each chooser at its own best pool (candidates per image), since which of them wins depends on it. The pool is chosen on
one half of the seeds and judged on the other, and the other way round; so it is not chosen on what it is judged by.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from results.analysis import theory
from results.analysis.power import seeds_needed
from results.analysis.stats import over_seeds
from results.claims.judging import claim
from results.claims.judging.claim import Claim, Finding, TheoryStudy
from results.claims.judging.rules import by_estimate
from results.claims.judging.theory_study import unfinished

PAIRS = {"adaptive − frozen": ("adaptive", "frozen"), "frozen − random": ("frozen", "random")}


def judge(study: TheoryStudy) -> list[Finding]:
    """A finding per pair of choosers, at the last addition; [] before there is one."""
    loop = theory.loop_frame(study.lines)
    if not len(loop):
        return []
    last = loop[loop["round"] == loop["round"].max()]
    errors = {arm: at_best_pool(last[last["arm"] == arm]) for arm in theory.ARMS}
    return [of_pair(half, errors[a], errors[b], study) for half, (a, b) in PAIRS.items()]


def at_best_pool(rows: pd.DataFrame) -> pd.DataFrame:
    """[seeds] of one chooser's ``error`` and ``pool``, the pool being that with the lowest mean error of the other
    half of the seeds.
    """
    table = rows.pivot(index="seed", columns="pool", values="error").dropna()
    even = np.arange(len(table)) % 2 == 0
    best = [table[half].mean().idxmin() if half.any() else table.columns[0] for half in (~even, even)]
    pools = np.where(even, *best)
    chosen = [table.loc[seed, pool] for seed, pool in zip(table.index, pools)]
    return pd.DataFrame({"error": chosen, "pool": pools}, index=table.index)


def of_pair(half: str, a: pd.DataFrame, b: pd.DataFrame, study: TheoryStudy) -> Finding:
    """The finding on one pair of choosers."""
    both = a.join(b, lsuffix="_a", rsuffix="_b", how="inner")
    gains = np.log(both["error_b"]) - np.log(both["error_a"])
    finding = by_estimate(half, over_seeds(gains), claim.LOG_ERROR)
    pools = [" or ".join(f"{pool:g}" for pool in sorted(set(both[f"pool_{side}"]))) for side in "ab"]
    effect = f"{finding.effect}, {pools[0]} against {pools[1]} candidates per image"
    if unfinished(study):
        return replace(finding, effect=effect, verdict="undecided", why="the study is not finished", design=None)
    enough = seeds_needed(((finding.design, finding.effect_size),)) if finding.design else None
    return replace(finding, effect=effect, enough=enough or 0)


CLAIM = Claim(
    "C10t",
    "adaptive choice beats frozen choice beats random choice, in the toy",
    "Log error ratios at the last addition of the toy, each chooser at the pool that is best for it on the other half "
    "of the seeds. Confirmed: 95 % t-intervals of both above zero. Refuted: either below.",
    dict.fromkeys(PAIRS, ()),
    lambda: "curves without numbers",
    judge_theory=judge,
)
