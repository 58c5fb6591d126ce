"""per task: method, counts, hours by phase, accuracy on every real set; published numbers below, apart

One line per method with what it was, what it made, what it cost and how good it is on every real set. Measured lines
are those of all comparisons of the task, at one scale where the arms share one.
"""

from collections.abc import Iterable, Sequence
from math import isnan, nan
from typing import Any, NamedTuple

import pandas as pd

from dp_common.config.identity import frozen_defaults
from dp_common.persistence.meter import PRICED
from results import published
from results.analysis.arms import rank
from results.analysis.cells import COUNTS, cell
from results.analysis.comparisons import (
    CEILING,
    Comparison,
    Replicates,
    by_scale,
    main_arms,
    shifted_sets,
    total_hours,
)
from results.analysis.grouping import Group, chosen_keys
from results.analysis.league import consulted_by
from results.analysis.repricing import kind_of, marking
from results.analysis.study import Study
from results.analysis.variants import differing, settings, size, value_text
from results.reading.correctness import column_of
from results.tables.captions import conditions, total_of_phases, unit_of
from results.tables.cell_texts import (
    DASH,
    EMPTY,
    Stats,
    bounds_text,
    count_cell,
    hours_cell,
    in_percent,
    missing_text,
    printed_cell,
)
from results.tables.table import Cell, Table

NAME = "table1"
POSITION = 10
SHARED = ("teacher", "learner", "iterations", "device")  # what is equal in all measured lines is said in the caption
PHASES = (*PRICED, "total")
OURS = "this suite"
MOST_KEYS = 3  # named in a line
HEADINGS = {"images_kept": "kept", "images_generated": "generated"}
Line = dict[str, Cell]


class Member(NamedTuple):
    """One comparison of a task, with the number it has in headings."""

    number: int
    comparison: Comparison


class Unit(NamedTuple):
    """Of hours: what they are called, the number of the unit in an hour, what the caption says of re-pricing."""

    kind: str
    factor: float
    remark: str


def across(study: Study) -> list[Table]:
    """A table per task with a finished run."""
    numbered = [Member(number, one) for number, one in enumerate(study.comparisons, 1) if len(one.done)]
    tasks = dict.fromkeys(member.comparison.group.core["task"] for member in numbered)
    return [
        of_task(task, [member for member in numbered if member.comparison.group.core["task"] == task]) for task in tasks
    ]


def of_task(task: str, members: Sequence[Member]) -> Table:
    """The table of one task."""
    exclude = members[0].comparison.exclude
    sets = sets_of(member.comparison.runs for member in members)
    picked = [run for member in members for run in picked_runs(member)]
    words = words_of(members)
    unit = unit_of_hours(picked, exclude)
    lines = [line_of(*run, sets, unit.factor, words[run[0].number]) for run in picked]
    papers = printed(task, sets)
    same = {name: lines[0][name] for name in ("comparison", *SHARED) if len({line[name].text for line in lines}) == 1}
    if papers:
        same.pop("iterations", None)
    keys = [key for key in lines[0] if key not in same and (papers or key != "source")]
    caption = caption_of(members, sets, unit, same)
    parts = (
        (
            (0, f"measured here, {len(lines)} lines"),
            (len(lines), "as published: one number each, no interval, in no statistic"),
        )
        if papers
        else ()
    )
    texts = ("method", "teacher", "learner", "device", "source", *sets)
    return Table(
        f"Table 1: {task}",
        caption,
        [HEADINGS.get(key, key) for key in keys],
        [[line[key] for key in keys] for line in [*lines, *papers]],
        "".join("l" if key in texts else "r" for key in keys),
        notes_of(task, members, sets, bool(papers)),
        parts,
    )


def caption_of(members: Sequence[Member], sets: Sequence[str], unit: Unit, same: Line) -> str:
    """What the numbers are. ``same``: what all lines share."""
    exclude = members[0].comparison.exclude
    shared = ", ".join(f"{name} {value}" for name, value in same.items() if name in SHARED)
    end = (
        conditions(members[0].comparison.group)
        if len(members) == 1
        else "Lines of different comparisons (numbered as in their headings) differ in more than the arm: in what has "
        "a column, else in the keys named."
    )
    return (
        f"Percent correct on the real sets {', '.join(sets)}: mean [95 % t-interval over seeds], n seeds. Images kept "
        "are the "
        "final training set, generated all that were made for it, real those of the teacher's that a run consulted; "
        f"{unit.kind} by phase, means over the n runs, "
        f"{total_of_phases(exclude)}. "
        "Of each comparison one scale, the one that most arms were run at, with most seeds, the largest; an arm that "
        "was not at its own "
        f"largest. {f'Measured with {shared}. ' if shared else ''}{unit.remark}{end}"
    )


