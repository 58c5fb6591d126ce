"""Which teacher: the same arm at the same scale with images of another one. The comparisons differ in teacher, or in its weights, alone."""

from collections import defaultdict
from dataclasses import replace

from dp_common.config.specification import short
from results import published
from results.analysis.arms import rank
from results.analysis.cells import cell, expected_at
from results.analysis.comparisons import CORE, groups
from results.reading.runs import column_of
from results.tables.table import Table
from results.tables.table1 import weights_of
from results.tables.words import accuracy_text, conditions, set_named


def tables(frame, on="test"):
    """[Table], one per set of comparisons that differ in nothing but the teacher, its weights and its own keys."""
    families = defaultdict(list)
    for group, rows in groups(frame):
        if column_of(on) in rows and (rows["state"] == "done").any():
            own = (
                f"{group.core['teacher'].replace('-', '_')}.",
                "sampler.",
                "images.",
            )  # what a teacher's recipe may bring along
            rest = sorted((key, str(value)) for key, value in group.extra.items() if not key.startswith(own))
            families[(*(group.core[key] for key in CORE if key != "teacher"), group.split, tuple(rest))].append(
                (group, rows)
            )
    return [
        table
        for members in families.values()
        if len({weights_of(group) for group, _ in members}) > 1
        for table in family(members, on)
    ]


def family(members, on):
    names = [named(group, members) for group, _ in members]
    places = defaultdict(int)
    for _, rows in members:
        for place in set(zip(rows.loc[rows["state"] == "done", "arm"], rows.loc[rows["state"] == "done", "scale"])):
            places[place] += 1
    shared = sorted(
        (place for place, count in places.items() if count > 1), key=lambda place: (rank(place[0]), place[1])
    )
    if not shared:
        return []
    lines = []
    for arm, scale in shared:
        parts = [rows[(rows["arm"] == arm) & (rows["scale"] == scale)] for _, rows in members]
        expected = set().union(*(expected_at(part, scale) for part in parts))
        lines.append(
            [f"`{arm}`", short(int(scale)), *(accuracy_text(cell(part, expected, column_of(on))) for part in parts)]
        )
    group, rows = members[0]
    caption = (
        f"Percent correct on {set_named(rows, on)} with images of each teacher: mean [95 % t-interval over seeds] and number of seeds n, "
        "by arm and scale. "
        f"{conditions(replace(group, core=group.core | {'teacher': 'each'}, extra={}))}"
    )
    return [
        Table(
            f"Teachers on {group.core['task']}",
            caption,
            ["arm", "scale", *names],
            lines,
            "lr" + "l" * len(names),
            tuple(printed(group.core["task"], on)),
        )
    ]


def named(group, members):
    """A teacher's name, with what tells it from another of that name."""
    own = [
        f"{key}={value}"
        for key, value in group.extra.items()
        if not key.endswith(".weights")
        and any(
            other.extra.get(key) != value
            for other, _ in members
            if other is not group and other.core["teacher"] == group.core["teacher"]
        )
    ]
    return " ".join([weights_of(group), *own])


def printed(task, on):
    """What the paper printed of teachers, as a note: it has no arm of ours in common but static."""
    if task != "imagenet100" or on != "test":
        return []
    paper = published.teachers()
    found = ", ".join(f"{row['teacher']} {row['in_val']:.1f}" for row in paper.to_dict("records"))
    first = paper.iloc[0]
    return [
        f"As published, static with {short(int(first['images']))} images and {first['iterations']:,} iterations, one number each: {found} "
        f"({first['source']})."
    ]
