"""What accuracy a cost buys:

arm × cost, read along the curves of a comparison. Tables by hours and by images are made of it.
"""

from collections.abc import Sequence
from math import log10

import numpy as np

from results.analysis.arms import rank
from results.analysis.comparisons import Comparison
from results.analysis.cost_to_target import HOURS, accuracy_at_cost, costs_of
from results.analysis.disturbance import is_disturbed
from results.analysis.repricing import kind_of, marking
from results.tables.captions import conditions, device_text, set_named, total_of_phases, unit_of
from results.tables.cell_texts import DASH, Stats, amount_text, bounds_text, in_percent, number_text
from results.tables.table import Cell, Table

COLUMNS = 7  # about
COUNTED = {"images_generated": "images generated", "images_kept": "images kept", "iterations": "iterations"}
SHORT = {"seconds": "s", "minutes": "min", "hours": "h"}
NOTE = (
    "—: outside of what was run. —(2/5): the curves of 2 of 5 seeds span this cost; no mean is shown of a part of them."
)


def tables_by(comparison: Comparison, cost_axis: str) -> list[Table]:
    """The accuracy that so many hours, or images, buy.

    Empty where no arm has a curve, or hours are of several devices or were touched by other work.
    """
    comparison = comparison.only(comparison.main_arms)
    if cost_axis == HOURS and (comparison.device is None or is_disturbed(comparison)):
        return []
    costs = costs_of(comparison, cost_axis)[comparison.done.index]
    costs = costs[costs > 0]
    amounts = round_numbers(costs.min(), costs.max()) if costs.nunique() > 1 else []
    cells = accuracy_at_cost(comparison, amounts, cost_axis)
    if not len(cells) or (cells["n"] < cells["expected"]).all():  # dashes only
        return []
    named, columns, so_many, remark = names_of(comparison, cost_axis, amounts)
    by_place = {(cell["arm"], cell["amount"]): cell_of(cell) for cell in cells.to_dict("records")}
    caption = (
        f"Percent correct on {set_named(comparison)} that a run gets for {so_many}: read for each seed between its "
        "scales "
        "(accuracy linear in the logarithm of the cost), then mean [95 % t-interval over seeds] and number of seeds n. "
        f"{remark}{conditions(comparison.group)}"
    )
    rows = [
        [Cell(f"`{arm}`"), *(by_place[arm, amount] for amount in amounts)]
        for arm in sorted(cells["arm"].unique(), key=rank)
    ]
    title = f"Accuracy on {comparison.eval_set} by {named}"
    return [Table(title, caption, ["arm", *columns], rows, "l" * (1 + len(amounts)), (NOTE,))]


def names_of(comparison: Comparison, cost_axis: str, amounts: Sequence[float]) -> tuple[str, list[str], str, str]:
    """(what the columns are, their headings, the cost in a sentence, what more the caption says)."""
    if cost_axis != HOURS:
        name = COUNTED[cost_axis]
        return name, [amount_text(amount) for amount in amounts], f"so many {name}", ""
    device = str(comparison.device)
    unit, factor = unit_of(max(amounts))
    kind = kind_of(device).replace("hours", unit)
    headings = [f"{number_text(amount * factor)} {SHORT[unit]}" for amount in amounts]
    return kind, headings, f"so many {kind}", hours_remark(comparison, device)


def hours_remark(comparison: Comparison, device: str) -> str:
    """What a caption says of hours: which phases, whose, measured or not."""
    cpus = comparison.runs.loc[comparison.runs["device"] == device, "cpus"]
    return f"{total_of_phases(comparison.exclude)}, on {device_text(device, cpus)}. {marking(device)}"


def round_numbers(least: float, most: float) -> list[float]:
    """About COLUMNS round numbers between two costs, evenly spaced on a log axis as far as round numbers are."""
    for steps in ((1, 2, 5), (1, 3), (1,)):
        decades = range(int(np.floor(log10(least))), int(np.ceil(log10(most))) + 1)
        found = [step * 10.0**decade for decade in decades for step in steps if least <= step * 10.0**decade <= most]
        if len(found) <= COLUMNS + 1:
            break
    if len(found) >= COLUMNS - 3:
        return found
    for digits in range(2, 6):  # a narrow range: as many digits as tell them apart
        found = sorted({float(f"{amount:.{digits}g}") for amount in np.geomspace(least, most, COLUMNS)})
        found = [amount for amount in found if least <= amount <= most]
        if len(found) >= COLUMNS - 3:
            break
    return found


def cell_of(stats: Stats) -> Cell:
    """``91.2 [90.1, 92.3] n=5``, or ``—(2/5)`` where some curves do not span the cost."""
    if stats["n"] < stats["expected"]:
        return DASH if not stats["n"] else Cell(f"—({stats['n']}/{stats['expected']})")
    text = f"{100 * stats['mean']:.1f}{bounds_text(stats, '.1f')} n={stats['n']}"
    return Cell(text, *in_percent(stats), n=stats["n"])
