"""The command that would decide a claim: overrides of ``benchmarks.sweep`` that stand for exactly the runs that are
missing, and those that are there. Overrides are what the specification of a run of the comparison needs beyond the
defaults, found by resolving them.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any

from dp_common.config.resolve import resolve
from dp_common.config.specification import Runtime, short
from dp_common.errors import BadInput
from results.analysis.arms import format_value
from results.analysis.grouping import MEASURING
from results.claims.judging.arm_selection import ArmSelection
from results.claims.judging.claim import Arm
from results.reading.archived import ABOUT
from results.reading.history import records_of

USUAL_SCALES = (500, 1_000, 2_000, 4_000)
TUNED, FURTHER = 100, 1000  # seeds that choices are made by begin at the first; the second is beyond all of them

Grid = dict[str, list[str]]  # a sweep: the values of each key
Overrides = dict[str, str]


def command(
    selection: ArmSelection | None,
    arms: Sequence[Arm],
    scales: Iterable[int],
    n: int,
    more: Mapping[str, Any] | None = None,
    fresh: bool = False,
) -> str:
    """Shell line of one or more sweeps, joined by &&.

    Args:
        selection: the comparison; None: of the default task.
        arms: which are wanted.
        scales: at which.
        n: replicates of each that shall be there.
        more: further keys, such as probe=hardness.
        fresh: n replicates that nobody looked at, instead of those at hand and more.

    Returns:
        The line; "" where such a run cannot be resolved here.
    """
    points: list[Grid] = []
    for strategy, changes in arms:
        named = {key_of(strategy, name) for other, changed in arms if other == strategy for name in changed}
        by_plan: dict[str, Grid] = {}  # overrides but the scale are those of the plan
        for scale in scales:
            plan = selection.plan(strategy, scale) if selection else ""
            if plan not in by_plan:
                overrides = overrides_of(selection, strategy, changes, scale, more or {}, named)
                if overrides is None:
                    return ""
                by_plan[plan] = overrides
            run: Grid = {"strategy": [strategy], "scale": [short(scale)]} | by_plan[plan]
            points += [run | replicate for replicate in replicates(selection, n, fresh)]
    place = places_to_run(selection.root if selection else None)
    root: Grid = {"root": place} if place else {}
    return " && ".join(
        "python -m benchmarks.sweep "
        + " ".join(f"{key}={shlex.quote(','.join(values))}" for key, values in (grid | root).items())
        for grid in merged(points)
    )


def places_to_run(root: str | Path | None) -> list[str]:
    """[the folder that runs go to], where that is no archive and not the default: [] then."""
    if root is None or str(root) == Runtime.root or (Path(root) / ABOUT).exists():
        return []
    return [str(root)]


def section_of(strategy: str) -> str:
    """How the keys of a strategy begin: ``dp.``."""
    return strategy.replace("-", "_") + "."


def key_of(strategy: str, name: str) -> str:
    """The key of what is chosen for an arm: one of the strategy's, or, with a dot, one of its own section."""
    return name if "." in name else section_of(strategy) + name


def fresh_seeds(selection: ArmSelection | None, n: int) -> range:
    """The n seeds that follow those of a comparison, none of them from TUNED on, which choices are made by."""
    first = max((seed for seed, _ in selection.replicates), default=-1) + 1 if selection else 0
    if first < TUNED < first + n:
        first = FURTHER
    return range(first, first + n)


def replicates(selection: ArmSelection | None, n: int, fresh: bool = False) -> list[Grid]:
    """Those that the comparison has (unless ``fresh``), and following seeds up to n; one each where every seed has its
    own split.
    """
    known = selection.replicates if selection else []
    following = fresh_seeds(selection, n if fresh else max(0, n - len(known)))
    if fresh and selection and selection.group.split is None:
        last = max(split for _, split in known)
        return [{"data.split": [str(last + 1 + k)], "seed": [str(seed)]} for k, seed in enumerate(following)]
    if fresh:
        return [{"seed": spans(following)}]
    seeds = [seed for seed, _ in known]
    if selection and selection.group.split is None:
        last = max(split for _, split in known)
        extra = [(seed, last + 1 + index) for index, seed in enumerate(following)]
        return [{"data.split": [str(split)], "seed": [str(seed)]} for seed, split in [*known, *extra]]
    return [{"seed": spans(sorted({*seeds, *following}))}]


def spans(seeds: Iterable[int]) -> list[str]:
    """[0, 1, 2, 5] -> ["0..2", "5"]."""
    found: list[list[int]] = []
    for seed in seeds:
        if found and found[-1][1] == seed - 1:
            found[-1][1] = seed
        else:
            found.append([seed, seed])
    return [f"{first}..{last}" if last > first else str(first) for first, last in found]


def overrides_of(
    selection: ArmSelection | None,
    strategy: str,
    changes: Mapping[str, Any],
    scale: int,
    more: Mapping[str, Any],
    named: Iterable[str],
) -> Grid | None:
    """What one arm takes, without scale and seed; None where it cannot be resolved.

    ``named``: keys to name even at their default.
    """
    target = {key: value for key, value in example(selection, strategy, changes, scale).items() if key not in more}
    own = {"strategy": strategy, "scale": short(scale)}
    shared = {key: value for key, value in target.items() if not key.startswith(section_of(strategy))}
    common = common_overrides(json.dumps([shared, more])) if shared else dict(more)
    if common is None:
        return None
    overrides, values = missing(json.dumps([own | common, target]))
    if overrides is None:
        return None
    overrides = overrides | {key: text_of(values[key]) for key in sorted(named)}
    return {key: [value] for key, value in overrides.items() if key not in own}


