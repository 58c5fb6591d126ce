"""The grids of the rivals: every arm resolves, tuning and reporting share no seed, none is tuned by more than six."""

import re
from pathlib import Path

import pytest

from dp_common.config import registry
from dp_common.config.grid import expand
from dp_common.config.resolve import resolve

GRIDS = Path(__file__).parents[2] / "benchmarks" / "grids"


def entries(name):
    """(keys without the seed, its first and last) of each entry of a grid."""
    for entry in registry.find("grid", name).load():
        entry = dict(entry)
        yield entry, [int(seed) for seed in entry.pop("seed").split("..")]


def points(entry):
    return expand([f"{key}={value}" for key, value in entry.items()])


@pytest.mark.parametrize("name", ["rivals", "rivals-tuning", "rivals-plane"])
def test_every_arm_resolves_to_a_run_of_its_own(name):
    ids, runs = [], 0
    for entry, (first, last) in entries(name):
        for words in points(entry):
            ids.append(resolve([*words, f"seed={first}"]).run_id)
            runs += last - first + 1
    assert len(set(ids)) == len(ids)
    said = re.search(r"([\d,]+) runs", (GRIDS / f"{name}.yaml").read_text().partition("\n")[0])[1]
    assert int(said.replace(",", "")) == runs


def test_seeds_of_tuning_are_no_others():
    tuned = {seed for _, (first, last) in entries("rivals-tuning") for seed in range(first, last + 1)}
    shown = {seed for _, (first, last) in entries("rivals") for seed in range(first, last + 1)}
    assert min(tuned) >= 100 and not tuned & shown and len(shown) == 16


def test_no_method_has_more_settings_than_six():
    for entry, _ in entries("rivals-tuning"):
        scores = len(entry.get("dp.score", "").split(","))
        assert len(points(entry)) <= 6 * scores, entry
