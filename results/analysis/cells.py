"""The numbers of a comparison: one row per arm × scale, before anybody words them.

Accuracies are fractions here, differences too; hours are device hours. Bounds of an accuracy stay within 0 and 1. A run
that ended below its scale is counted as ``short`` and takes no part in means. ``expected`` is the number of replicates
that a cell waits for (``comparisons.awaited``).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dp_common.persistence.meter import PRICED
from results.analysis.arms import parameters
from results.analysis.comparisons import (
    CEILING,
    CONTROLS,
    Comparison,
    Replicates,
    awaited,
    by_arm_and_scale,
    replicates,
    total_hours,
)
from results.analysis.contrasts import POPULATION
from results.analysis.effects import judged_together, two_way_interval
from results.analysis.stats import PAIR, Estimate, over_seeds, pairs, t_interval
from results.reading.correctness import column_of, correctness

COUNTS = ("images_generated", "images_kept", "images_seen", "iterations")
Flags = dict[Any, "np.ndarray | None"]  # per-image correctness that was read before, by folder


def cell(runs: pd.DataFrame, expected: Replicates, column: str) -> dict[str, Any]:
    """Interval and counts of the runs of one arm at one scale.

    Args:
        runs: finished or not.
        expected: the replicates that any arm has there; see ``comparisons.awaited``.
        column: of the accuracy, a fraction.

    Returns:
        ``n, mean, low, high`` (95 % t-interval), ``short``, ``done``, ``planned``, ``expected`` (counts) and
        ``complete``.
    """
    done = runs[runs["state"] == "done"]
    reached = done[done["scale_reached"].astype(bool)]
    wanted = awaited(replicates(runs), expected)
    return {
        **t_interval(reached[column]).within(0, 1)._asdict(),
        "short": len(done) - len(reached),
        "done": len(done),
        "planned": len(runs),
        "expected": len(wanted),
        "complete": replicates(done) >= wanted,
    }


def accuracies(comparison: Comparison) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """Frame with ``arm, scale`` and what ``cell`` says of every arm × scale met, in the order of a table; and of the
    ceiling.

    The ceiling's is a dict, with ``images``, how many real ones there are; None where it was not run.
    """
    column = comparison.column
    found = [
        {"arm": arm, "scale": scale, **cell(part, comparison.expected(scale), column)}
        for arm, scale, part in comparison.by_cell()
    ]
    if not len(comparison.ceiling):
        return pd.DataFrame(found), None
    images = int(comparison.ceiling["images_kept"].max())
    whole = comparison.ceiling.assign(scale_reached=True)
    return pd.DataFrame(found), {"arm": CEILING, "images": images, **cell(whole, comparison.replicates, column)}


def differences(comparison: Comparison, baseline: str) -> pd.DataFrame:
    """Frame of ``arm − baseline`` at equal replicates: the columns of ``accuracies``, and ``p, verdict, unread``.

    Empty where the baseline has no finished run. Verdicts of one arm, over its scales, are corrected together (Holm).
    """
    cells, flags = comparison.cells, Flags()
    base = cells[cells["arm"] == baseline]
    if not (base["state"] == "done").any():
        return pd.DataFrame()
    by_scale = dict(iter(base.groupby("scale")))
    rows: dict[str, list[dict[str, Any]]] = {}
    for arm, scale, part in by_arm_and_scale(cells):
        if arm != baseline:
            expected, against = comparison.expected(scale), by_scale.get(scale, base[:0])
            found = difference(part, against, expected, comparison.eval_set, flags)
            rows.setdefault(arm, []).append({"arm": arm, "scale": scale, **found})
    return pd.DataFrame([row for of_arm in rows.values() for row in corrected(of_arm)])


def corrected(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Differences, as ``difference`` gives them, that are one family: their verdicts corrected together (Holm)."""
    estimates = [row["estimate"] for row in rows]
    return [row | {"verdict": verdict} for row, verdict in zip(rows, judged_together(estimates))]


def difference(
    part: pd.DataFrame, base: pd.DataFrame, expected: Replicates, eval_set: str, flags: Flags
) -> dict[str, Any]:
    """Paired difference of the runs in ``part`` minus those of ``base``, as a dict like that of ``cell``, and more.

    ``estimate``, its ``p``, the ``verdict`` by itself (see ``corrected``), and ``unread``: pairs without per-image
    correctness, for which there is neither interval nor verdict. ``flags``: what was read before.
    """
    column = column_of(eval_set)
    needed = [*PAIR, "scale_reached", "folder", column]
    both = pairs(part.loc[part["state"] == "done", needed], base.loc[base["state"] == "done", needed])
    reached = both[both["scale_reached_a"].astype(bool) & both["scale_reached_b"].astype(bool)]
    estimate, unread = estimate_of(reached, eval_set, flags)
    wanted = awaited(replicates(part) & replicates(base), expected)
    return {
        **estimate.interval()._asdict(),
        "short": len(both) - len(reached),
        "done": len(both),
        "planned": len(part),
        "expected": len(wanted),
        "complete": replicates(both) >= wanted,
        "estimate": estimate,
        "p": estimate.p,
        "unread": unread,
        "verdict": judged_together([estimate])[0],
    }


