"""Unit costs: each item in turn, medians, ratios to the item it is compared with, and the file that prices= reads."""

import csv
from fnmatch import fnmatch
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import speed, unit_costs
from benchmarks.speed_suites import Item, Setting
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput

CPU = SimpleNamespace(type="cpu")


def test_items_are_timed_in_turn_after_a_round_to_warm_up():
    calls = []
    items = {name: Item("images", 10, lambda name=name: calls.append(name)) for name in ("a", "b")}
    seconds, peaks = speed.measure(items, 2, CPU)
    assert calls == ["a", "b"] * 3 and {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}
    assert peaks == {"a": None, "b": None}


def test_rows_are_medians_and_ratios_of_them(monkeypatch):
    monkeypatch.setattr("dp_common.device.label", lambda device: "cpu")
    items = {"plain": Item("images", 2, print), "guided": Item("images", 2, print, "plain", flops=8e12)}
    seconds = {"plain": [1.0, 2.0, 9.0], "guided": [8.0, 1.0, 4.0]}
    rows = speed.cost_rows(items, seconds, {"plain": None, "guided": None}, speed.Options(repeat=3), CPU)
    assert [row["seconds_per_unit"] for row in rows] == [2.0, 4.0]
    assert (rows[1]["ratio"], rows[1]["tflop_per_second"], rows[1]["compared_with"]) == (2.0, 1.0, "plain")
    assert rows[0]["ratio"] is None and "2.00 x plain   1 TFLOP/s" in speed.row_text(rows[1])
    read = list(csv.DictReader(speed.as_csv(rows).splitlines()))
    assert list(read[0]) == speed.COLUMNS and read[1]["seconds_per_unit"] == "4"


def test_a_suite_writes_its_costs(tmp_path, capsys):
    out = tmp_path / "new" / "costs.csv"
    assert speed.main(["suite=unet", "repeat=1", "block=2", f"out={out}"]) == 0
    names = [row["item"] for row in csv.DictReader(out.read_text().splitlines())]
    assert names[:2] == ["unet.plain", "unet.diffusers_pipeline"] and len(names) == 6
    assert "x unet.diffusers_pipeline" in capsys.readouterr().out


SMALL = {  # suite: what its module holds instead, for its items to be built with next to nothing
    "loader": {"IMAGES": 4, "SIZE": 8, "pictures": lambda n: iter(np.zeros((2, 3, 8, 8), np.uint8))},
    "methods": {
        "GUIDED": {"entropy": ("entropy", []), "hardness": ("hardness", [])},
        "SCORED": ("entropy",),
        "AROUND": ("hardness",),
        "PRESENT": 100,
        "SET": 100,
        "WIDTH": 2,
    },
    "ranks": {"Crew": lambda *_: SimpleNamespace(call=None)},
    "selection": {"KEPT": {"few": (20, 2)}},
    "stable-diffusion": {
        "SIDE": 2,
        "write": lambda *_: None,
        "resolve": lambda words: loaded("strategy=static", *CHEAP),
    },
    "startup": {"start": lambda words: None},
    "teacher": {"flops_of": lambda call: 1.0},
}
CHEAP = ("sampler.steps=2", "mixture.components=2")


def loaded(*words):
    run = resolve(words)
    run.task.load(0)
    return run


@pytest.mark.parametrize("suite", speed.suites())
def test_items_are_called_what_their_suite_says_and_nothing_is_said_in_vain(suite, monkeypatch):
    for of in {suite, "teacher"}:
        for name, value in SMALL.get(of, {}).items():
            monkeypatch.setattr(speed.module_of(of), name, value)
    module = speed.module_of(suite)
    setting = Setting(torch.device("cpu"), block=2, workers=0, overrides=CHEAP if module.RUN_KEYS else ())
    names = list(module.items(setting))
    assert [name for name in names if not any(fnmatch(name, known) for known in module.NAMES)] == []
    assert [known for known in module.NAMES if not any(fnmatch(name, known) for name in names)] == []


