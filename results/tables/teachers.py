"""the same arm and scale with images of another teacher

The comparisons differ in teacher, or in its weights, alone.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from dp_common.config.specification import short
from results import published
from results.analysis.arms import rank
from results.analysis.cells import cell
from results.analysis.comparisons import CORE, Comparison, replicates
from results.analysis.study import Study
from results.tables.captions import conditions, set_named
from results.tables.cell_texts import accuracy_cell
from results.tables.table import Cell, Table
from results.tables.table1 import teacher_name

NAME = "teachers"
POSITION = 80


def across(study: Study) -> list[Table]:
    """A table per set of comparisons that differ in nothing but the teacher, its weights and its own keys."""
    families = defaultdict(list)
    for comparison in study.comparisons:
        if len(comparison.done):
            group = comparison.group
            brought = f"{group.core['teacher'].replace('-', '_')}.", "sampler.", "images."  # by a teacher's recipe
            rest = sorted((key, str(value)) for key, value in group.extra.items() if not key.startswith(brought))
            core = (group.core[key] for key in CORE if key != "teacher")
            families[(*core, group.split, tuple(rest))].append(comparison)
    return [
        table
        for members in families.values()
        if len({teacher_name(one.group) for one in members}) > 1
        for table in family(members)
    ]


def family(members: Sequence[Comparison]) -> list[Table]:
    """The table of comparisons that differ in their teacher; none where no arm and scale is finished with two."""
    names = [name_among(one, members) for one in members]
    finished = Counter(place for one in members for place in set(zip(one.done["arm"], one.done["scale"])))
    shared = [place for place, count in finished.items() if count > 1]
    if not shared:
        return []
    rows = []
    for arm, scale in sorted(shared, key=lambda place: (rank(place[0]), place[1])):
        parts = [one.runs[(one.runs["arm"] == arm) & (one.runs["scale"] == scale)] for one in members]
        expected = set().union(*(replicates(part) for part in parts))
        cells = [accuracy_cell(cell(part, expected, one.column)) for part, one in zip(parts, members)]
        rows.append([Cell(f"`{arm}`"), Cell(short(int(scale)), float(scale)), *cells])
    group = members[0].group
    caption = (
        f"Percent correct on {set_named(members[0])} with images of each teacher: mean [95 % t-interval over seeds] "
        "and number of "
        "seeds n, by arm and scale. "
        f"{conditions(replace(group, core=group.core | {'teacher': 'each'}, extra={}))}"
    )
    columns = ["arm", "scale", *names]
    notes = printed(group.core["task"], members[0].eval_set)
    return [Table(f"Teachers on {group.core['task']}", caption, columns, rows, "lr" + "l" * len(names), tuple(notes))]


def name_among(comparison: Comparison, members: Sequence[Comparison]) -> str:
    """A teacher's name, with what tells it from another of that name."""
    group = comparison.group
    same = [
        one.group for one in members if one is not comparison and one.group.core["teacher"] == group.core["teacher"]
    ]
    own = [
        f"{key}={value}"
        for key, value in group.extra.items()
        if not key.endswith(".weights") and any(other.extra.get(key) != value for other in same)
    ]
    return " ".join([teacher_name(group), *own])


def printed(task: str, eval_set: str) -> list[str]:
    """What the paper printed of teachers, as a note: it has no arm of ours in common but static."""
    if task != "imagenet100" or eval_set != "test":
        return []
    paper = published.teachers()
    found = ", ".join(f"{row['teacher']} {row['in_val']:.1f}" for row in paper.to_dict("records"))
    first = paper.iloc[0]
    images = f"{short(int(first['images']))} images and {first['iterations']:,} iterations"
    return [f"As published, static with {images}, one number each: {found} ({first['source']})."]
