"""One comparison in words: accuracy by arm × scale, paired differences to the controls, costs by phase."""

from collections import Counter
from math import isnan

from dp_common.config.specification import short
from dp_common.errors import BadInput, did_you_mean
from dp_common.persistence.meter import PRICED
from results.analysis.arms import plan_names, rank
from results.analysis.cells import BASELINES, CONTROLS, COUNTS, accuracies, costs, differences, left_to_ablations
from results.analysis.comparisons import one_group
from results.analysis.repricing import kind_of, marking
from results.tables.table import Table
from results.tables.words import (
    accuracy_text,
    check_set,
    conditions,
    difference_text,
    hours_text,
    set_named,
    total_words,
    unit_of,
    where,
)


def comparison(frame, on="test", group=None):
    """Arm × scale: accuracy in %, mean [95 % t-interval] n."""
    group, rows = one_group(frame, group)
    check_set(rows, on)
    cells, ceiling = accuracies(rows, on)
    cells, aside = without_ablations(cells, rows)
    caption = (
        f"Percent correct on {set_named(rows, on)}: mean [95 % t-interval over seeds] and number of seeds n, by arm and scale "
        f"(images in the final training set). {conditions(group)}"
    )
    notes = [
        *ceiling_note(ceiling),
        *legend(cells, "seeds"),
        *plan_note(rows),
        *aside,
        *missing_controls(rows),
        *unfinished_note(rows),
    ]
    return arm_by_scale(f"Accuracy on {on}", caption, cells, accuracy_text, notes)


def versus(frame, on="test", group=None):
    """[Table] of paired differences in points, to each baseline that has finished runs."""
    group, rows = one_group(frame, group)
    check_set(rows, on)
    tables = []
    for baseline in BASELINES:
        cells, aside = without_ablations(differences(rows, baseline, on), rows)
        if not len(cells):
            continue
        caption = (
            f"Paired difference in points, 1 point being 1 % of {set_named(rows, on)}: mean [95 % t-interval over seeds] and "
            "number n of pairs of equal seed and scale. ↑ above or ↓ below zero where this interval and the 95 % paired "
            f"bootstrap over test images × seeds agree; no arrow: undecided. {conditions(group)}"
        )
        notes = [*legend(cells, "pairs"), *aside]
        if cells["unread"].sum():
            notes.append(
                f"No verdict for {cells['unread'].sum()} pair(s) without per-image correctness (correct.parquet)."
            )
        tables.append(
            arm_by_scale(f"Accuracy on {on} minus that of `{baseline}`", caption, cells, difference_text, notes)
        )
    return tables


def cost_tables(frame, exclude=(), group=None):
    """[Table] of images, iterations and hours by phase, one per device name, for hours of different devices do not average."""
    group, rows = one_group(frame, group)
    for phase in exclude:
        if phase not in PRICED:
            raise BadInput("exclude", phase, f"one of {', '.join(PRICED)}.{did_you_mean(phase, PRICED)}")
    means = costs(rows, exclude)
    notes = unpriced_note(rows)
    return (
        [cost_table(group, device, part, exclude, notes) for device, part in means.groupby("device")]
        if len(means)
        else []
    )


def cost_table(group, device, means, exclude, notes=()):
    unit, factor = unit_of(means["total"].max())
    kind = kind_of(device) + (f", given in {unit}" if factor > 1 else "")
    repriced = marking(device)
    phases = [*PRICED, "total", *([] if repriced else ["spent"])]
    caption = (
        f"Means over the n finished runs of each line: images, iterations, and {kind}, on {where(device, means['cpus'])}. "
        f"{total_words(exclude)}{'' if repriced else '; spent: all attempts, with work lost to interruptions'}. {repriced}{conditions(group)}"
    )
    rows = [
        [
            *arm_and_scale(row),
            str(row["n"]),
            *(f"{row[name]:,.0f}" for name in COUNTS),
            *(hours_text(row[name], factor) for name in phases),
        ]
        for row in means.to_dict("records")
    ]
    columns = ["arm", "scale", "n", "generated", "kept", "seen", "iterations", *phases]
    return Table(
        f"Costs in {kind}, {'' if repriced else 'device '}{device}",
        caption,
        columns,
        rows,
        "l" + "r" * (len(columns) - 1),
        tuple(notes),
    )


def unpriced_note(rows):
    """Why finished runs have no re-priced hours, if they were re-priced and some have none."""
    reasons = rows["repriced_why"].dropna() if "repriced_why" in rows else []
    return [f"Not re-priced, {count} run(s): {reason}." for reason, count in sorted(Counter(reasons).items())]


def arm_and_scale(row):
    return [f"`{row['arm']}`", "ceiling" if isnan(row["scale"]) else short(int(row["scale"]))]


def arm_by_scale(title, caption, cells, text, notes):
    scales = sorted(cells["scale"].unique()) if len(cells) else []
    by_place = {(cell["arm"], cell["scale"]): cell for cell in cells.to_dict("records")}
    rows = [
        [f"`{arm}`", *(text(by_place[arm, scale]) for scale in scales)]
        for arm in sorted({arm for arm, _ in by_place}, key=rank)
    ]
    return Table(
        title, caption, ["arm", *(short(int(scale)) for scale in scales)], rows, "l" * (1 + len(scales)), tuple(notes)
    )


def ceiling_note(ceiling):
    if ceiling is None:
        return []
    return [f"Ceiling, `real`: {accuracy_text(ceiling)}, trained on {ceiling['images']:,} real images."]


def legend(cells, what):
    """What the signs in the cells mean, of those that occur."""
    if not len(cells):
        return []
    waiting = cells[(cells["planned"] > 0) & ~cells["complete"].astype(bool)]
    signs = []
    if len(waiting):
        first = waiting.iloc[0]
        done, expected = first["done"], first["expected"]
        signs.append(
            f"—({done}/{expected}): {done} of {expected} {what} are finished; no mean is shown of a part of them."
        )
    if (cells["planned"] == 0).any():
        signs.append("—: not run.")
    if cells["short"].sum():
        signs.append("short: finished below its scale, not in the mean.")
    return signs


def without_ablations(cells, rows):
    """(the cells of the other arms, [a note that names those left to the ablations])."""
    arms = left_to_ablations(rows)
    if not len(cells) or not arms:
        return cells, []
    return cells[~cells["arm"].isin(arms)], [
        f"Under ablations: {', '.join(f'`{arm}`' for arm in sorted(arms, key=rank))}."
    ]


def plan_note(rows):
    plans = "; ".join(
        f"`{arm}`: {', '.join(names)}"
        for arm, names in sorted(plan_names(rows).items(), key=lambda pair: rank(pair[0]))
    )
    return [f"Chosen for each scale, and not in an arm's name: {plans}."] if plans else []


def missing_controls(rows):
    absent = [f"`{arm}`" for arm in (*CONTROLS, "real") if arm not in set(rows["arm"])]
    return [f"Controls not among these runs: {', '.join(absent)}."] if absent else []


def unfinished_note(rows):
    states = rows["state"].value_counts().drop("done", errors="ignore")
    return (
        [f"Not finished: {', '.join(f'{states[state]} {state}' for state in sorted(states.index))}."]
        if len(states)
        else []
    )
