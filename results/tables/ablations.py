"""Ablations: what one choice is worth. Each arm that differs from its strategy's default in one parameter, beside that default at equal
scale; and comparisons that differ in one key that is no strategy's, such as the decode that guides, at equal arm and scale.

Choices are made on monitor, so that its accuracy stands beside test's; the paired difference is told of both.
"""

from collections import defaultdict

from dp_common.config.specification import short
from results import published
from results.analysis.arms import defaults, rank, shown
from results.analysis.cells import ablated, cell, difference, expected_at, split_ceiling
from results.analysis.comparisons import CORE, groups, one_group
from results.reading.runs import column_of
from results.tables.table import Table
from results.tables.words import accuracy_text, check_set, conditions, difference_text, set_named


def of_strategies(frame, on="test", group=None):
    """[Table], one per strategy of which an arm differs from the default in one parameter; controls alone make none."""
    group, rows = one_group(frame, group)
    check_set(rows, on)
    rows, _ = split_ceiling(rows)
    found = []
    for strategy in sorted({arm.partition(" ")[0] for arm in rows["arm"]}, key=rank):
        sections = ablated(rows, strategy)
        if sections:
            found.append(strategy_table(rows, strategy, sections, on, group))
    return found


def strategy_table(rows, strategy, sections, on, group):
    lines, parts, flags = [], [], defaultdict(dict)
    for (parameter, scale), arms in sections.items():
        parts.append((len(lines), f"{parameter}, at {short(scale)}"))
        here = rows[rows["scale"] == scale]
        expected = expected_at(rows, scale)
        for value, arm in arms.items():
            name = f"`{parameter}={shown(value)}`"
            if arm == strategy:
                lines.append(
                    [
                        f"{name} (default)",
                        *accuracy_cells(here[here["arm"] == arm], expected, on),
                        *[""] * len(sets(on)),
                    ]
                )
            else:
                lines.append(
                    [name, *compared(here[here["arm"] == arm], here[here["arm"] == strategy], expected, on, flags)]
                )
    printed = printed_rows(strategy, group.core["task"], on)
    if printed:
        parts.append((len(lines), "as published, no interval: " + printed[0]))
        lines += printed[1]
    caption = (
        f"Arms that differ from `{strategy}` in one parameter, and the default itself, at equal scale: percent correct on monitor "
        f"({on_words(group)}) and on {set_named(rows, on)}, mean [95 % t-interval over seeds] with number of seeds n; and the paired difference to the default in points, "
        f"mean [95 % t-interval] with number n of pairs of equal seed. ↑ above or ↓ below zero where the 95 % paired bootstrap over "
        f"images × seeds agrees; not corrected for the number of arms. {conditions(group)}"
    )
    return Table(f"Ablations of `{strategy}`", caption, columns(on), lines, "l" * len(columns(on)), (), tuple(parts))


def sets(on):
    """The real sets that stand side by side: monitor, and the one asked for."""
    return tuple(dict.fromkeys(("monitor", on)))


def columns(on):
    return ["", *sets(on), *(f"{name}, minus default" for name in sets(on))]


def on_words(group):
    return (
        "disjoint from test; choices are made on it"
        if group.core["data.monitor"] == "disjoint"
        else f"data.monitor={group.core['data.monitor']}"
    )


def accuracy_cells(part, expected, on):
    return [
        accuracy_text(cell(part, expected, column_of(name))) if column_of(name) in part else "—" for name in sets(on)
    ]


def compared(part, base, expected, on, flags):
    """[accuracy on each set, difference to ``base`` on each], as text. ``flags``: {set: what ``cells.bootstrap_of`` has read of it}."""
    return [
        *accuracy_cells(part, expected, on),
        *(
            difference_text(difference(part, base, expected, name, flags[name])) if column_of(name) in part else "—"
            for name in sets(on)
        ),
    ]


def printed_rows(strategy, task, on):
    """(source, rows) of the paper's ablations, where they are of this strategy, task and set; else None."""
    column = published.SETS.get(on)
    if strategy != "dp" or task != "imagenet100" or column not in ("in_val", "in_train_heldout"):
        return None
    paper = published.ablations()
    default = paper[(paper["omega"] == 0.05) & (paper["patience"] == "growing") & (paper["sampling"] == "uniform")][
        column
    ].iloc[0]
    lines = []
    for row in paper.to_dict("records"):
        name = (
            "patience_growth=0"
            if row["patience"] == "fixed"
            else "new_weight=2"
            if row["sampling"] != "uniform"
            else f"omega={shown(row['omega'])}"
        )
        gap = f"{row[column] - default:+.2f}" if row[column] != default else ""
        lines.append([f"`{name}`{'' if gap else ' (default)'}", "—", f"{row[column]:.1f}", "—" if gap else "", gap])
    return paper["source"].iloc[0], lines


def of_settings(frame, on="test"):
    """[Table], one per key outside the strategies in which alone several comparisons differ: arms at equal scale, minus the default's."""
    found = groups(frame)
    families = defaultdict(list)
    for group, rows in found:
        families[tuple(group.core[key] for key in CORE), group.split].append((group, rows))
    tables = []
    for members in families.values():
        for key in sorted(
            {key for group, _ in members for key in group.extra if not key.endswith(".weights")}
        ):  # those are teachers
            sides = defaultdict(list)
            for group, rows in members:
                sides[str({name: value for name, value in group.extra.items() if name != key})].append((group, rows))
            tables += [table for same in sides.values() if len(same) > 1 for table in setting_table(key, same, on)]
    return tables


def setting_table(key, members, on):
    """[Table] of comparisons that differ in ``key``; empty where none shares a finished arm and scale with the default's."""
    values = {
        group.extra[key]: (group, rows) for group, rows in members if key in group.extra and column_of(on) in rows
    }
    if len(values) < 2:
        return []
    usual = defaults(members[0][1]["values"].iloc[0]).get(key)
    usual = usual if usual in values else next(iter(values))
    group, base = values[usual]
    lines, parts, flags = [], [], defaultdict(dict)
    for arm, scale in sorted(
        {(arm, scale) for arm, scale in zip(base["arm"], base["scale"])}, key=lambda place: (rank(place[0]), place[1])
    ):
        at = {value: rows[(rows["arm"] == arm) & (rows["scale"] == scale)] for value, (_, rows) in values.items()}
        if sum((part["state"] == "done").any() for part in at.values()) < 2:
            continue
        parts.append((len(lines), f"{arm}, at {short(int(scale))}"))
        expected = set().union(*(expected_at(part, scale) for part in at.values()))
        for value in sorted(at, key=lambda value: (isinstance(value, str), value)):
            name = f"`{key}={shown(value)}`"
            if value == usual:
                lines.append([f"{name} (default)", *accuracy_cells(at[value], expected, on), *[""] * len(sets(on))])
            elif len(at[value]):
                lines.append([name, *compared(at[value], at[usual], expected, on, flags)])
    if not lines:
        return []
    caption = (
        f"Comparisons that differ in `{key}` alone, at equal arm and scale; the rest as in the tables above. Default here means `{key}={shown(usual)}`. "
        f"Percent correct, mean [95 % t-interval over seeds] with number of seeds n; paired difference in points at equal seed. {conditions(group)}"
    )
    return [Table(f"Ablation of `{key}`", caption, columns(on), lines, "l" * len(columns(on)), (), tuple(parts))]
