"""Two tables read along the curves of a comparison: the accuracy that a cost buys, and the cost of an accuracy with speed-up factors."""

from math import exp, isnan, log10

import numpy as np

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.cells import accuracies, main_arms
from results.analysis.comparisons import one_group
from results.analysis.cost_to_target import FEWEST, bought, costs_of, ratio, reach, reached_by_all
from results.analysis.repricing import kind_of, marking
from results.analysis.stats import t_interval
from results.reading.runs import column_of
from results.tables.table import Table
from results.tables.words import accuracy_bounds, check_set, conditions, set_named, total_words, unit_of, where

BASELINE = "static"
MARKS = 7  # columns of a table by cost, about
COUNTED = {"images_generated": "images generated", "images_kept": "images kept", "iterations": "iterations"}


def by_cost(frame, against, exclude=(), on="test", group=None):
    """[Table]: arm × cost, the accuracy that so many hours, or images, buy. Empty where no arm has a curve, or hours are of several devices."""
    group, rows = one_group(frame, group)
    check_set(rows, on)
    rows = rows[rows["arm"].isin(main_arms(rows))]
    if against == "hours" and not one_device(rows):
        return []
    costs = costs_of(rows, against, exclude)
    costs = costs[(rows["state"] == "done") & (costs > 0)]
    marks = marks_of(costs.min(), costs.max()) if costs.nunique() > 1 else []
    cells = bought(rows, marks, against, column_of(on), exclude)
    if not len(cells):
        return []
    named, columns, words, remark = named_marks(rows, against, marks, exclude)
    text = {(cell["arm"], cell["mark"]): bought_text(cell) for cell in cells.to_dict("records")}
    arms = sorted(cells["arm"].unique(), key=rank)
    caption = (
        f"Percent correct on {set_named(rows, on)} that a run gets for {words}: read for each seed between its scales (accuracy linear in the "
        f"logarithm of the cost), then mean [95 % t-interval over seeds] and number of seeds n. {remark}{conditions(group)}"
    )
    notes = [
        "—: outside of what was run. —(2/5): the curves of 2 of 5 seeds span this cost; no mean is shown of a part of them."
    ]
    return [
        Table(
            f"Accuracy on {on} by {named}",
            caption,
            ["arm", *columns],
            [[f"`{arm}`", *(text[arm, mark] for mark in marks)] for arm in arms],
            "l" * (1 + len(marks)),
            tuple(notes),
        )
    ]


def named_marks(rows, against, marks, exclude):
    """(what the columns are, their headings, the cost in a sentence, what more the caption says)."""
    if against != "hours":
        return COUNTED[against], [count_text(mark) for mark in marks], f"so many {COUNTED[against]}", ""
    device = rows["device"].dropna().iloc[0]
    unit, factor = unit_of(max(marks))
    kind = kind_of(device).replace("hours", unit)
    return (
        kind,
        [f"{number(mark * factor)} {unit[0]}" for mark in marks],
        f"so many {kind}",
        hours_remark(rows, device, exclude),
    )


def hours_remark(rows, device, exclude):
    """What a caption says of hours: which phases, whose, measured or not."""
    return f"{total_words(exclude)}, on {where(device, rows.loc[rows['device'] == device, 'cpus'])}. {marking(device)}"


def marks_of(least, most):
    """About MARKS round numbers between two costs, evenly spaced on a log axis as far as round numbers are."""
    for steps in ((1, 2, 5), (1, 3), (1,)):
        decades = range(int(np.floor(log10(least))), int(np.ceil(log10(most))) + 1)
        found = [step * 10.0**decade for decade in decades for step in steps if least <= step * 10.0**decade <= most]
        if len(found) <= MARKS + 1:
            break
    if len(found) >= MARKS - 3:
        return found
    for digits in range(2, 6):  # a narrow range: as many digits as tell the marks apart
        found = sorted({float(f"{mark:.{digits}g}") for mark in np.geomspace(least, most, MARKS)})
        found = [mark for mark in found if least <= mark <= most]
        if len(found) >= MARKS - 3:
            break
    return found


def bought_text(cell):
    if cell["n"] < cell["expected"]:
        return "—" if not cell["n"] else f"—({cell['n']}/{cell['expected']})"
    return f"{100 * cell['mean']:.1f}{accuracy_bounds(cell, '.1f')} n={cell['n']}"


def reach_tables(frame, targets=(), exclude=(), on="test", group=None):
    """[Table], one per target: what each arm pays for that accuracy, and how many times less than static. ``targets``: fractions; by
    default what ``default_targets`` says. Empty where no arm has runs at two scales.
    """
    group, rows = one_group(frame, group)
    check_set(rows, on)
    rows = rows[rows["arm"].isin(main_arms(rows))]
    if rows.loc[rows["state"] == "done"].groupby("arm")["scale"].nunique().max() < 2:
        return []
    goals = [(target, "as asked for") for target in targets] or default_targets(rows, on)
    return [reach_table(rows, target, why, exclude, on, group) for target, why in goals]


