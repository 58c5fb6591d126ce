"""The grids of the rivals: every arm resolves, tuning and reporting share no seed, none is tuned by more than six
settings, and no method is forgotten.
"""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import tuned
from benchmarks.grid_files import combine
from dp_common.config import registry
from dp_common.config.resolve import resolve
from dp_common.config.typed import is_number

GRIDS = Path(__file__).parents[2] / "benchmarks" / "grids"


def entries(name):
    """(keys without the seed, its first and last) of each entry of a grid."""
    for entry in registry.find("grid", name).load():
        entry = dict(entry)
        yield entry, [int(seed) for seed in entry.pop("seed").split("..")]


def ends(entry):
    """The first and the last of each list of numbers."""
    several = {key: value.split(",") for key, value in entry.items() if all(map(is_number, value.split(",")))}
    return entry | {key: ",".join(dict.fromkeys([values[0], values[-1]])) for key, values in several.items()}


def points(entry):
    return combine([entry], {})


TUNED = {"rivals-tuning": "rivals", "rivals-plane-tuning": "rivals-plane", "rivals-unet-tuning": "rivals-unet"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if "unet" in name else []) for name in [*TUNED, *TUNED.values()]],
)
def test_every_arm_resolves_to_a_run_of_its_own(name):
    """Of the settings that a method is tuned by the least and the largest."""
    ids, runs = [], 0
    for entry, (first, last) in entries(name):
        runs += len(points(entry)) * (last - first + 1)
        ids += [resolve([*words, f"seed={first}"]).run_id for words in points(ends(entry) if name in TUNED else entry)]
    assert len(set(ids)) == len(ids)
    said = re.search(r"([\d,]+) runs", (GRIDS / f"{name}.yaml").read_text().partition("\n")[0])[1]
    assert int(said.replace(",", "")) == runs


@pytest.mark.parametrize("tuning, shown", TUNED.items())
def test_seeds_of_tuning_are_no_others(tuning, shown):
    seeds = [
        {seed for _, (first, last) in entries(name) for seed in range(first, last + 1)} for name in (tuning, shown)
    ]
    assert min(seeds[0]) >= 100 and not seeds[0] & seeds[1] and len(seeds[1]) == 16


@pytest.mark.parametrize("name", TUNED)
def test_no_method_has_more_settings_than_six(name, monkeypatch):
    """As the application counts them that reads the grid."""

    def resolved(words):
        said = dict(word.split("=", 1) for word in words)
        return SimpleNamespace(run_id=" ".join(words), values={"seed": 0, "data.split": 0} | said)

    monkeypatch.setattr(tuned, "resolve", resolved)
    asked = tuned.asked_of([points(entry) for entry, _ in entries(name)])
    assert all(2 <= len(settings) <= 6 for settings in asked.values())


def chosen(name):
    """{(key, value)} of all words of a grid."""
    return {tuple(word.split("=", 1)) for entry, _ in entries(name) for point in points(entry) for word in point}


def test_every_method_stands_in_the_grid():
    """A new plugin belongs into it; ``newest`` and ``lot`` are refresh's."""
    words = chosen("rivals")
    values = {kind: {value for key, value in words if key.rpartition(".")[2] == kind} for kind in ("score", "rule")}
    presets = {"variance", "predecessor"}  # of rivals/ltg and rivals/fg
    scores = {name for name, plugin in registry.built_in("score").items() if not plugin.constant("BLIND", False)}
    assert scores <= values["score"] | presets | {"entropy"}
    rules = {*registry.built_in("guidance rule"), *registry.built_in("selection rule")} - {"newest", "lot"}
    assert rules <= values["rule"] | presets | {"relative"}
    named = {value for key, value in words if key == "strategy"}
    assert set(registry.built_in("strategy")) <= named
    small = {name for name in registry.built_in("preset") if name.startswith("rivals/") and "imagenet" not in name}
    assert small - {"rivals/kshot"} <= {value for key, value in words if key == "preset"}  # kshot is mix, k = 2


def test_every_weight_of_the_grid_is_tuned():
    """Of each score, guidance rule and loop that has one."""
    shown, settings = chosen("rivals"), chosen("rivals-tuning")
    words = {(key, value) for key, value in shown if key in ("dp.score", "dp.rule", "preset", "refresh.drop")}
    assert words <= settings
    without = {"real", "mix", "fresh"}  # no weight, or dp's own
    assert {value for key, value in shown - settings if key == "strategy"} <= without
