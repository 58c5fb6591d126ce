"""What an accuracy costs and what a cost buys, against curves worked out by hand; and the tables that tell them."""

from math import exp, isnan, log, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dp_common.errors import BadInput
from results.analysis.comparisons import one_group
from results.analysis.cost_to_target import bought, crossing, reach, reached_by_all, speedup
from results.reading.runs import load
from results.tables.reach import by_cost, cost_text, default_targets, factor_text, marks_of, reach_tables


def runs(*curves):
    """Rows of (arm, seed, {images: accuracy or None if unfinished})."""
    return pd.DataFrame(
        [
            {
                "arm": arm,
                "seed": seed,
                "data.split": 0,
                "scale": images,
                "images_generated": images,
                "device": "cpu",
                "accuracy": accuracy,
                "state": "missing" if accuracy is None else "done",
            }
            for arm, seed, curve in curves
            for images, accuracy in curve.items()
        ]
    )


def test_a_crossing_is_linear_in_the_accuracy_and_the_log_of_the_cost():
    costs, accuracies = np.array([100.0, 1000.0, 10_000.0]), np.array([0.5, 0.7, 0.8])
    assert crossing(costs, accuracies, 0.6) == (pytest.approx(10**2.5), True, False)
    assert crossing(costs, accuracies, 0.75)[0] == pytest.approx(10**3.5)
    assert crossing(costs, accuracies, 0.7)[0] == pytest.approx(1000)
    assert crossing(costs, accuracies, 0.5) == (100, True, False)
    assert crossing(costs, accuracies, 0.4) == (100, True, True)  # already there: an upper bound
    assert isnan(crossing(costs, accuracies, 0.9)[0]) and crossing(costs, accuracies, 0.9)[1:] == (False, False)


def test_a_curve_that_falls_back_is_read_where_it_first_arrives():
    assert crossing(np.array([1.0, 10.0, 100.0, 1000.0]), np.array([0.5, 0.7, 0.6, 0.8]), 0.65)[0] == pytest.approx(
        10**0.75
    )


def test_an_unfinished_curve_is_not_read():
    rows = runs(("static", 0, {100: 0.5, 1000: 0.7}), ("static", 1, {100: 0.5, 1000: None, 10_000: 0.9}))
    found = reach(rows, 0.6, "images_generated")
    assert (
        found["whole"].tolist() == [True, False]
        and found["reached"].tolist() == [True, False]
        and isnan(found["cost"][1])
    )
    assert found[["points", "least", "most"]].values.tolist() == [[2, 100, 1000], [2, 100, 10_000]]


def test_a_speedup_is_the_geometric_mean_of_paired_ratios_with_a_t_interval():
    seeds = {0: 2.0, 1: 3.0, 2: 4.0, 3: 6.0}  # dp is there with so many times fewer images
    rows = runs(
        *(("static", seed, {100: 0.5, 10_000: 0.7}) for seed in seeds),
        *(("dp", seed, {100 / k: 0.5, 10_000 / k: 0.7}) for seed, k in seeds.items()),
    )
    found = speedup(rows, "dp", "static", 0.6, "images_generated")
    logs = np.log(list(seeds.values()))
    half = stats.t.ppf(0.975, 3) * logs.std(ddof=1) / sqrt(4)
    assert found.n == 4 and found.censored == 0
    assert (found.factor, found.low, found.high) == pytest.approx(
        (exp(logs.mean()), exp(logs.mean() - half), exp(logs.mean() + half))
    )
    assert speedup(rows, "static", "dp", 0.6, "images_generated").factor == pytest.approx(1 / found.factor)
    assert factor_text(found) == f"{found.factor:.2f}× [{found.low:.2f}, {found.high:.2f}] n=4"


def test_censored_pairs_are_counted_and_below_four_there_is_no_interval():
    curves = [("static", seed, {100: 0.5, 1000: 0.7}) for seed in range(5)]
    arms = {
        0: {100: 0.6, 1000: 0.8},
        1: {100: 0.6, 1000: 0.8},
        2: {100: 0.55, 1000: 0.75},
        3: {100: 0.5, 1000: 0.6},
        4: {100: 0.68, 1000: 0.8},
    }
    rows = runs(*curves, *(("dp", seed, curve) for seed, curve in arms.items()))
    found = speedup(rows, "dp", "static", 0.65, "images_generated")
    assert (found.n, found.censored, found.never, found.baseline_never, found.unfinished) == (3, 2, 1, 0, 0)
    assert isnan(found.low) and isnan(found.high) and found.factor > 1
    assert factor_text(found).endswith("× n=3 (+2 censored)") and "[" not in factor_text(found)
    assert cost_text(reach(rows, 0.65, "images_generated").query("arm == 'dp'"), 1).endswith(
        " n=3 (+1 never, 1 at once)"
    )
    none = speedup(rows, "dp", "static", 0.9, "images_generated")
    assert (
        none.n == 0
        and isnan(none.factor)
        and none.never == none.baseline_never == 5
        and factor_text(none) == "— (5 censored)"
    )
    assert (
        cost_text(reach(rows, 0.9, "images_generated").query("arm == 'dp'"), 1) == "not reached, up to 1,000 (5 never)"
    )
    assert cost_text(reach(rows, 0.3, "images_generated").query("arm == 'dp'"), 1) == "≤100 (5 at once)"


def test_what_every_seed_reaches_does_not_depend_on_which_went_further():
    curves = [("static", seed, {100: 0.5, 1000: top}) for seed, top in enumerate((0.7, 0.8, 0.9))]
    assert reached_by_all(runs(*curves)) == 0.7
    assert reached_by_all(runs(("static", 0, {100: 0.5, 1000: 0.7, 10_000: 0.95}), *curves[1:])) == 0.7
    assert isnan(reached_by_all(runs(("static", 0, {100: 0.5, 1000: None}), *curves[1:]))) and isnan(
        reached_by_all(runs(("static", 0, {5: 0.9}), *curves[1:]))
    )