def test_every_suite_says_whether_keys_of_a_run_change_it():
    takes = {suite for suite in speed.suites() if speed.module_of(suite).RUN_KEYS}
    assert takes == {"teacher", "ranks", "stable-diffusion", "methods", "pool"} and {"digits", "unet", "loader"} <= set(
        speed.suites()
    )


def test_unit_costs_have_names_and_their_old_places_a_successor(tmp_path, monkeypatch):
    from results.analysis import repricing

    for name in unit_costs.names():
        assert repricing.load(unit_costs.path_of("prices", name)).name == f"{name}.csv"
    assert {"cpu", "digits-unet"} <= set(unit_costs.names())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").touch()
    assert unit_costs.path_of("prices", "mine.csv") == "mine.csv"
    with pytest.raises(BadInput, match="^prices=results/measured/speed/cpu.csv: is now prices=cpu$"):
        unit_costs.path_of("prices", "results/measured/speed/cpu.csv")
    with pytest.raises(BadInput, match="Did you mean digits-unet?"):
        unit_costs.path_of("prices", "digits-uent")


def test_what_a_start_is_spent_on(monkeypatch):
    from benchmarks.speed_suites import startup

    started = []
    monkeypatch.setattr(startup, "start", lambda words: started.append(words))
    items = startup.items(SimpleNamespace())
    for _ in range(2):
        items["start.run"].call()
    roots = [words[-1] for words in started]
    assert len(set(roots)) == 3 and len(items) == len(startup.COMMANDS) + 3  # a run that is new each time
    assert {item.reference for item in items.values()} == {None, "start.python"}


def test_a_start_that_fails_is_no_timing():
    from benchmarks.speed_suites.startup import start

    start(["-c", "pass"])
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        start(["-c", "1 / 0"])


def test_a_block_of_a_pool_is_dearer_made_than_taken(tmp_path):
    out, words = tmp_path / "costs.csv", ["teacher=unet", "task=digits-1797", "sampler.steps=5"]
    assert speed.main(["suite=pool", "repeat=1", "block=32", "clock=cpu", *words, f"out={out}"]) == 0
    made, taken = csv.DictReader(out.read_text().splitlines())
    assert (made["item"], taken["item"], taken["compared_with"]) == ("unet.pool.made", "unet.pool.taken", made["item"])
    assert float(taken["ratio"]) < 0.5


@pytest.mark.slow
def test_what_methods_cost_beside_the_plain_one(monkeypatch, capsys):
    from benchmarks.speed_suites import methods

    monkeypatch.setattr(methods, "SET", 1000)
    assert speed.main(["suite=methods", "repeat=1", "block=4"]) == 0
    said = capsys.readouterr().out
    assert all(f"guided.{name} " in said for name in methods.GUIDED) and "rule.kcentre " in said


def test_only_what_is_asked_for_is_timed(tmp_path, capsys):
    out = tmp_path / "costs.csv"
    assert speed.main(["suite=unet", "repeat=1", "block=2", "items=*decoder*,no.such", f"out={out}"]) == 0
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["item"] for row in rows] == ["unet.relative.decoder.every1", "unet.relative.decoder.every5"]
    assert {(row["compared_with"], row["ratio"]) for row in rows} == {("", "")}


@pytest.mark.parametrize("pattern", ["vit", "sampel.plain", "*.plan"])
def test_a_pattern_that_fits_nothing_is_one_line_before_anything_is_built(pattern, monkeypatch):
    monkeypatch.setattr(speed.devices, "named", None)
    with pytest.raises(
        BadInput, match=r"^items=.*: matches none of \d+ items, such as (.*sample.plain|.*unet.plain)"
    ) as said:
        speed.main(["suite=digits,unet", f"items={pattern}"])
    assert len(str(said.value)) < 200


@pytest.mark.parametrize(
    ("one", "other", "fit"),
    [
        ("a*", "*b", True),
        ("*a", "*b", False),
        ("a?c", "*bc", True),
        ("[ab]c", "bc", True),
        ("a", "ab", False),
        ("*", "", True),
    ],
)
def test_whether_two_patterns_have_a_name_in_common(one, other, fit):
    assert speed.overlap(one, other) == speed.overlap(other, one) == fit