def notes_of(task: str, members: Sequence[Member], sets: Sequence[str], papers: bool) -> tuple[str, ...]:
    """What is not here, what a dash means, and what keeps published numbers apart."""
    left = {arm for _, one in members for arm in set(one.arms) - one.main_arms - {CEILING}}
    named = ", ".join(f"`{arm}`" for arm in sorted(left, key=rank))
    notes = [f"Not here, ablations at one scale: {named}."] if left else []
    if "train_heldout" in sets and any(CEILING in one.arms for _, one in members):
        notes.append("train_heldout is drawn from real train: of `real` it is training accuracy.")
    if papers:
        notes.append("—, published: not printed.")
        notes += remarks(task)
    return tuple(notes)


def sets_of(frames: Iterable[pd.DataFrame]) -> list[str]:
    """The real sets with an accuracy, those of the paper's Table 1 in its order first."""
    met = [name for runs in frames for name in shifted_sets(runs) if runs[column_of(name)].notna().any()]
    ours = dict.fromkeys(name for name in met if name not in published.SETS)
    return ["test", *(name for name in published.SETS if name in met), *ours]


def picked_runs(member: Member) -> list[tuple[Member, str, pd.DataFrame, Replicates]]:
    """(member, arm, its runs at the scale that is shown, the replicates that would make it whole) of each line of one
    comparison.
    """
    comparison, cells, found = member.comparison, member.comparison.cells, []
    arms = main_arms(cells)
    scales = {arm: set(cells.loc[cells["arm"] == arm, "scale"]) for arm in arms}
    common = max(
        sorted(cells["scale"].unique()),
        default=None,
        key=lambda scale: (sum(scale in own for own in scales.values()), len(comparison.expected(scale)), scale),
    )
    for arm in sorted(arms, key=rank):
        own = cells[cells["arm"] == arm]
        scale = common if common in scales[arm] else max(whole_scales(own, comparison), default=None)
        if scale is not None:
            found.append((member, arm, own[own["scale"] == scale], comparison.expected(scale)))
    if len(comparison.ceiling):
        found.append((member, CEILING, comparison.ceiling.assign(scale_reached=True), comparison.replicates))
    return found


def whole_scales(own: pd.DataFrame, comparison: Comparison) -> list[int]:
    """The scales at which all runs of an arm are finished."""
    done = own[own["state"] == "done"]
    return [scale for scale, part in by_scale(done) if comparison.is_whole(str(part["arm"].iloc[0]), scale, part)]


def reached(part: pd.DataFrame) -> pd.DataFrame:
    """The finished runs that reached their scale."""
    done = part[part["state"] == "done"]
    return done[done["scale_reached"].astype(bool)]


def device_of(runs: pd.DataFrame) -> str:
    """Their device; "several" where hours do not add up; a dash where there is no run."""
    devices = sorted(runs["device"].unique())
    if not devices:
        return DASH.text
    return devices[0] if len(devices) == 1 and devices[0] != "mixed" else "several"


def unit_of_hours(picked: Sequence[tuple[Member, str, pd.DataFrame, Replicates]], exclude: Sequence[str]) -> Unit:
    """The unit that all lines share."""
    runs = [reached(part) for _, _, part, _ in picked]
    totals = [total_hours(part, exclude).mean() for part in runs if device_of(part) != "several"]
    devices = sorted({device_of(part) for part in runs} - {"several", DASH.text})
    unit, factor = unit_of(max((total for total in totals if not isnan(total)), default=nan))
    kinds = {kind_of(device) for device in devices}
    kind = kinds.pop().replace("hours", unit) if len(kinds) == 1 else f"device {unit}"
    return Unit(kind, factor, "".join(dict.fromkeys(map(marking, devices))))