def estimate_of(both: pd.DataFrame, eval_set: str, flags: Flags) -> tuple[Estimate, int]:
    """(difference in accuracy, pairs without per-image correctness) of paired runs, as ``stats.pairs`` gives them.

    Over seeds in the teacher's world, over seeds × images on real ones. ``flags``: what was read before.
    """
    accuracy, lines = column_of(eval_set), []
    alone = over_seeds(both[f"{accuracy}_a"] - both[f"{accuracy}_b"])
    if eval_set == POPULATION:
        return alone, 0
    columns = [f"{name}_{side}" for side in "ab" for name in ("folder", accuracy)]
    for folder_a, accuracy_a, folder_b, accuracy_b in both[columns].itertuples(index=False, name=None):
        for folder, value in ((folder_a, accuracy_a), (folder_b, accuracy_b)):
            if folder not in flags:
                flags[folder] = correctness({"folder": folder, accuracy: value}, eval_set)
        a, b = flags[folder_a], flags[folder_b]
        lines.append(None if a is None or b is None or len(a) != len(b) else a.astype(np.int8) - b)
    known = [line for line in lines if line is not None]
    unread = len(lines) - len(known)
    if unread or len({len(line) for line in known}) != 1:
        return alone._replace(se=np.nan), unread
    return two_way_interval(np.stack(known)), 0


def ablated(runs: pd.DataFrame, strategy: str) -> dict[tuple[str, int], dict[Any, str]]:
    """{(parameter, scale): {value: arm}} of one strategy's arms that differ from its default in one parameter, the
    default among them.

    What is run at every scale beside the default, the controls, makes no ablation alone.
    """
    variants: dict[tuple[str, int], set[str]] = defaultdict(set)
    for arm, scale in set(zip(runs["arm"], runs["scale"])):
        name, *given = arm.split(" ")
        if name == strategy and len(given) == 1 and given[0].partition("=")[0] != "code":
            variants[given[0].partition("=")[0], int(scale)].add(arm)
    found = {}
    for (parameter, scale), arms in sorted(variants.items()):
        default = runs[(runs["arm"] == strategy) & (runs["scale"] == scale)]
        if not len(default) or arms <= set(CONTROLS):
            continue
        usual = parameters(default["values"].iloc[0])[parameter]
        varied = runs[runs["arm"].isin(arms) & (runs["scale"] == scale)]
        values = {parameters(values)[parameter]: arm for arm, values in zip(varied["arm"], varied["values"])}
        found[parameter, scale] = by_value({usual: strategy} | values)
    return found


def by_value(found: Mapping[Any, Any]) -> dict[Any, Any]:
    """A dict in the order of its keys, numbers before words."""
    return dict(sorted(found.items(), key=lambda pair: (isinstance(pair[0], str), pair[0])))


def left_to_ablations(comparison: Comparison) -> set[str]:
    """The arms that need no line among the others, for they stand in the ablations of their strategy."""
    found = {
        arm
        for strategy in {arm.partition(" ")[0] for arm in comparison.arms}
        for arms in ablated(comparison.runs, strategy).values()
        for arm in arms.values()
    }
    return found - comparison.main_arms - set(CONTROLS)


def costs(comparison: Comparison) -> pd.DataFrame:
    """Frame with means per arm × scale × device over finished runs that reached their scale.

    ``n``, counts, and hours by phase, ``total`` (without the comparison's ``exclude``) and ``spent``. The ceiling's
    rows have scale None. Hours over mixed devices are nan.
    """
    found = []
    for arm, scale, part in [*comparison.by_cell(), (CEILING, None, comparison.ceiling.assign(scale_reached=True))]:
        done = part[part["state"] == "done"]
        for device, runs in done[done["scale_reached"].astype(bool)].groupby("device"):
            hours = {phase: runs[f"gpu_hours.{phase}"] for phase in PRICED}
            hours |= {"total": total_hours(runs, comparison.exclude), "spent": runs["gpu_hours_spent"]}
            means = {name: np.nan if device == "mixed" else float(series.mean()) for name, series in hours.items()}
            found.append(
                {
                    "arm": arm,
                    "scale": scale,
                    "device": device,
                    "cpus": sorted(set().union(*runs["cpus"])),
                    "n": len(runs),
                    **{count: float(runs[count].mean()) for count in COUNTS},
                    **means,
                }
            )
    return pd.DataFrame(found)
