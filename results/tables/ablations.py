"""one parameter, or one other key, changed: monitor, test and paired difference to the default

Each arm that differs from its strategy's default in one parameter stands beside that default at equal scale; and
comparisons that differ in one key that is no strategy's, such as the decode that guides, at equal arm and scale.
Choices are made on monitor, so that its accuracy stands beside test's; the paired difference is shown of both.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from dp_common.config.specification import short
from results import published
from results.analysis.arms import format_value, rank
from results.analysis.cells import Flags, ablated, by_value, cell, corrected, difference
from results.analysis.comparisons import CORE, Comparison, Replicates, replicates
from results.analysis.grouping import Group, chosen_keys
from results.analysis.study import Study
from results.reading.correctness import column_of
from results.tables.captions import conditions, interval_over, set_named
from results.tables.cell_texts import DASH, EMPTY, accuracy_cell, difference_cell, printed_cell
from results.tables.table import Cell, Table

NAME = "ablations"
POSITION = 90


def tables(comparison: Comparison) -> list[Table]:
    """A table per strategy of which an arm differs from the default in one parameter; controls alone make none."""
    found = []
    for strategy in sorted({arm.partition(" ")[0] for arm in comparison.cells["arm"]}, key=rank):
        sections = ablated(comparison.cells, strategy)
        if sections:
            found.append(strategy_table(comparison, strategy, sections))
    return found


def across(study: Study) -> list[Table]:
    """A table per key outside the strategies in which alone several comparisons differ:

    arms at equal scale, minus the default's.
    """
    families = defaultdict(list)
    for comparison in study.comparisons:
        group = comparison.group
        families[tuple(group.core[key] for key in CORE), group.split].append(comparison)
    found = []
    for members in families.values():
        keys = {key for one in members for key in one.group.extra if not key.endswith(".weights")}  # those are teachers
        for key in sorted(keys):
            sides = defaultdict(list)
            for one in members:
                rest = sorted((name, value) for name, value in one.group.extra.items() if name != key)
                sides[str(rest)].append(one)
            found += [table for same in sides.values() if len(same) > 1 for table in setting_table(key, same)]
    return found


def strategy_table(comparison: Comparison, strategy: str, sections: dict[tuple[str, int], dict[Any, str]]) -> Table:
    """The ablations of one strategy. ``sections``: as ``results.analysis.cells.ablated`` gives them."""
    group, eval_set = comparison.group, comparison.eval_set
    rows: list[list[Cell]] = []
    parts, flags = [], defaultdict[str, Flags](Flags)
    for (parameter, scale), arms in sections.items():
        parts.append((len(rows), f"{parameter}, at {short(scale)}"))
        at_scale = comparison.cells[comparison.cells["scale"] == scale]
        runs = {arm: at_scale[at_scale["arm"] == arm] for arm in arms.values()}
        for value, arm in arms.items():
            name = f"`{parameter}={format_value(value)}`"
            base = None if arm == strategy else runs[strategy]
            rows.append(row_of(name, runs[arm], base, comparison.expected(scale), eval_set, flags))
    printed = printed_rows(strategy, group.core["task"], eval_set)
    if printed:
        parts.append((len(rows), "as published, no interval: " + printed[0]))
        rows += printed[1]
    caption = (
        f"Arms that differ from `{strategy}` in one parameter, and the default itself, at equal scale: percent correct "
        f"on monitor ({monitor_text(group)}) and on {set_named(comparison)}, mean [95 % t-interval over seeds] with "
        "number of seeds n; and the paired difference to the default in points, mean [95 % interval "
        f"{interval_over(eval_set)}] with number n of pairs of equal seed. ↑ above or ↓ below zero, corrected for the "
        f"arrows of a row (Holm), not for the number of arms. {conditions(group)}"
    )
    return table(f"Ablations of `{strategy}`", caption, eval_set, rows, parts)


def setting_table(key: str, members: Sequence[Comparison]) -> list[Table]:
    """The table of comparisons that differ in ``key``;

    none where none shares a finished arm and scale with the default's.
    """
    eval_set = members[0].eval_set
    values = {one.group.extra[key]: one for one in members if key in one.group.extra}
    if len(values) < 2:
        return []
    usual = next((value for value, one in values.items() if key not in chosen_keys(one.runs)), next(iter(values)))
    base = values[usual].runs
    rows: list[list[Cell]] = []
    parts, flags = [], defaultdict[str, Flags](Flags)
    for arm, scale in sorted(set(zip(base["arm"], base["scale"])), key=lambda place: (rank(place[0]), place[1])):
        at = {value: one.runs[(one.runs["arm"] == arm) & (one.runs["scale"] == scale)] for value, one in values.items()}
        if sum((part["state"] == "done").any() for part in at.values()) < 2:
            continue
        parts.append((len(rows), f"{arm}, at {short(int(scale))}"))
        expected = set().union(*(replicates(part) for part in at.values()))
        for value, part in by_value(at).items():
            if len(part):
                name = f"`{key}={format_value(value)}`"
                rows.append(row_of(name, part, None if value == usual else at[usual], expected, eval_set, flags))
    if not rows:
        return []
    caption = (
        f"Comparisons that differ in `{key}` alone, at equal arm and scale; the rest as in the tables above. Default "
        "here means "
        f"`{key}={format_value(usual)}`. Percent correct, mean [95 % t-interval over seeds] with number of seeds n; "
        "paired difference in "
        f"points at equal seed. {conditions(values[usual].group)}"
    )
    return [table(f"Ablation of `{key}`", caption, eval_set, rows, parts)]


def table(title: str, caption: str, eval_set: str, rows: list[list[Cell]], parts: Iterable[tuple[int, str]]) -> Table:
    """A table with the columns of all ablations."""
    columns = ["", *sets(eval_set), *(f"{name}, minus default" for name in sets(eval_set))]
    return Table(title, caption, columns, rows, "l" * len(columns), (), tuple(parts))


def sets(eval_set: str) -> tuple[str, ...]:
    """The real sets that stand side by side: monitor, and the one asked for."""
    return tuple(dict.fromkeys(("monitor", eval_set)))


def monitor_text(group: Group) -> str:
    """What monitor is, for choices are made on it."""
    rule = group.core["data.monitor"]
    return "disjoint from test; choices are made on it" if rule == "disjoint" else f"data.monitor={rule}"


def row_of(
    name: str,
    part: pd.DataFrame,
    base: pd.DataFrame | None,
    expected: Replicates,
    eval_set: str,
    flags: dict[str, Flags],
) -> list[Cell]:
    """Accuracy on each set, difference to ``base`` on each;

    the default itself has no ``base``. ``flags``: {set: what was read of it}.
    """
    accuracy = [
        accuracy_cell(cell(part, expected, column_of(real_set))) if column_of(real_set) in part else DASH
        for real_set in sets(eval_set)
    ]
    if base is None:
        return [Cell(f"{name} (default)"), *accuracy, *[EMPTY] * len(accuracy)]
    there = [real_set for real_set in sets(eval_set) if column_of(real_set) in part]
    found = corrected([difference(part, base, expected, real_set, flags[real_set]) for real_set in there])
    gaps = {real_set: difference_cell(row) for real_set, row in zip(there, found)}
    return [Cell(name), *accuracy, *(gaps.get(real_set, DASH) for real_set in sets(eval_set))]


def printed_rows(strategy: str, task: str, eval_set: str) -> tuple[str, list[list[Cell]]] | None:
    """(source, rows) of the paper's ablations, where they are of this strategy, task and set; else None."""
    column = published.SETS.get(eval_set)
    if strategy != "dp" or task != "imagenet100" or column not in ("in_val", "in_train_heldout"):
        return None
    paper = published.ablations()
    usual = (paper["omega"] == 0.05) & (paper["patience"] == "growing") & (paper["sampling"] == "uniform")
    default = paper.loc[usual, column].iloc[0]
    rows = []
    for row in paper.to_dict("records"):
        name, accuracy, gap = printed_name(row), row[column], row[column] - default
        first = Cell(f"`{name}`{'' if gap else ' (default)'}")
        cells = [DASH, printed_cell(f"{accuracy:.1f}", accuracy)]
        rows.append([first, *cells, *([DASH, printed_cell(f"{gap:+.2f}", gap)] if gap else [EMPTY, EMPTY])])
    return paper["source"].iloc[0], rows


def printed_name(row: dict[Any, Any]) -> str:
    """What the paper changed, in the words of the strategy's parameters."""
    if row["patience"] == "fixed":
        return "patience_growth=0"
    return "new_weight=2" if row["sampling"] != "uniform" else f"omega={format_value(row['omega'])}"
