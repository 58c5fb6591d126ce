"""Grids as files: ``grid=NAME`` is a list in benchmarks/grids/, each entry a mapping of keys to values or lists.

    - strategy: [static, dp]          # one grid, as strategy=static,dp scale=1k,2k seed=0..4 on the command line
      scale: [1k, 2k]
      seed: 0..4
    - preset: [paper/imagenet100-640k, paper/imagenet100-static-260k]

Keys of the command line replace the same key in every entry; a strategy's own parameter only where that strategy is.
"""

from collections.abc import Iterator, Sequence

from dp_common.config import grid, registry
from dp_common.config.presets import read_preset
from dp_common.errors import BadInput

Entry = dict[str, str]  # key: values by commas


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """Overrides, with or without ``grid=``, as one list of plain overrides per run. Raises BadInput."""
    chosen = [word for word in overrides if word.startswith("grid=")]
    if not chosen:
        return grid.expand(overrides)
    if len(chosen) > 1:
        raise BadInput("grid", chosen[1].partition("=")[2], f"given twice, first as {chosen[0].partition('=')[2]}")
    asked: Entry = {}
    for word in overrides:
        key, equals, value = word.partition("=")
        if not equals or not value:
            raise BadInput(word, None, "expected key=value, or key=value,value or key=first..last")
        if key in asked:
            raise BadInput(key, value, f"given twice, first as {asked[key]}")
        if key != "grid":
            asked[key] = value
    return combine(read(chosen[0].partition("=")[2]), asked)


def read(name: str) -> list[Entry]:
    """The entries of a grid by name or path. Raises BadInput."""
    return registry.find("grid", name).load()


def combine(entries: Sequence[Entry], asked: Entry) -> list[list[str]]:
    """Every entry with the keys of the command line in it, expanded; runs that come out equal are one.

    Raises:
        BadInput: a key of the command line that fits no entry.
    """
    for name in grid.values_of("strategy", asked["strategy"]) if "strategy" in asked else ():
        registry.find("strategy", name)
    points: list[list[str]] = []
    used: set[str] = set()
    for entry, own in by_preset(entries):
        strategies = grid.values_of("strategy", (entry | asked).get("strategy", own or "dp"))
        owners = grid.owners_of({name: registry.find("strategy", name) for name in strategies})
        fitting = {
            key: value
            for key, value in asked.items()
            if set(owners.get(grid.section(key), strategies)) & set(strategies)
        }
        used |= set(fitting)
        merged = entry | fitting
        # what the preset says of the strategy is for the expansion alone, which cannot know it
        known = [f"strategy={own}"] if own and "strategy" not in merged else []
        for expanded in grid.expand([*known, *(f"{key}={value}" for key, value in merged.items())]):
            point = [word for word in expanded if word not in known]
            if point not in points:
                points.append(point)
    for key, value in asked.items():
        if key not in used:
            raise BadInput(key, value, f"the grid has no strategy={grid.section(key).replace('_', '-')}")
    return points


def by_preset(entries: Sequence[Entry]) -> Iterator[tuple[Entry, str | None]]:
    """(entry with one preset or none, the strategy that the preset names) for each preset of each entry."""
    for entry in entries:
        if "preset" not in entry:
            yield entry, None
            continue
        for preset in grid.values_of("preset", entry["preset"]):
            yield entry | {"preset": preset}, str(read_preset(preset).get("strategy", "dp"))
