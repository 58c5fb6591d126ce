"""Presets and grids as YAML files: a preset is a mapping of keys, nested or with dots; a grid a list of mappings to
values or lists.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from dp_common.errors import BadInput

SUFFIXES = (".yaml", ".yml")


def first_comment(path: Path) -> str:
    """The first line of a file, if it is a comment: what it says of itself."""
    first = path.read_text().partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping a YAML file holds; an empty file is an empty one. Raises BadInput."""
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise BadInput("preset", path, f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content or {}, dict):
        raise BadInput("preset", path, "a YAML mapping, key: value")
    return content or {}


def read_grid(path: Path) -> list[dict[str, str]]:
    """The entries of a grid file: [{key: "value,value"}], as on the command line; a quoted value is one value, commas
    and all.

    Raises:
        BadInput: no YAML, or not such a list.
    """
    name = str(path)
    try:
        top = yaml.compose(path.read_text(), yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise BadInput("grid", name, f"not YAML: {' '.join(str(error).split())}") from error
    entries = top.value if isinstance(top, yaml.SequenceNode) else []
    if not entries or not all(isinstance(entry, yaml.MappingNode) and entry.value for entry in entries):
        raise BadInput("grid", name, "a YAML list of mappings, key: value or key: [values]")
    return [{key.value: ",".join(_texts(key.value, value)) for key, value in entry.value} for entry in entries]


def _texts(key: str, node: yaml.Node) -> Iterator[str]:
    """The text of a value, or of each of a list."""
    for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
        if not isinstance(item, yaml.ScalarNode) or not item.value:
            raise BadInput(key, None, "in a grid, a value or a list of values; write nested keys with dots, dp.omega")
        quoted = item.style in ("'", '"') and any(mark in item.value for mark in (",", "..", '"'))
        yield '"' + item.value.replace("\\", "\\\\").replace('"', '\\"') + '"' if quoted else item.value
