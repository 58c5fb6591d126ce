"""What an accuracy costs and what a cost buys, against curves worked out by hand."""

from math import exp, isnan, nan, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dp_common.errors import BadInput
from results import load
from results.analysis.comparisons import Comparison, Group
from results.analysis.cost_to_target import (
    accuracy_at,
    accuracy_at_cost,
    cost_of,
    cost_to_target,
    crossing,
    hours_to_target,
    reached_by_all,
    speedup,
)
from results.tables.cost_to_target import cost_cell, speedup_cell, tables


def curves_of(*curves):
    """A comparison of (arm, seed, {images: accuracy or None if unfinished})."""
    rows = [
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
    return Comparison(Group({}, {}, 0), pd.DataFrame(rows))


def frame_of(*curves):
    return curves_of(*curves).runs


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
    comparison = curves_of(("static", 0, {100: 0.5, 1000: 0.7}), ("static", 1, {100: 0.5, 1000: None, 10_000: 0.9}))
    found = cost_to_target(comparison, 0.6, "images_generated")
    assert (
        found["whole"].tolist() == [True, False]
        and found["reached"].tolist() == [True, False]
        and isnan(found["cost"][1])
    )
    assert found[["points", "least", "most"]].values.tolist() == [[2, 100, 1000], [2, 100, 10_000]]


def test_a_speedup_is_the_geometric_mean_of_paired_ratios_with_a_t_interval():
    seeds = {0: 2.0, 1: 3.0, 2: 4.0, 3: 6.0}  # dp is there with so many times fewer images
    comparison = curves_of(
        *(("static", seed, {100: 0.5, 10_000: 0.7}) for seed in seeds),
        *(("dp", seed, {100 / k: 0.5, 10_000 / k: 0.7}) for seed, k in seeds.items()),
    )
    found = speedup(comparison, "dp", "static", 0.6, "images_generated")
    logs = np.log(list(seeds.values()))
    half = stats.t.ppf(0.975, 3) * logs.std(ddof=1) / sqrt(4)
    assert found.n == 4 and found.censored == 0
    assert (found.factor, found.low, found.high) == pytest.approx(
        (exp(logs.mean()), exp(logs.mean() - half), exp(logs.mean() + half))
    )
    assert speedup(comparison, "static", "dp", 0.6, "images_generated").factor == pytest.approx(1 / found.factor)
    assert speedup_cell(found).text == f"{found.factor:.2f}× [{found.low:.2f}, {found.high:.2f}] n=4"


def test_censored_pairs_are_counted_and_below_four_there_is_no_interval():
    curves = [("static", seed, {100: 0.5, 1000: 0.7}) for seed in range(5)]
    arms = {
        0: {100: 0.6, 1000: 0.8},
        1: {100: 0.6, 1000: 0.8},
        2: {100: 0.55, 1000: 0.75},
        3: {100: 0.5, 1000: 0.6},
        4: {100: 0.68, 1000: 0.8},
    }
    comparison = curves_of(*curves, *(("dp", seed, curve) for seed, curve in arms.items()))
    found = speedup(comparison, "dp", "static", 0.65, "images_generated")
    assert (found.n, found.censored, found.never, found.baseline_never, found.unfinished) == (3, 2, 1, 0, 0)
    assert isnan(found.low) and isnan(found.high) and found.factor > 1
    assert speedup_cell(found).text.endswith("× n=3 (+2 censored)") and "[" not in speedup_cell(found).text
    assert cost_cell(cost_to_target(comparison, 0.65, "images_generated").query("arm == 'dp'"), 1).text.endswith(
        " n=3 (+1 never, 1 at once)"
    )
    none = speedup(comparison, "dp", "static", 0.9, "images_generated")
    assert (
        none.n == 0
        and isnan(none.factor)
        and none.never == none.baseline_never == 5
        and speedup_cell(none).text == "— (5 censored)"
    )
    assert (
        cost_cell(cost_to_target(comparison, 0.9, "images_generated").query("arm == 'dp'"), 1).text
        == "not reached, up to 1,000 (5 never)"
    )
    assert (
        cost_cell(cost_to_target(comparison, 0.3, "images_generated").query("arm == 'dp'"), 1).text
        == "≤100 (5 at once)"
    )


def test_what_every_seed_reaches_does_not_depend_on_which_went_further():
    curves = [("static", seed, {100: 0.5, 1000: top}) for seed, top in enumerate((0.7, 0.8, 0.9))]
    assert reached_by_all(frame_of(*curves)) == 0.7
    assert reached_by_all(frame_of(("static", 0, {100: 0.5, 1000: 0.7, 10_000: 0.95}), *curves[1:])) == 0.7
    assert isnan(reached_by_all(frame_of(("static", 0, {100: 0.5, 1000: None}), *curves[1:]))) and isnan(
        reached_by_all(frame_of(("static", 0, {5: 0.9}), *curves[1:]))
    )


def test_pairs_are_of_equal_seed():
    comparison = curves_of(
        ("static", 0, {100: 0.5, 1000: 0.7}),
        ("static", 1, {100: 0.5, 1000: 0.7}),
        ("dp", 1, {10: 0.5, 100: 0.7}),
        ("dp", 7, {1: 0.5, 2: 0.7}),
    )
    assert speedup(comparison, "dp", "static", 0.6, "images_generated")[:2] == (1, pytest.approx(10))


def test_what_a_cost_buys_is_told_of_the_curves_that_span_it():
    comparison = curves_of(
        ("static", 0, {100: 0.5, 10_000: 0.7}),
        ("static", 1, {100: 0.6, 10_000: 0.8}),
        ("dp", 0, {1000: 0.7, 10_000: 0.9}),
        ("dp", 1, {2000: 0.7, 10_000: 0.9}),
    )
    found = accuracy_at_cost(comparison, [100, 1000, 1e5], "images_generated").set_index(["arm", "amount"])
    assert found.loc[("static", 1000), ["n", "mean"]].tolist() == [2, pytest.approx(0.65)]
    assert found.loc[("dp", 1000), ["n", "expected"]].tolist() == [1, 2] and found.loc[("static", 1e5), "n"] == 0


def test_a_curve_is_walked_in_the_order_of_scale_whatever_its_costs_did():
    """A busy machine made 1,000 images dearer than 2,000:

    the seed is not there at once, and pays what lies between the two.
    """
    runs = frame_of(("static", 0, {1000: 0.5, 2000: 0.7, 4000: 0.8})).assign(cost=[10.0, 8.0, 20.0])
    one = Comparison(Group({}, {}, 0), runs)
    (row,) = cost_to_target(one, 0.6, "cost").to_dict("records")
    assert row["cost"] == pytest.approx(sqrt(80)) and row["reached"] and not row["bound"]
    assert (row["least"], row["most"]) == (8, 20)
    bought = accuracy_at_cost(one, [9.0, 10.0, sqrt(8 * 20), 30.0], "cost")["mean"]
    assert bought[:3].tolist() == pytest.approx([nan, 0.5, 0.75], nan_ok=True) and isnan(bought[3])


@pytest.mark.parametrize(("cost", "accuracy"), [(1, 0.5), (10, 0.6), (100, 0.7), (1000, 0.75), (0.9, nan), (1e5, nan)])
def test_an_accuracy_is_read_between_two_costs(cost, accuracy):
    found = accuracy_at(np.array([1.0, 100.0, 10_000.0]), np.array([0.5, 0.7, 0.8]), cost)
    assert found == pytest.approx(accuracy, nan_ok=True)


def test_hours_by_phase_add_up_to_what_the_table_says(make):
    """Two seeds of dp cross 85 % between 1k and 2k, three are above it at 1k:

    the table's mean is of the two, and so is the figure's.
    """
    for seed in range(5):
        for scale, accuracy, hours in (("1k", 0.80 if seed < 2 else 0.86, 1.0), ("2k", 0.90, 3.0)):
            by_phase = {"generate": 0.25 * hours, "score": 0.75 * hours * (1 + seed)}
            make(f"strategy=dp scale={scale} seed={seed}", accuracy=accuracy, hours=by_phase)
    comparison = load(make.root).single()
    totals = [(0.25 + 0.75 * (1 + seed), 3 * (0.25 + 0.75 * (1 + seed))) for seed in range(2)]
    costs = [sqrt(before * after) for before, after in totals]  # 85 % lies half way between 80 and 90 %
    (row,) = hours_to_target(comparison, 0.85).to_dict("records")
    assert (row["n"], row["at_once"], row["never"], row["unfinished"]) == (2, 3, 0, 0) and isnan(row["low"])
    assert row["mean"] == pytest.approx(sqrt(costs[0] * costs[1]))
    assert row["generate"] + row["score"] == pytest.approx(row["mean"]) and row["guided"] == 0
    shares = [0.25 / (0.25 + 0.75 * (1 + seed)) for seed in range(2)]  # the same at both scales
    assert row["generate"] == pytest.approx(row["mean"] * sum(shares) / 2)
    (table,) = tables(comparison, targets=[0.85])
    cell = dict(zip(table.columns, table.rows[0]))["CPU hours"]
    assert (cell.value, cell.n) == (pytest.approx(row["mean"]), 2) and cell.text.endswith(" n=2 (+3 at once)")
    assert row["mean"] == cost_of(cost_to_target(comparison, 0.85, "hours")).mean
    without = hours_to_target(comparison.with_(exclude=["score"]), 0.85)
    assert "score" not in without and without["generate"][0] == pytest.approx(without["mean"][0])


def test_arms_that_do_not_get_there_have_no_phases(make):
    for seed in range(2):
        for scale in ("1k", "2k"):
            make(f"strategy=dp scale={scale} seed={seed}", accuracy=0.8)
            make(
                f"strategy=static scale={scale} seed={seed}",
                accuracy=0.9 if seed else 0.8,
                state="done" if seed else "open",
            )
    found = hours_to_target(load(make.root).single(), 0.85).set_index("arm")
    assert found.loc["dp", ["n", "never", "unfinished"]].tolist() == [0, 2, 0] and isnan(found.loc["dp", "train"])
    assert found.loc["static", ["n", "at_once", "unfinished"]].tolist() == [0, 1, 1]


def test_hours_of_two_devices_and_unknown_units_are_refused():
    runs = frame_of(("static", 0, {100: 0.5}), ("dp", 0, {100: 0.5})).assign(device=["cpu", "NVIDIA H100"])
    comparison = Comparison(Group({}, {}, 0), runs)
    with pytest.raises(BadInput, match="hours=NVIDIA H100, cpu: of several kinds of device do not compare"):
        cost_to_target(comparison, 0.5, "hours")
    with pytest.raises(BadInput, match="cost axis=images: hours, or a column"):
        cost_to_target(comparison, 0.5, "images")
