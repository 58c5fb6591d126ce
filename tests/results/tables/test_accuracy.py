"""Accuracy by arm and scale: cells, what is missing, the ceiling, captions."""

import re

from scipy import stats as scipy_stats

from results import load
from results.tables import paired
from results.tables.accuracy import tables
from results.tables.csv import numbers
from tests.results.tables.shown import seeds as some
from tests.results.tables.shown import texts


def accuracy(make):
    (table,) = tables(load(make.root).single())
    return table


def test_a_cell_is_mean_interval_and_n(make):
    values = [0.90, 0.92, 0.94, 0.92]
    some(make, "strategy=static scale=1k", values)
    low, high = scipy_stats.t.interval(0.95, 3, loc=0.92, scale=scipy_stats.sem(values))
    assert texts(accuracy(make))["static"]["1k"] == f"92.0 [{100 * low:.1f}, {100 * high:.1f}] n=4"


def test_below_four_seeds_there_is_no_interval(make):
    some(make, "strategy=static scale=1k", [0.90, 0.92, 0.94])
    assert texts(accuracy(make))["static"]["1k"] == "92.0 n=3"


def test_missing_runs_hide_the_mean_and_empty_cells_are_dashes(make):
    some(make, "strategy=static scale=1k", [0.9] * 5)
    some(make, "strategy=dp scale=1k", [0.9] * 2)
    make("strategy=dp scale=1k seed=4", state="interrupted")
    some(make, "strategy=static scale=2k", [0.9] * 5)
    table = accuracy(make)
    assert texts(table)["dp"] == {"1k": "—(2/5)", "2k": "—"}
    assert any(note.startswith("—(2/5): 2 of 5 seeds") for note in table.notes)
    assert "Not finished: 1 interrupted." in table.notes
    whole = numbers(load(make.root)).set_index(["arm", "scale"]).loc[("dp", 1000)]
    assert (whole["n"], whole["expected"], whole["complete"], whole["accuracy_mean_percent"]) == (2, 5, False, 90)


def test_short_runs_are_counted_beside_the_cell(make):
    some(make, "strategy=dp scale=1k", [0.9, 0.9, 0.9, 0.9])
    make("strategy=dp scale=1k seed=4", accuracy=0.5, kept=700)
    some(make, "strategy=static scale=1k", [0.8] * 5)
    some(make, "strategy=prune scale=1k", [0.8] * 5, kept=900)
    rows = texts(accuracy(make))
    assert rows["dp"]["1k"] == "90.0 [90.0, 90.0] n=4 (+1 short)"
    assert rows["prune"]["1k"] == "— (5 short)"
    versus = texts(paired.tables(load(make.root).single())[0])
    assert versus["dp"]["1k"].startswith("+10.00 [+10.00, +10.00] n=4 (+1 short)")


def test_the_ceiling_is_a_line_of_its_own_and_counts_each_seed_once(make):
    for scale in ("500", "1k", "2k"):
        some(make, f"strategy=real scale={scale}", [0.6, 1.0, 0.6, 1.0], kept=None if scale == "500" else 897)
        some(make, f"strategy=static scale={scale}", [0.8, 0.9, 0.8, 0.9])
    table = accuracy(make)
    assert texts(table)["real"] == {"500": "80.0 [43.3, 100.0] n=4", "1k": "—", "2k": "—"}
    assert any(
        re.match(r"Ceiling, `real`: 80\.0 \[43\.3, 100\.0\] n=4, trained on 897 real images", note)
        for note in table.notes
    )
    lines = numbers(load(make.root))
    assert lines.loc[(lines["arm"] == "real") & lines["scale"].isna(), ["n", "images_kept"]].values.tolist() == [
        [4, 897]
    ]


def test_captions_say_what_the_numbers_are(make):
    some(make, "strategy=static scale=1k data.monitor=paper train.lr=0.01", [0.8, 0.9])
    caption = accuracy(make).caption
    for words in (
        "the test set (200 real images)",
        "95 % t-interval over seeds",
        "64,000 images seen",
        "the test set itself (data.monitor=paper)",
        "Further keys: train.lr=0.01",
    ):
        assert words in caption


def test_a_set_is_named_with_its_own_size_or_none(make):
    some(make, "strategy=static scale=1k", [0.8, 0.9], summary={"population": 0.99, "population_images": 20_000})
    for eval_set, words in (
        ("population", "on 20,000 held-out images of the teacher's own world: mean"),
        ("monitor", "on the monitor set: mean"),
        ("test", "on the test set (200 real images): mean"),
    ):
        (table,) = tables(load(make.root).with_(eval_set).single())
        assert words in table.caption


def test_a_scale_expects_the_seeds_that_any_arm_has_there(make):
    for scale, seeds in (("1k", 5), ("64k", 2)):
        some(make, f"strategy=static scale={scale}", [0.9] * seeds)
        some(make, f"strategy=dp scale={scale}", [0.9] * (seeds - 2 or 1))
    rows = texts(accuracy(make))
    assert rows["static"] == {"1k": "90.0 [90.0, 90.0] n=5", "64k": "90.0 n=2"}
    assert rows["dp"] == {"1k": "—(3/5)", "64k": "—(1/2)"}


def test_more_seeds_of_one_arm_hide_no_mean_of_the_others(make):
    """dp has eight, static four, real five; prune has begun five and finished four."""
    some(make, "strategy=dp scale=1k", [0.9] * 4 + [0.8] * 4)
    some(make, "strategy=static scale=1k", [0.8] * 4)
    some(make, "strategy=prune scale=1k", [0.8] * 4)
    make("strategy=prune scale=1k seed=4", state="open")
    some(make, "strategy=real scale=1k", [0.95] * 5)
    table = accuracy(make)
    rows = texts(table)
    assert rows["static"]["1k"] == "80.0 [80.0, 80.0] n=4" and rows["dp"]["1k"].startswith("85.0 [")
    assert rows["prune"]["1k"] == "—(4/5)"
    assert any(note.startswith("Ceiling, `real`: 95.0 [95.0, 95.0] n=5") for note in table.notes)
    assert any(
        note.startswith("n differs between arms of one scale: each number is over all of its") for note in table.notes
    )
    versus = texts(paired.tables(load(make.root).single())[0])
    assert versus["dp"]["1k"].startswith("+10.00 [") and "n=4" in versus["dp"]["1k"]  # of the seeds of both alone
    assert versus["prune"]["1k"] == "+0.00 [+0.00, +0.00] n=4"
