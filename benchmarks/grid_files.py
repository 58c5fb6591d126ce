"""Grids as files: ``grid=NAME`` is a list in the folder grids/, each entry a mapping of keys.

    - strategy: [static, dp]          # one grid, as strategy=static,dp scale=1k,2k seed=0..4 on the command line
      scale: [1k, 2k]
      seed: 0..4
    - preset: [paper/imagenet100-640k, paper/imagenet100-static-260k]

Words of the command line replace the same key in every entry; a strategy's own parameter only where that strategy is.
"""

from pathlib import Path

import yaml

from dp_common.config import grid, registry
from dp_common.config.resolve import PRESETS, read_preset
from dp_common.errors import BadInput, did_you_mean

FOLDER = Path(__file__).parent / "grids"


def names():
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


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
        if key != "grid":
            asked[key] = value
    return combine(read(chosen[0].partition("=")[2]), asked)


def read(name):
    """The entries of a grid file: [{key: "value,value"}]. Raises BadInput."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise BadInput(
            "grid", name, f"one of {', '.join(names())}, or a path to a .yaml file.{did_you_mean(name, names())}"
        )
    try:
        content = yaml.load(path.read_text(), yaml.BaseLoader)  # all text, as on the command line
    except yaml.YAMLError as error:
        raise BadInput("grid", name, f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, list) or not all(isinstance(entry, dict) and entry for entry in content):
        raise BadInput("grid", name, "a YAML list of mappings, key: value or key: [values]")
    return [
        {
            key: ",".join(text(value, key) for value in (values if isinstance(values, list) else [values]))
            for key, values in entry.items()
        }
        for entry in content
    ]


def text(value, key):
    if not isinstance(value, str) or not value:
        raise BadInput(key, value, "in a grid, a value or a list of values; write nested keys with dots, dp.omega")
    return value


def combine(entries, asked):
    """Every entry with the words of the command line in it, expanded; runs that come out equal are one."""
    sections = {plugin.section: plugin.name for plugin in registry.plugins("strategy").values()}
    points, used = [], set()
    for entry in entries:
        for preset in grid.values_of("preset", entry["preset"]) if "preset" in entry else [None]:
            single = entry | ({"preset": preset} if preset else {})
            own = str(read_preset(preset, PRESETS).get("strategy", "dp")) if preset else None
            strategies = grid.values_of("strategy", (single | asked).get("strategy", own or "dp"))
            fitting = {
                key: value
                for key, value in asked.items()
                if "." not in key or sections.get(key.partition(".")[0]) in (None, *strategies)
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
            raise BadInput(key, asked[key], f"the grid has no strategy={sections[key.partition('.')[0]]}")
    return points
