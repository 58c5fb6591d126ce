"""images, iterations and hours by phase"""

from collections import Counter
from math import isnan

import pandas as pd

from dp_common.config.specification import short
from dp_common.persistence.meter import PRICED
from results.analysis.cells import COUNTS
from results.analysis.cells import costs as mean_costs
from results.analysis.comparisons import Comparison
from results.analysis.disturbance import is_disturbed
from results.analysis.repricing import kind_of, marking
from results.tables.captions import TOUCHED, conditions, device_text, total_of_phases, unit_of
from results.tables.cell_texts import Stats, count_cell, hours_cell
from results.tables.table import Cell, Table

NAME = "costs"
POSITION = 40


def tables(comparison: Comparison) -> list[Table]:
    """A table per device name, for hours of different devices do not average."""
    means = mean_costs(comparison)
    if not len(means):
        return []
    return [table(comparison, str(device), part) for device, part in means.groupby("device")]


def table(comparison: Comparison, device: str, means: pd.DataFrame) -> Table:
    """The costs on one device."""
    unit, factor = unit_of(means["total"].max())
    kind = kind_of(device) + (f", given in {unit}" if factor > 1 else "")
    repriced = marking(device)
    phases = [*PRICED, "total", *([] if repriced else ["spent"])]
    spent = "" if repriced else "; spent: all attempts, with work lost to interruptions"
    caption = (
        f"Means over the n finished runs of each line: images, iterations, and {kind}, on "
        f"{device_text(device, means['cpus'])}. "
        f"{total_of_phases(comparison.exclude)}{spent}. {repriced}{conditions(comparison.group)}"
    )
    rows = [
        [
            *arm_and_scale(row),
            Cell(str(row["n"]), row["n"], n=row["n"]),
            *(count_cell(row[name]) for name in COUNTS),
            *(hours_cell(row[name], factor) for name in phases),
        ]
        for row in means.to_dict("records")
    ]
    columns = ["arm", "scale", "n", "generated", "kept", "seen", "iterations", *phases]
    title = f"Costs in {kind}, {'' if repriced else 'device '}{device}"
    return Table(title, caption, columns, rows, "l" + "r" * (len(columns) - 1), unpriced_note(comparison))


def unpriced_note(comparison: Comparison) -> tuple[str, ...]:
    """What is wrong with the hours: other work touched them; or why some runs have no re-priced ones."""
    runs = comparison.runs
    if is_disturbed(comparison):
        return (f"These hours do not compare: {TOUCHED}",)
    reasons = list(runs["repriced_why"].dropna()) if "repriced_why" in runs else []
    return tuple(f"Not re-priced, {count} run(s): {reason}." for reason, count in sorted(Counter(reasons).items()))


def arm_and_scale(row: Stats) -> list[Cell]:
    """The first two cells of a line."""
    scale = "ceiling" if isnan(row["scale"]) else short(int(row["scale"]))
    return [Cell(f"`{row['arm']}`"), Cell(scale, row["scale"])]
