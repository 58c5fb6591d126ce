"""Paired differences: equal seeds, verdicts where both intervals agree."""

from scipy import stats as scipy_stats

from results import Study, load
from results.tables.csv import numbers
from results.tables.paired import tables
from tests.results.tables.shown import seeds as some
from tests.results.tables.shown import texts


def test_differences_pair_equal_seeds_and_leave_the_rest_out(make):
    for seed, accuracy in {0: 0.80, 1: 0.82, 2: 0.84}.items():
        make(f"strategy=static scale=1k seed={seed}", accuracy=accuracy)
    for seed, accuracy in {1: 0.86, 2: 0.90, 3: 0.5}.items():
        make(f"strategy=dp scale=1k seed={seed}", accuracy=accuracy)
    study = load(make.root)
    assert texts(tables(study.single())[0])["dp"]["1k"] == "—(2/4)"
    both = Study.of_frame(study.runs[study.runs["seed"].isin([1, 2])])
    low, high = scipy_stats.t.interval(0.95, 1, loc=5, scale=scipy_stats.sem([4, 6]))
    assert texts(tables(both.single())[0])["dp"]["1k"] == f"+5.00 [{low:+.2f}, {high:+.2f}] n=2"
    found = numbers(both).set_index("arm").loc["dp"]
    assert found["minus_static_verdict"] == "undecided" and found["minus_static_bootstrap_low_points"] > 0


def test_a_verdict_is_drawn_where_both_intervals_agree_and_not_without_correctness(make):
    some(make, "strategy=static scale=1k", [0.80, 0.81, 0.80])
    some(make, "strategy=dp scale=1k", [0.90, 0.91, 0.91])
    some(make, "strategy=prune scale=1k", [0.90, 0.91, 0.91], flags=False)
    table = tables(load(make.root).single())[0]
    assert texts(table)["dp"]["1k"].endswith("n=3 ↑") and texts(table)["prune"]["1k"].endswith("n=3")
    assert "No verdict for 3 pair(s) without per-image correctness (correct.parquet)." in table.notes