def default_targets(rows, on="test"):
    """[(accuracy, why)]: the best mean of static's complete scales; and, lower, the best that every one of its seeds reaches, at the scales they all have."""
    cells, _ = accuracies(rows, on)
    mine = cells[(cells["arm"] == BASELINE) & cells["complete"].astype(bool) & (cells["n"] > 0)]
    if not len(mine):
        return []
    top = mine.sort_values(["mean", "scale"], ascending=[False, True]).iloc[0]
    goals = [(float(top["mean"]), f"the best mean of `{BASELINE}`, at {short(int(top['scale']))}")]
    every = reached_by_all(rows[rows["arm"] == BASELINE], column_of(on))
    if every < goals[0][0]:
        goals.append((every, f"the best that every seed of `{BASELINE}` reaches"))
    return goals


def reach_table(rows, target, why, exclude, on, group):
    done = rows[rows["state"] == "done"]
    axes = {against: (name, 1.0) for against, name in COUNTED.items() if done[against].nunique() > 1}
    constant = [
        f"{name}: {done[against].iloc[0]:,.0f} in every run" for against, name in COUNTED.items() if against not in axes
    ]
    several = (
        []
        if one_device(rows)
        else ["Hours of several kinds of device do not compare and are left out; prices=FILE re-prices them."]
    )
    remark = ""
    if not several:
        device = done["device"].iloc[0]
        unit, factor = unit_of(costs_of(done, "hours", exclude).max())
        axes["hours"] = (kind_of(device).replace("hours", unit), factor)
        remark = hours_remark(rows, device, exclude)
    arms = sorted(rows["arm"].unique(), key=rank)
    baseline = BASELINE in arms
    lines = {arm: [f"`{arm}`"] for arm in arms}
    for against, (_, factor) in axes.items():
        reached = reach(rows, target, against, column_of(on), exclude)
        for arm in arms:
            lines[arm].append(cost_text(reached[reached["arm"] == arm], factor))
            if baseline:
                lines[arm].append("1" if arm == BASELINE else factor_text(ratio(reached, arm, BASELINE)))
    columns = [column for name, _ in axes.values() for column in (name, "speed-up")[: 1 + baseline]]
    caption = (
        f"Cost of {100 * target:.1f} % correct on {set_named(rows, on)} ({why}), where a seed's curve first reaches it, read between its scales (logarithm "
        "of the cost linear in accuracy): geometric mean [95 % t-interval over seeds] and number n of the seeds that cross it. "
        + (
            f"Speed-up: how many times less that is than `{BASELINE}` pays, geometric mean of the ratios at equal seed [95 % t-interval] and "
            f"number n of pairs; no interval below {FEWEST}. "
            if baseline
            else ""
        )
        + f"{remark}{conditions(group)}"
    )
    notes = [*legend(lines), *several, *(["The same everywhere, " + "; ".join(constant) + "."] if constant else [])]
    return Table(
        f"Cost of {100 * target:.1f} % on {on}",
        caption,
        ["arm", *columns],
        list(lines.values()),
        "l" * (1 + len(columns)),
        tuple(notes),
    )


def legend(lines):
    """What the words in the cells mean, of those that occur."""
    told = " ".join(cell for line in lines.values() for cell in line)
    words = {
        "never": "never: so many seeds do not reach it at any scale that was run; a mean over the others flatters.",
        "at once": "at once: so many are above it at their smallest scale already; they cost that or less, and are in no mean.",
        "censored": "censored: pairs of which one never reaches it or does at once; they are in no factor.",
        "—(": "—(2/5): the curves of 2 of 5 seeds are finished; nothing is read from a part of them.",
    }
    return [meaning for word, meaning in words.items() if word in told]


def cost_text(reached, factor):
    """``1,820 [1,500, 2,210] n=5``, with the seeds that are in no mean behind it."""
    if not reached["whole"].all():
        return f"—({reached['whole'].sum()}/{len(reached)})"
    crossed = reached[reached["reached"] & ~reached["bound"]]
    never, early = int((~reached["reached"]).sum()), int(reached["bound"].sum())
    beside = ", ".join(f"{count} {word}" for count, word in ((never, "never"), (early, "at once")) if count)
    if not len(crossed):
        most = (
            f"up to {count_text(reached['most'].max() * factor)}"
            if not early
            else f"≤{count_text(reached['cost'].max() * factor)}"
        )
        return f"not reached, {most} ({beside})" if not early else f"{most} ({beside})"
    interval = t_interval(np.log(crossed["cost"] * factor))
    bounds = "" if interval.n < FEWEST else f" [{count_text(exp(interval.low))}, {count_text(exp(interval.high))}]"
    return f"{count_text(exp(interval.mean))}{bounds} n={interval.n}" + (f" (+{beside})" if beside else "")


def factor_text(found):
    """``3.1× [2.4, 4.0] n=5``, with the pairs that are in no mean behind it."""
    if found.unfinished:
        return f"—({found.n + found.censored}/{found.n + found.censored + found.unfinished})"
    if not found.n:
        return f"— ({found.censored} censored)" if found.censored else "—"
    bounds = "" if isnan(found.low) else f" [{number(found.low)}, {number(found.high)}]"
    return f"{number(found.factor)}×{bounds} n={found.n}" + (f" (+{found.censored} censored)" if found.censored else "")


def one_device(rows):
    return rows.loc[rows["state"] == "done", "device"].nunique() == 1


def count_text(amount):
    """Images to three digits, 1,820; seconds likewise."""
    return number(amount) if amount < 100 else f"{float(f'{amount:.3g}'):,.0f}"


def number(amount):
    """Three digits of any number, never in powers of ten."""
    return np.format_float_positional(float(f"{amount:.3g}"), trim="-")