def line_of(
    member: Member, arm: str, part: pd.DataFrame, expected: Replicates, sets: Sequence[str], factor: float, words: str
) -> Line:
    """The cells of one arm of one comparison. ``words``: what tells that from others, where a column does not."""
    group, done = member.comparison.group, reached(part)
    device = device_of(done)
    hours = {phase: done[f"gpu_hours.{phase}"] for phase in PRICED}
    hours |= {"total": total_hours(done, member.comparison.exclude)}
    accuracies = {name: cell(part, expected, column_of(name)) for name in sets if column_of(name) in part}
    counts = {count: count_cell(done[count].mean()) if len(done) else DASH for count in COUNTS}
    return {
        "method": Cell(f"`{arm}{words}`"),
        "comparison": Cell(str(member.number), member.number),
        "teacher": Cell(teacher_name(group)),
        "learner": Cell(group.core["learner"]),
        **{name: counts[name] for name in ("iterations", "images_kept", "images_generated")},
        "real images": count_cell(consulted_by(done)[1]) if len(done) else DASH,
        **{name: hours_cell(nan if device == "several" else s.mean(), factor) for name, s in hours.items()},
        "device": Cell(device),
        "n": Cell(str(len(done)), len(done), n=len(done)),
        **{name: accuracy_cell(accuracies[name]) if name in accuracies else DASH for name in sets},
        "source": Cell(OURS),
    }


def words_of(members: Sequence[Member]) -> dict[int, str]:
    """{number of a comparison: `` key=value ...``}: the keys in which it differs from the largest of the same teacher
    and learner, which have columns of their own; that one has none.
    """
    words, homes = {}, dict[tuple[str, str], Comparison]()
    for number, one in sorted(members, key=lambda member: size(member.comparison), reverse=True):
        home = homes.setdefault((teacher_name(one.group), one.group.core["learner"]), one)
        mine, usual = settings(one), settings(home)
        keys = [key for key in sorted(differing(usual, mine)) if not key.endswith(".weights")]
        chosen = chosen_keys(one.runs) | chosen_keys(home.runs)
        keys = [key for key in keys if key in chosen] or keys
        more = f" and {len(keys) - MOST_KEYS} keys more" if len(keys) > MOST_KEYS else ""
        values = (value_text(mine.get(key, frozen_defaults().get(key))) for key in keys[:MOST_KEYS])
        words[number] = "".join(f" {key}={value}" for key, value in zip(keys, values)) + more
    return words


def teacher_name(group: Group) -> str:
    """A teacher, with its weights where they are not the usual ones."""
    name = group.core["teacher"]
    weights = group.extra.get(f"{name.replace('-', '_')}.weights")
    return f"{name} {weights}" if weights else name


def accuracy_cell(stats: Stats) -> Cell:
    """``91.2 [90.1, 92.3]``; n has a column of its own."""
    missing = missing_text(stats)
    if missing or isnan(stats["mean"]):
        return Cell(missing) if missing else DASH
    return Cell(f"{100 * stats['mean']:.1f}{bounds_text(stats, '.1f')}", *in_percent(stats), n=stats["n"])


def printed(task: str, sets: Sequence[str]) -> list[Line]:
    """A line per line of the paper's table on this task, with the sets that are shown."""
    paper = published.table1()
    return [
        {
            "method": Cell(row["method"]),
            "comparison": EMPTY,
            "teacher": DASH,
            "learner": DASH,
            "iterations": count_cell(row["iterations"]),
            "images_kept": count_cell(row["images"]),
            "images_generated": DASH,
            "real images": count_cell(row["real_images"]),
            **dict.fromkeys(PHASES, DASH),
            "device": DASH,
            "n": DASH,
            **{name: percent_cell(row.get(published.SETS.get(name), nan)) for name in sets},
            "source": Cell(row["source"]),
        }
        for row in paper[paper["task"] == task].to_dict("records")
    ]


def remarks(task: str) -> list[str]:
    """What is to be known of published lines, once per source."""
    paper = published.table1()
    told = paper.loc[(paper["task"] == task) & paper["remark"].notna(), ["source", "remark"]].drop_duplicates()
    return [f"{source}: {remark}." for source, remark in told.itertuples(index=False)]


def percent_cell(number: Any) -> Cell:
    """A number that a paper printed, in percent."""
    if isnan(number):
        return DASH
    return printed_cell(f"{number:.1f}" if number == round(number, 1) else f"{number:.2f}", number)