def test_pairs_are_of_equal_seed():
    rows = runs(
        ("static", 0, {100: 0.5, 1000: 0.7}),
        ("static", 1, {100: 0.5, 1000: 0.7}),
        ("dp", 1, {10: 0.5, 100: 0.7}),
        ("dp", 7, {1: 0.5, 2: 0.7}),
    )
    assert speedup(rows, "dp", "static", 0.6, "images_generated")[:2] == (1, pytest.approx(10))


def test_what_a_cost_buys_is_told_of_the_curves_that_span_it():
    rows = runs(
        ("static", 0, {100: 0.5, 10_000: 0.7}),
        ("static", 1, {100: 0.6, 10_000: 0.8}),
        ("dp", 0, {1000: 0.7, 10_000: 0.9}),
        ("dp", 1, {2000: 0.7, 10_000: 0.9}),
    )
    found = bought(rows, [100, 1000, 1e5], "images_generated").set_index(["arm", "mark"])
    assert found.loc[("static", 1000), ["n", "mean"]].tolist() == [2, pytest.approx(0.65)]
    assert found.loc[("dp", 1000), ["n", "expected"]].tolist() == [1, 2] and found.loc[("static", 1e5), "n"] == 0


def test_hours_of_two_devices_and_unknown_units_are_refused():
    rows = runs(("static", 0, {100: 0.5}), ("dp", 0, {100: 0.5})).assign(device=["cpu", "NVIDIA H100"])
    with pytest.raises(BadInput, match="hours=NVIDIA H100, cpu: of several kinds of device do not compare"):
        reach(rows, 0.5, "hours")
    with pytest.raises(BadInput, match="against=images: hours, or a column"):
        reach(rows, 0.5, "images")


def test_marks_are_round_numbers_within_the_range():
    assert marks_of(250, 16_000) == [500, 1000, 2000, 5000, 10_000]
    narrow = marks_of(12.7, 15.6)
    assert len(narrow) > 3 and narrow[0] >= 12.7 and narrow[-1] <= 15.6 and len(set(narrow)) == len(narrow)


@pytest.fixture
def study(make):
    """static and dp over three scales and four seeds: dp at a scale is what static is at the next."""
    for seed in range(4):
        for scale, accuracy in (("1k", 0.80), ("2k", 0.85), ("4k", 0.90)):
            make(
                f"strategy=static scale={scale} seed={seed}",
                accuracy=accuracy + 0.01 * (seed % 2),
                hours={"train": float(scale[0])},
            )
            make(
                f"strategy=dp scale={scale} seed={seed}",
                accuracy=min(accuracy + 0.05, 0.93) + 0.01 * (seed % 2),
                hours={"train": float(scale[0])},
            )
    make("strategy=dp dp.omega=0.2 scale=1k", accuracy=0.5)
    return one_group(load(make.root))[1]


def test_default_targets_are_the_best_mean_and_the_best_of_every_seed(study):
    (best, why), (least, _) = default_targets(study)
    assert best == pytest.approx(0.905) and why == "the best mean of `static`, at 4k" and least == pytest.approx(0.90)


def test_the_table_tells_costs_and_speedups(study):
    tables = reach_tables(study, exclude=())
    assert [table.title for table in tables] == ["Cost of 90.5 % on test", "Cost of 90.0 % on test"]
    (table,) = reach_tables(study, targets=(0.88,))
    assert table.columns == ["arm", "images generated", "speed-up", "images kept", "speed-up", "CPU hours", "speed-up"]
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == ["`static`", "`dp`"]  # the ablation has one scale
    even, odd = (exp((1 - (0.88 - low) / 0.05) * log(2000) + (0.88 - low) / 0.05 * log(4000)) for low in (0.85, 0.86))
    assert rows["`static`"][0].startswith(f"{exp((log(even) + log(odd)) / 2):,.0f}"[:3]) and rows["`static`"][
        0
    ].endswith("] n=4")
    assert rows["`static`"][1] == "1" and rows["`dp`"][1] == rows["`dp`"][3] == "2× [2, 2] n=4" == rows["`dp`"][5]
    assert "The same everywhere, iterations: 500 in every run." in table.notes and "(as asked for)" in table.caption


def test_nothing_is_told_of_one_scale_and_hours_of_two_devices_are_left_out(make):
    make("strategy=static scale=1k")
    assert reach_tables(load(make.root)) == [] == by_cost(load(make.root), "images_generated")
    make("strategy=static scale=2k", accuracy=0.95, device="NVIDIA H100")
    frame = load(make.root)
    (table,) = reach_tables(frame, targets=(0.92,))
    assert table.columns == ["arm", "images generated", "speed-up", "images kept", "speed-up"] and any(
        "Hours of several kinds" in note for note in table.notes
    )
    assert by_cost(frame, "hours") == [] != by_cost(frame, "images_generated")


def test_a_table_by_hours_reads_between_the_scales(study):
    (table,) = by_cost(study, "hours")
    assert table.title == "Accuracy on test by CPU hours" and table.columns[1] == "1 h"
    rows = {row[0]: dict(zip(table.columns[1:], row[1:])) for row in table.rows}
    assert rows["`static`"]["2 h"].startswith("85.5 [") and rows["`static`"]["2 h"].endswith("n=4")
    (images,) = by_cost(study, "images_generated")
    assert images.columns == ["arm", "1,000", "2,000"] or "2,000" in images.columns
