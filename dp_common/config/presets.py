"""Presets: YAML files of keys, by name (``preset=paper/imagenet1k-640k``) or path; ``base:`` names another to stand
on.
"""

from typing import Any

from dp_common.config import registry
from dp_common.config.typed import flatten


def read_preset(name: str) -> dict[str, Any]:
    """{key: value} of a preset, nested keys with dots, over those of its base. Raises BadInput."""
    own = flatten(registry.find("preset", name).load())
    base = own.pop("base", None)
    return (_base(base) if base else {}) | own


def _base(name: str) -> dict[str, Any]:
    """A base may be a file that is no preset of its own: _NAME in the folder."""
    folder, _, last = name.rpartition("/")
    if last.startswith("_"):
        for place in registry.folders_of(registry.FOLDERS["preset"]):
            if (place / f"{name}.yaml").is_file():
                return read_preset(str(place / f"{name}.yaml"))
    return read_preset(name)
