"""The command that would decide a claim: words of ``benchmarks.sweep`` that stand for exactly the runs that are missing, and those that are
there. Words are what the specification of a run of the comparison needs beyond the defaults, found by resolving them.
"""

import json
import shlex
from functools import lru_cache
from pathlib import Path

from dp_common.config.resolve import resolve
from dp_common.config.specification import Runtime, short
from dp_common.errors import BadInput
from dp_common.persistence import ledger
from results.analysis.arms import shown
from results.analysis.comparisons import MEASURING

USUAL_SCALES = (500, 1_000, 2_000, 4_000)


def command(comparison, arms, scales, n, more=None):
    """Shell line of one or more sweeps, joined by &&: ``arms`` [(strategy, changes)] at ``scales``, so that n replicates of each are
    there. ``comparison`` None: of the default task. ``more``: further words, such as probe=hardness. "" where such a run cannot be resolved here.
    """
    points = []
    for strategy, changes in arms:
        told = {
            f"{strategy.replace('-', '_')}.{name}" for other, changed in arms if other == strategy for name in changed
        }
        by_plan = {}  # words but the scale are those of the plan
        for scale in scales:
            plan = comparison.plan(strategy, scale) if comparison else ""
            if plan not in by_plan:
                by_plan[plan] = words_of(comparison, strategy, changes, scale, more or {}, told)
            if by_plan[plan] is None:
                return ""
            points += [
                {"strategy": [strategy], "scale": [short(scale)]} | by_plan[plan] | unit
                for unit in units(comparison, n)
            ]
    root = {} if comparison is None or str(comparison.root) == Runtime.root else {"root": [str(comparison.root)]}
    return " && ".join(
        "python -m benchmarks.sweep "
        + " ".join(f"{key}={shlex.quote(','.join(values))}" for key, values in (grid | root).items())
        for grid in merged(points)
    )


def units(comparison, n):
    """[{"seed": [...], ...}]: those that the comparison has, and following seeds up to n; one each where every seed has its own split."""
    known = comparison.replicates if comparison else []
    seeds = [seed for seed, _ in known]
    following = range(max(seeds, default=-1) + 1, max(seeds, default=-1) + 1 + max(0, n - len(known)))
    if comparison and comparison.group.split is None:
        last = max(split for _, split in known)
        extra = [(seed, last + 1 + place) for place, seed in enumerate(following)]
        return [{"data.split": [str(split)], "seed": [str(seed)]} for seed, split in [*known, *extra]]
    return [{"seed": spans(sorted({*seeds, *following}))}]


def spans(seeds):
    """[0, 1, 2, 5] -> ["0..2", "5"]."""
    found = []
    for seed in seeds:
        if found and found[-1][1] == seed - 1:
            found[-1][1] = seed
        else:
            found.append([seed, seed])
    return [f"{first}..{last}" if last > first else str(first) for first, last in found]


def words_of(comparison, strategy, changes, scale, more, told):
    """{key: [text]} of one arm, without scale and seed; None where it cannot be resolved. Keys in ``told`` are named even at their default."""
    target = {key: value for key, value in example(comparison, strategy, changes, scale).items() if key not in more}
    own, section = {"strategy": strategy, "scale": short(scale)}, strategy.replace("-", "_") + "."
    shared = {key: value for key, value in target.items() if not key.startswith(section)}
    common = common_words(json.dumps([shared, more])) if shared else more
    words, values = missing(json.dumps([own | common, target])) if common is not None else (None, None)
    if words is None:
        return None
    return {
        key: [value]
        for key, value in (words | {key: text_of(values[key]) for key in sorted(told)}).items()
        if key not in own
    }


@lru_cache
def common_words(text):
    """{key: text} that gives what is shared by all runs of a comparison, as few as will do; None where there are none."""
    shared, more = json.loads(text)
    start = {"strategy": "static"} | {key: text_of(shared[key]) for key in ("task", "teacher", "learner")} | more
    words, values = missing(json.dumps([start, shared]))
    if words is None:
        return None
    for key in [key for key in words if key not in {"strategy", *more}]:
        fewer = {name: value for name, value in words.items() if name != key}
        words = fewer if resolved(fewer) == values else words
    return {key: value for key, value in words.items() if key != "strategy"}


@lru_cache
def missing(text):
    """Of (words, target) as JSON: (words with those added that it takes for every value of the target, all values they give); (None, None) where
    none do.
    """
    words, target = json.loads(text)
    for _ in range(4):  # a teacher or task that the words name brings keys of its own
        values = resolved(words)
        if values is None:
            break
        wrong = {key: text_of(value) for key, value in target.items() if values.get(key) != value}
        if not wrong:
            return words, values
        words = words | wrong
    return None, None


def example(comparison, strategy, changes, scale):
    """{key: value} that such a run must have, where its data is included: those of a run that is there, else of its nearest relative."""
    section = strategy.replace("-", "_") + "."
    changed = {section + name: value for name, value in changes.items()}
    if comparison is None:
        return changed
    arms = [comparison.arm(strategy, **changes), comparison.arm(strategy)]
    near = next((rows.iloc[0] for rows in (rows[rows["scale"] == scale] for rows in arms) if len(rows)), None)
    row = comparison.rows.iloc[0] if near is None else near
    values = row["values"] | places_of(row) | changed
    other = row["strategy"].replace("-", "_") + "."
    dealt = {"strategy", "scale", "seed", *(["data.split"] if comparison.group.split is None else [])}
    return {
        key: value
        for key, value in values.items()
        if key not in dealt
        and (near is not None or key in changed or key not in MEASURING and not key.startswith(other))
    }


def places_of(row):
    """Where the run had its data and weights."""
    return ledger.read(row["folder"])[0].get("places", {}) if isinstance(row["folder"], Path) else {}


def resolved(words):
    """Values of a specification and its places, else None."""
    try:
        found = resolve([f"{key}={value}" for key, value in words.items()])
    except BadInput:
        return None
    return found.values | found.places


def text_of(value):
    return short(value) if type(value) is int else str(value).lower() if isinstance(value, bool) else shown(value)


def merged(points):
    """[{key: [text]}] -> fewer such grids that stand for the same runs: those of one strategy that differ in one key are one; then those that
    differ in the strategy and what is its own.
    """
    grids = []
    for point in points:
        if point not in grids:
            grids.append(point)
    for join in (same_strategy, across_strategies):
        couple = first_couple(grids, join)
        while couple:
            one, other, both = couple
            grids[one] = both
            del grids[other]
            couple = first_couple(grids, join)
    return grids


def first_couple(grids, join):
    """(place, place, the two as one grid) of the first two that can be one, else None."""
    joined = ((one, other, join(grids[one], grids[other])) for other in range(len(grids)) for one in range(other))
    return next((couple for couple in joined if couple[2]), None)


def same_strategy(a, b):
    differing = [key for key in a if a[key] != b.get(key)]
    if a["strategy"] == b["strategy"] and set(a) == set(b) and len(differing) == 1:
        return a | {key: [*a[key], *(value for value in b[key] if value not in a[key])] for key in differing}
    return None


def across_strategies(a, b):
    own = {strategy.replace("-", "_") for strategy in (*a["strategy"], *b["strategy"])}
    differing = [key for key in a | b if a.get(key) != b.get(key) and key != "strategy"]
    if not set(a["strategy"]) & set(b["strategy"]) and all(key.partition(".")[0] in own for key in differing):
        return {"strategy": [*a["strategy"], *b["strategy"]]} | {
            key: values for key, values in (a | b).items() if key != "strategy"
        }
    return None
