"""Short names of methods: an arm that one preset of a rival made is called by that, ``rivals/ltg``, not by its keys."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

PREFIX = "preset "  # of the source of a key that a preset chose
RIVALS = "rivals/"


def with_presets(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with the arms of presets of rivals named by these, and by what was chosen beside."""
    found = names_of(runs)
    return runs.assign(arm=runs["arm"].map(lambda arm: found.get(arm, arm))) if found else runs


def names_of(runs: pd.DataFrame) -> dict[str, str]:
    """{arm: short name} of the arms that a preset of a rival made in all of their runs; no name comes twice."""
    found: dict[str, str] = {}
    for arm, mine in runs.groupby("arm"):
        names = {name_of(str(arm), chosen, strategy) for chosen, strategy in zip(mine["chosen"], mine["strategy"])}
        if len(names) == 1 and (name := names.pop()):
            found[str(arm)] = name
    return {arm: name for arm, name in found.items() if list(found.values()).count(name) == 1}


def name_of(arm: str, chosen: Any, strategy: str) -> str | None:
    """The short name of one run's arm; None where no preset of a rival, or several, chose of it."""
    if not isinstance(chosen, Mapping) or any("=" not in word for word in arm.split(" ")[1:]):
        return None
    presets = {source_of(chosen, key) for key in chosen}
    rivals = {source for source in presets if source.startswith(PREFIX + RIVALS)}
    if len(rivals) != 1:
        return None
    section, preset = strategy.replace("-", "_"), rivals.pop()
    words = [
        word
        for word in arm.split(" ")[1:]
        if preset not in {source_of(chosen, key) for key in (word.split("=")[0], f"{section}.{word.split('=')[0]}")}
    ]
    return " ".join([preset.removeprefix(PREFIX), *words])


def source_of(chosen: Mapping[str, Any], key: str) -> str:
    """Who chose a key; "" of nobody."""
    return str(chosen[key]["source"]) if key in chosen else ""
