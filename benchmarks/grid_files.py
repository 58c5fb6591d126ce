"""Grids as files: ``grid=NAME`` is a list in benchmarks/grids/, each entry a mapping of keys to a value or a list of values.

    - strategy: [static, dp]          # one grid, as strategy=static,dp scale=1k,2k seed=0..4 on the command line
      scale: [1k, 2k]
      seed: 0..4
    - preset: [paper/imagenet100-640k, paper/imagenet100-static-260k]

Words of the command line replace the same key in every entry; a strategy's own parameter only where that strategy is.
"""

from dp_common.config import grid, registry
from dp_common.config.presets import read_preset
from dp_common.errors import BadInput

def expand(words):
    """Words, with or without ``grid=``, -> one list of plain words per run. Raises BadInput."""
    chosen = [word for word in words if word.startswith("grid=")]
    if not chosen:
        return grid.expand(words)
    if len(chosen) > 1:
        raise BadInput("grid", chosen[1].partition("=")[2], f"given twice, first as {chosen[0].partition('=')[2]}")
    asked = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not value:
            raise BadInput(word, None, "expected key=value, or key=value,value or key=first..last")
        if key in asked:
            raise BadInput(key, value, f"given twice, first as {asked[key]}")
        if key != "grid":
            asked[key] = value
    return combine(read(chosen[0].partition("=")[2]), asked)


def read(name):
    """The entries of a grid by name or path: [{key: "value,value"}]. Raises BadInput."""
    return registry.find("grid", name).load()


def combine(entries, asked):
    """Every entry with the words of the command line in it, expanded; runs that come out equal are one."""
    points, used = [], set()
    for name in grid.values_of("strategy", asked["strategy"]) if "strategy" in asked else ():
        registry.find("strategy", name)
    for entry in entries:
        for preset in grid.values_of("preset", entry["preset"]) if "preset" in entry else [None]:
            single = entry | ({"preset": preset} if preset else {})
            own = str(read_preset(preset).get("strategy", "dp")) if preset else None
            strategies = grid.values_of("strategy", (single | asked).get("strategy", own or "dp"))
            owners = grid.owners_of({name: registry.find("strategy", name) for name in strategies})
            fitting = {
                key: value
                for key, value in asked.items()
                if set(owners.get(grid.section(key), strategies)) & set(strategies)
            }
            used |= set(fitting)
            merged = single | fitting
            known = (
                [f"strategy={own}"] if own and "strategy" not in merged else []
            )  # the preset says so, grid.expand cannot know
            for point in grid.expand(known + [f"{key}={value}" for key, value in merged.items()]):
                point = [word for word in point if word not in known]
                if point not in points:
                    points.append(point)
    for key in asked:
        if key not in used:
            owner = grid.section(key).replace("_", "-")
            raise BadInput(key, asked[key], f"the grid has no strategy={owner}")
    return points
