"""Table 1: for each task one line per method with what it was, what it made, what it cost and how good it is on every real set; and
below, apart, what papers printed. Measured lines are those of all comparisons of the task, at one scale where the arms share one.
"""

from math import isnan, nan

from dp_common.persistence.meter import PRICED
from results import published
from results.analysis.arms import rank
from results.analysis.cells import (
    COUNTS,
    ceiling_rows,
    cell,
    expected_at,
    main_arms,
    replicates,
    split_ceiling,
    total_hours,
)
from results.analysis.comparisons import groups
from results.analysis.repricing import kind_of, marking
from results.reading.runs import column_of
from results.tables.table import Table
from results.tables.words import accuracy_bounds, conditions, hours_text, missing_text, total_words, unit_of

TOLD = ("teacher", "learner", "iterations", "device")  # what is equal in all measured lines is said in the caption
PHASES = (*PRICED, "total")
OURS = "this suite"


def tables(frame, exclude=()):
    """[Table], one per task with a finished run."""
    numbered = [
        (number, group, rows)
        for number, (group, rows) in enumerate(groups(frame), 1)
        if (rows["state"] == "done").any()
    ]
    tasks = dict.fromkeys(group.core["task"] for _, group, _ in numbered)
    return [of_task(task, [entry for entry in numbered if entry[1].core["task"] == task], exclude) for task in tasks]


def of_task(task, members, exclude=()):
    sets = sets_of([rows for _, _, rows in members])
    lines = [line for number, group, rows in members for line in measured(number, group, rows, sets, exclude)]
    papers = printed(task, sets)
    kind, factor, remark = hours_of(lines)
    for line in lines:
        line.update({phase: hours_text(line[phase], factor) for phase in PHASES})
    rows = [*lines, *papers]
    same = {name: lines[0][name] for name in ("comparison", *TOLD) if len({line[name] for line in lines}) == 1}
    if papers:
        same.pop("iterations", None)
    keys = [key for key in lines[0] if key not in same and (papers or key != "source")]
    told = ", ".join(f"{name} {value}" for name, value in same.items() if name in TOLD)
    group = members[0][1] if len(members) == 1 else None
    caption = (
        f"Percent correct on the real sets {', '.join(sets)}: mean [95 % t-interval over seeds], n seeds. Images kept are the "
        f"final training set, generated all that were made for it; {kind} by phase, means over the n runs, {total_words(exclude)}. "
        "Of each comparison one scale, the one that most arms were run at, with most seeds, the largest; an arm that was not at its own "
        f"largest. {f'Measured with {told}. ' if told else ''}{remark}"
        + (
            conditions(group)
            if group
            else "Lines of different comparisons (numbered as in their headings) differ in more than the arm."
        )
    )
    notes = notes_of(members, sets, papers)
    parts = (
        (
            (0, f"measured here, {len(lines)} lines"),
            (len(lines), "as published: one number each, no interval, in no statistic"),
        )
        if papers
        else ()
    )
    return Table(
        f"Table 1: {task}",
        caption,
        [HEADINGS.get(key, key) for key in keys],
        [[row[key] for key in keys] for row in rows],
        "".join("l" if key in ("method", "teacher", "learner", "device", "source", *sets) else "r" for key in keys),
        notes,
        parts,
    )


HEADINGS = {"images_kept": "kept", "images_generated": "generated"}


def notes_of(members, sets, papers):
    left = sorted({arm for _, _, rows in members for arm in set(rows["arm"]) - main_arms(rows) - {"real"}}, key=rank)
    notes = [f"Not here, run at one scale only: {', '.join(f'`{arm}`' for arm in left)}."] if left else []
    if "train_heldout" in sets and any((rows["arm"] == "real").any() for _, _, rows in members):
        notes.append("train_heldout is drawn from real train: of `real` it is training accuracy.")
    if papers:
        notes.append("—, published: not printed.")
    return tuple(notes)


def sets_of(frames):
    """The real sets with an accuracy, those of the paper's Table 1 in its order first."""
    met = [
        column.removeprefix("shifted.")
        for rows in frames
        for column in rows
        if column.startswith("shifted.") and rows[column].notna().any()
    ]
    return [
        "test",
        *(name for name in published.SETS if name in met),
        *(name for name in dict.fromkeys(met) if name not in published.SETS),
    ]


