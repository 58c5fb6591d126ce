"""C3: an inverted U, in the guidance weight ω and in the oversampling ratio of pruning.

Of a curve of at least three values at one scale the interior one with the best mean accuracy on monitor is chosen, so
that test has no part in the choice; then it must beat both ends on test. Refuted where it loses to an end. Where
monitor is the test set (data.monitor=paper) the choice would favour itself, and nothing is decided.
"""

from dataclasses import replace

import pandas as pd

from results.analysis.comparisons import replicates
from results.claims.judging import paper
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Claim, Finding
from results.claims.judging.pairs import FEW, above, by_scale

CURVES: dict[str, tuple[str, str, tuple[float, ...]]] = {
    "ω": ("dp", "omega", (0.0, 0.02, 0.05, 0.1, 0.2)),
    "oversampling": ("prune", "oversample", (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)),
}


def judge(selection: ArmSelection) -> list[Finding]:
    """Two findings, one per end, for each curve and scale."""
    findings = []
    for half, (strategy, name, _) in CURVES.items():
        for _, runs in selection.curve(strategy, name).groupby("scale"):
            if runs["value"].nunique() >= 3:
                findings += both_ends(half, int(runs["scale"].iloc[0]), runs, selection.group.core["data.monitor"])
    return findings


def both_ends(half: str, scale: int, runs: pd.DataFrame, monitor: str) -> list[Finding]:
    """The chosen value against each end."""
    if (runs["state"] != "done").any():
        units, waiting = replicates(runs), replicates(runs[runs["state"] != "done"])
        effect = f"—({len(units) - len(waiting)}/{len(units)})"
        return [Finding(half, scale, "undecided", effect, "runs are missing", enough=max(FEW, len(units)))]
    by_value = {value: runs[runs["value"] == value] for value in sorted(runs["value"].unique())}
    best = best_inside(by_value)
    if best is None:
        return [Finding(half, scale, "undecided", "", "no seed has the whole curve", enough=FEW)]
    ends = list(by_value)[0], list(by_value)[-1]
    findings = [finding for end in ends for finding in by_scale(half, by_value[best], by_value[end], above)]
    findings = [replace(one, effect=f"{one.effect} ({best:g} − {end:g})") for one, end in zip(findings, ends)]
    if monitor == "paper":
        why = "chosen on the test set itself (data.monitor=paper)"
        return [replace(one, verdict="undecided", why=why) for one in findings]
    return findings


def best_inside(by_value: dict[float, pd.DataFrame]) -> float | None:
    """The interior value that is best on monitor, by the replicates that have the whole curve; None where none has."""
    common = set.intersection(*map(replicates, by_value.values()))
    if not common:
        return None

    def on_monitor(value: float) -> tuple[float, float]:
        runs = by_value[value]
        whole = [unit in common for unit in zip(runs["seed"], runs["data.split"])]
        return runs.loc[whole, "monitor_accuracy"].mean(), -value

    return max(list(by_value)[1:-1], key=on_monitor)


CLAIM = Claim(
    "C3",
    "inverted U in ω and in the oversampling ratio",
    "Of each curve of three values or more, the interior value with the best mean accuracy on monitor is compared "
    "with both ends on test. Confirmed: above both (95 % t-interval over pairs and bootstrap), in both curves. "
    "Refuted: below an end, in either.",
    {half: tuple((strategy, {name: value}) for value in values) for half, (strategy, name, values) in CURVES.items()},
    paper.omegas,
    judge,
    ablation=True,
)
