"""what an accuracy costs, and how many times less than static pays"""

from collections.abc import Mapping, Sequence
from math import isnan

import pandas as pd

from dp_common.config.specification import short
from results.analysis.cells import accuracies
from results.analysis.comparisons import Comparison
from results.analysis.cost_to_target import (
    FEWEST,
    HOURS,
    Cost,
    Speedup,
    cost_of,
    cost_to_target,
    costs_of,
    ratio,
    reached_by_all,
)
from results.analysis.disturbance import is_disturbed
from results.analysis.repricing import kind_of
from results.tables.accuracy_at_cost import COUNTED, hours_remark
from results.tables.captions import TOUCHED, conditions, set_named, unit_of
from results.tables.cell_texts import DASH, amount_text, number_text
from results.tables.table import Cell, Table

NAME = "reach"
POSITION = 70
BASELINE = "static"
MEANINGS = {
    "never": "never: so many seeds do not reach it at any scale that was run; a mean over the others flatters.",
    "at once": "at once: so many are above it at their smallest scale already; they cost that or less, "
    "and are in no mean.",
    "censored": "censored: pairs of which one never reaches it or does at once; they are in no factor.",
    "—(": "—(2/5): the curves of 2 of 5 seeds are finished; nothing is read from a part of them.",
}  # of words in cells


def tables(comparison: Comparison, targets: Sequence[float] = ()) -> list[Table]:
    """What each arm pays for an accuracy, and how many times less than static.

    Args:
        comparison: empty where none of its arms has runs at two scales.
        targets: accuracies, fractions, a table for each; by default what ``default_targets`` says.
    """
    comparison = comparison.only(comparison.main_arms)
    scales = comparison.done.groupby("arm")["scale"].nunique()
    if not len(scales) or scales.max() < 2:
        return []
    goals = [(target, "as asked for") for target in targets] or default_targets(comparison)
    return [table(comparison, target, why) for target, why in goals]


def default_targets(comparison: Comparison) -> list[tuple[float, str]]:
    """[(accuracy, why)]: the best mean of static's complete scales; and, lower, the best that every one of its seeds
    reaches.

    The latter at the scales they all have.
    """
    cells, _ = accuracies(comparison)
    whole = cells[(cells["arm"] == BASELINE) & cells["complete"].astype(bool) & (cells["n"] > 0)]
    if not len(whole):
        return []
    top = whole.sort_values(["mean", "scale"], ascending=[False, True]).iloc[0]
    goals = [(float(top["mean"]), f"the best mean of `{BASELINE}`, at {short(int(top['scale']))}")]
    every = reached_by_all(comparison.runs[comparison.runs["arm"] == BASELINE], comparison.column)
    if every < goals[0][0]:
        goals.append((every, f"the best that every seed of `{BASELINE}` reaches"))
    return goals


def table(comparison: Comparison, target: float, why: str) -> Table:
    """The table of one target. ``why``: in the caption, where it is from."""
    axes, same, remark = axes_of(comparison)
    several = (
        []
        if comparison.device
        else ["Hours of several kinds of device do not compare and are left out; prices=FILE re-prices them."]
    )
    if is_disturbed(comparison):
        several = [f"Hours are left out: {TOUCHED}"]
    baseline = BASELINE in comparison.arms
    rows = {arm: [Cell(f"`{arm}`")] for arm in comparison.arms}
    for cost_axis, (_, factor) in axes.items():
        reached = cost_to_target(comparison, target, cost_axis)
        for arm, cells in rows.items():
            cells.append(cost_cell(reached[reached["arm"] == arm], factor))
            if baseline:
                cells.append(Cell("1", 1.0) if arm == BASELINE else speedup_cell(ratio(reached, arm, BASELINE)))
    columns = [column for name, _ in axes.values() for column in (name, "speed-up")[: 1 + baseline]]
    speedups = (
        f"Speed-up: how many times less that is than `{BASELINE}` pays, geometric mean of the ratios at equal seed [95 "
        "% t-interval] and "
        f"number n of pairs; no interval below {FEWEST}. "
        if baseline
        else ""
    )
    caption = (
        f"Cost of {100 * target:.1f} % correct on {set_named(comparison)} ({why}), where a seed's curve first reaches "
        "it, read between its "
        "scales (logarithm of the cost linear in accuracy): geometric mean [95 % t-interval over seeds] and number n "
        "of the seeds that "
        f"cross it. {speedups}{remark}{conditions(comparison.group)}"
    )
    notes = [*legend(rows), *several, *([f"The same everywhere, {'; '.join(same)}."] if same else [])]
    title = f"Cost of {100 * target:.1f} % on {comparison.eval_set}"
    return Table(title, caption, ["arm", *columns], list(rows.values()), "l" * (1 + len(columns)), tuple(notes))


def axes_of(comparison: Comparison) -> tuple[dict[str, tuple[str, float]], list[str], str]:
    """({cost axis:

    (its name, its unit's number in what the runs have)}, what is the same in every run, what is said of hours).
    """
    done = comparison.done
    axes = {axis: (name, 1.0) for axis, name in COUNTED.items() if done[axis].nunique() > 1}
    same = [f"{name}: {done[axis].iloc[0]:,.0f} in every run" for axis, name in COUNTED.items() if axis not in axes]
    device = comparison.device
    if device is None or is_disturbed(comparison):
        return axes, same, ""
    unit, factor = unit_of(costs_of(comparison, HOURS)[done.index].max())
    axes[HOURS] = (kind_of(device).replace("hours", unit), factor)
    return axes, same, hours_remark(comparison, device)


def legend(rows: Mapping[str, Sequence[Cell]]) -> list[str]:
    """What the words in the cells mean, of those that occur."""
    everything = " ".join(cell.text for cells in rows.values() for cell in cells)
    return [meaning for word, meaning in MEANINGS.items() if word in everything]


def cost_cell(reached: pd.DataFrame, factor: float) -> Cell:
    """``1,820 [1,500, 2,210] n=5``, with the seeds that are in no mean behind it. ``factor``: of the unit."""
    cost = cost_of(reached)
    if cost.unfinished:
        return Cell(f"—({len(reached) - cost.unfinished}/{len(reached)})")
    others = others_text(cost)
    if not cost.n:
        bound = (
            f"≤{amount_text(cost.bound * factor)}"
            if cost.at_once
            else f"not reached, up to {amount_text(cost.most * factor)}"
        )
        return Cell(f"{bound} ({others})")
    mean, low, high = (amount * factor for amount in (cost.mean, cost.low, cost.high))
    bounds = "" if isnan(low) else f" [{amount_text(low)}, {amount_text(high)}]"
    text = f"{amount_text(mean)}{bounds} n={cost.n}" + (f" (+{others})" if others else "")
    return Cell(text, mean, low, high, cost.n)


def others_text(cost: Cost) -> str:
    """The seeds that are in no mean."""
    counts = ((cost.never, "never"), (cost.at_once, "at once"))
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def speedup_cell(found: Speedup) -> Cell:
    """``3.1× [2.4, 4.0] n=5``, with the pairs that are in no mean behind it."""
    if found.unfinished:
        pairs = found.n + found.censored
        return Cell(f"—({pairs}/{pairs + found.unfinished})")
    if not found.n:
        return Cell(f"— ({found.censored} censored)") if found.censored else DASH
    bounds = "" if isnan(found.low) else f" [{number_text(found.low)}, {number_text(found.high)}]"
    text = f"{number_text(found.factor)}×{bounds} n={found.n}" + (
        f" (+{found.censored} censored)" if found.censored else ""
    )
    return Cell(text, found.factor, found.low, found.high, found.n)