def measured(number, group, rows, sets, exclude):
    """A dict per line of one comparison."""
    cells, ceiling = split_ceiling(rows)
    found, arms = [], main_arms(cells)
    scales = {arm: scales_met(cells[cells["arm"] == arm]) for arm in arms}
    common = max(
        scales_met(cells),
        default=None,
        key=lambda scale: (sum(scale in mine for mine in scales.values()), len(expected_at(cells, scale)), scale),
    )
    for arm in sorted(arms, key=rank):
        mine = cells[cells["arm"] == arm]
        scale = common if common in scales[arm] else max(whole_scales(mine, cells), default=None)
        if scale is not None:
            found.append(
                line(
                    number,
                    group,
                    arm,
                    cells[(cells["arm"] == arm) & (cells["scale"] == scale)],
                    expected_at(cells, scale),
                    sets,
                    exclude,
                )
            )
    if len(ceiling_rows(rows)):
        found.append(line(number, group, "real", ceiling.assign(scale_reached=True), replicates(rows), sets, exclude))
    return found


def whole_scales(mine, cells):
    """The scales at which all runs of an arm are finished."""
    done = mine[mine["state"] == "done"]
    return [
        scale for scale in scales_met(done) if replicates(done[done["scale"] == scale]) >= expected_at(cells, scale)
    ]


def scales_met(rows):
    return sorted(rows["scale"].unique())


def line(number, group, arm, part, expected, sets, exclude):
    done = part[part["state"] == "done"]
    done = done[done["scale_reached"].astype(bool)]
    devices = sorted(done["device"].unique())
    alone = len(devices) == 1 and devices[0] != "mixed"
    hours = {phase: done[f"gpu_hours.{phase}"] for phase in PRICED} | {"total": total_hours(done, exclude)}
    hours = {name: series.mean() if alone else nan for name, series in hours.items()}
    stats = {name: cell(part, expected, column_of(name)) for name in sets if column_of(name) in part}
    counts = {count: f"{done[count].mean():,.0f}" if len(done) else "—" for count in COUNTS}
    return {
        "method": f"`{arm}`",
        "comparison": str(number),
        "teacher": weights_of(group),
        "learner": group.core["learner"],
        "iterations": counts["iterations"],
        "images_kept": counts["images_kept"],
        "images_generated": counts["images_generated"],
        **hours,
        "device": devices[0] if alone else "several",
        "n": str(len(done)),
        **{name: cell_text(stats[name]) if name in stats else "—" for name in sets},
        "source": OURS,
    }


def weights_of(group):
    """A teacher, with its weights where they are not the usual ones."""
    name = group.core["teacher"]
    weights = group.extra.get(f"{name.replace('-', '_')}.weights")
    return f"{name} {weights}" if weights else name


def cell_text(stats):
    return missing_text(stats) or (
        "—" if isnan(stats["mean"]) else f"{100 * stats['mean']:.1f}{accuracy_bounds(stats, '.1f')}"
    )


def printed(task, sets):
    """A dict per line of the paper's table on this task, with the sets that are shown."""
    paper = published.table1()
    return [
        {
            "method": row["method"],
            "comparison": "",
            "teacher": "—",
            "learner": "—",
            "iterations": f"{row['iterations']:,}",
            "images_kept": f"{row['images']:,}",
            "images_generated": "—",
            **dict.fromkeys(PHASES, "—"),
            "device": "—",
            "n": "—",
            **{name: percent(row.get(published.SETS.get(name), nan)) for name in sets},
            "source": row["source"],
        }
        for row in paper[paper["task"] == task].to_dict("records")
    ]


def percent(number):
    return "—" if isnan(number) else f"{number:.1f}"


def hours_of(lines):
    """(what hours are called, number of the unit in an hour, what the caption says of re-pricing)."""
    devices = sorted({line["device"] for line in lines} - {"several"})
    unit, factor = unit_of(max((line["total"] for line in lines if not isnan(line["total"])), default=nan))
    kinds = {kind_of(device) for device in devices}
    kind = kinds.pop().replace("hours", unit) if len(kinds) == 1 else f"device {unit}"
    return kind, factor, "".join(dict.fromkeys(map(marking, devices)))