@lru_cache
def common_overrides(text: str) -> Overrides | None:
    """The fewest overrides that give what is shared by all runs of a comparison; None where there are none.

    ``text``: JSON of what is shared and of further keys.
    """
    shared, more = json.loads(text)
    named = {key: text_of(shared[key]) for key in ("task", "teacher", "learner") if key in shared}
    start = {"strategy": "static"} | named | more
    overrides, values = missing(json.dumps([start, shared]))
    if overrides is None:
        return None
    for key in [key for key in overrides if key not in {"strategy", *more}]:
        fewer = {name: value for name, value in overrides.items() if name != key}
        overrides = fewer if resolved(fewer) == values else overrides
    return {key: value for key, value in overrides.items() if key != "strategy"}


@lru_cache
def missing(text: str) -> tuple[Overrides | None, dict[str, Any]]:
    """Overrides, with those added that it takes for every value of a target.

    Args:
        text: JSON of the overrides and of the target.

    Returns:
        The overrides, None where none do, and all values they give.
    """
    overrides, target = json.loads(text)
    for _ in range(4):  # a teacher or task that the overrides name brings keys of its own
        values = resolved(overrides)
        if values is None:
            break
        wrong = {key: text_of(value) for key, value in target.items() if values.get(key) != value}
        if not wrong:
            return overrides, values
        overrides = overrides | wrong
    return None, {}


def example(selection: ArmSelection | None, strategy: str, changes: Mapping[str, Any], scale: int) -> dict[str, Any]:
    """The values that such a run must have, where its data is included: those of a run that is there, else of its
    nearest relative.
    """
    changed = {key_of(strategy, name): value for name, value in changes.items()}
    if selection is None:
        return changed
    arms = [selection.arm(strategy, **changes), selection.arm(strategy)]
    near = next((rows.iloc[0] for rows in (rows[rows["scale"] == scale] for rows in arms) if len(rows)), None)
    row = selection.runs.iloc[0] if near is None else near
    values, other = row["values"] | places_of(row["folder"]) | changed, section_of(row["strategy"])
    free = {"strategy", "scale", "seed", *(["data.split"] if selection.group.split is None else [])}
    if near is not None:
        return {key: value for key, value in values.items() if key not in free}
    return {
        key: value
        for key, value in values.items()
        if key not in free and (key in changed or key not in MEASURING and not key.startswith(other))
    }


def places_of(folder: Path | None) -> dict[str, Any]:
    """Where a run had its data and weights."""
    records = records_of(folder) if isinstance(folder, Path) else []
    return records[0].get("places", {}) if records else {}


def resolved(overrides: Mapping[str, Any]) -> dict[str, Any] | None:
    """Values of a specification and its places; None where there is no such."""
    try:
        found = resolve([f"{key}={value}" for key, value in overrides.items()])
    except BadInput:
        return None
    return found.values | found.places


def text_of(value: Any) -> str:
    """A value as an override has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return short(value) if type(value) is int else format_value(value)


def merged(points: Iterable[Grid]) -> list[Grid]:
    """Fewer grids that stand for the same runs: those of one strategy that differ in one key are one; then those that
    differ in the strategy and what is its own.
    """
    grids: list[Grid] = []
    for point in points:
        if point not in grids:
            grids.append(point)
    for join in (same_strategy, across_strategies):
        while couple := first_couple(grids, join):
            one, other, both = couple
            grids[one] = both
            del grids[other]
    return grids


def first_couple(grids: list[Grid], join: Callable[[Grid, Grid], Grid | None]) -> tuple[int, int, Grid] | None:
    """(index, index, the two as one grid) of the first two that can be one."""
    for one, other in sorted(combinations(range(len(grids)), 2), key=lambda couple: couple[::-1]):
        if both := join(grids[one], grids[other]):
            return one, other, both
    return None


def same_strategy(a: Grid, b: Grid) -> Grid | None:
    """Two grids of one strategy as one, if they differ in one key."""
    differing = [key for key in a if a[key] != b.get(key)]
    if a["strategy"] != b["strategy"] or set(a) != set(b) or len(differing) != 1:
        return None
    (key,) = differing
    return a | {key: [*a[key], *(value for value in b[key] if value not in a[key])]}


def across_strategies(a: Grid, b: Grid) -> Grid | None:
    """Two grids of several strategies as one, if they differ in what is their own only."""
    own = {strategy.replace("-", "_") for strategy in (*a["strategy"], *b["strategy"])}
    differing = [key for key in a | b if a.get(key) != b.get(key) and key != "strategy"]
    if set(a["strategy"]) & set(b["strategy"]) or any(key.partition(".")[0] not in own for key in differing):
        return None
    shared = {key: values for key, values in (a | b).items() if key != "strategy"}
    return {"strategy": [*a["strategy"], *b["strategy"]]} | shared
