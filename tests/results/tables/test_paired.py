"""Paired differences: equal seeds, the two-way interval, verdicts corrected within a row."""

import numpy as np

from results import Study, load
from results.analysis.cells import corrected
from results.analysis.effects import two_way_interval
from results.analysis.stats import Estimate
from results.reading.correctness import correctness
from results.tables.csv import numbers
from results.tables.paired import tables
from tests.results.tables.shown import seeds as some
from tests.results.tables.shown import texts


def test_differences_pair_equal_seeds_and_leave_the_rest_out(make):
    for seed, accuracy in {0: 0.80, 1: 0.82, 2: 0.84, 3: 0.82, 4: 0.84}.items():
        make(f"strategy=static scale=1k seed={seed}", accuracy=accuracy)
    for seed, accuracy in {1: 0.86, 2: 0.90, 3: 0.86, 4: 0.90, 5: 0.5}.items():
        make(f"strategy=dp scale=1k seed={seed}", accuracy=accuracy)
    study = load(make.root)
    both = Study.of_frame(study.runs[study.runs["seed"].isin([1, 2, 3, 4])])
    flags = {
        arm: [correctness(row) for row in both.runs[both.runs["arm"] == arm].to_dict("records")]
        for arm in ("static", "dp")
    }
    low, high = two_way_interval(np.array(flags["dp"], float) - np.array(flags["static"])).interval()[2:]
    shown = [texts(tables(one.single())[0])["dp"]["1k"] for one in (study, both)]
    assert shown == 2 * [f"+5.00 [{100 * low:+.2f}, {100 * high:+.2f}] n=4 ↑"]
    found = numbers(both).set_index("arm").loc["dp"]
    assert found["minus_static_verdict"] == "above" and found["minus_static_p"] < 0.05


def test_a_verdict_is_drawn_where_it_is_decided_and_not_without_correctness(make):
    some(make, "strategy=static scale=1k", [0.80, 0.81, 0.80, 0.81])
    some(make, "strategy=dp scale=1k", [0.90, 0.91, 0.91, 0.90])
    some(make, "strategy=prune scale=1k", [0.90, 0.91, 0.91, 0.90], flags=False)
    table = tables(load(make.root).single())[0]
    assert texts(table)["dp"]["1k"].endswith("n=4 ↑") and texts(table)["prune"]["1k"].endswith("n=4")
    assert "No verdict for 4 pair(s) without per-image correctness (correct.parquet)." in table.notes


def test_arrows_of_a_row_are_corrected_together():
    """p = 0.02 is an arrow alone; beside two that say nothing it is none, beside two as clear it is again."""
    clear, vague = Estimate(8, 0.03, 0.01, 7), Estimate(8, 0.001, 0.01, 7)
    assert 0.01 < clear.p < 0.05 / 2

    def verdicts(*estimates):
        return [row["verdict"] for row in corrected([{"estimate": one} for one in estimates])]

    assert verdicts(clear) == ["above"] and verdicts(clear, vague, vague) == ["undecided"] * 3
    assert verdicts(clear, Estimate(8, -0.1, 0.01, 7), Estimate(8, 0.1, 0.01, 7)) == ["above", "below", "above"]
