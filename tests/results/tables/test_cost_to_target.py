"""What an accuracy costs, as a table: costs, speed-ups, targets, and what is not told."""

from math import exp, log

import pytest

from results import load
from results.analysis.cost_to_target import HOURS
from results.tables.accuracy_at_cost import tables_by
from results.tables.cost_to_target import default_targets, tables


def test_default_targets_are_the_best_mean_and_the_best_of_every_seed(study):
    (best, why), (least, _) = default_targets(study)
    assert best == pytest.approx(0.905) and why == "the best mean of `static`, at 4k" and least == pytest.approx(0.90)


def test_the_table_tells_costs_and_speedups(study):
    assert [table.title for table in tables(study)] == ["Cost of 90.5 % on test", "Cost of 90.0 % on test"]
    (table,) = tables(study, targets=(0.88,))
    assert table.columns == ["arm", "images generated", "speed-up", "images kept", "speed-up", "CPU hours", "speed-up"]
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    assert list(rows) == ["`static`", "`dp`"]  # the ablation has one scale
    even, odd = (exp((1 - (0.88 - low) / 0.05) * log(2000) + (0.88 - low) / 0.05 * log(4000)) for low in (0.85, 0.86))
    assert rows["`static`"][0].startswith(f"{exp((log(even) + log(odd)) / 2):,.0f}"[:3]) and rows["`static`"][
        0
    ].endswith("] n=4")
    assert rows["`static`"][1] == "1" and rows["`dp`"][1] == rows["`dp`"][3] == "2× [2, 2] n=4" == rows["`dp`"][5]
    assert "The same everywhere, iterations: 500 in every run." in table.notes and "(as asked for)" in table.caption


def test_nothing_is_told_of_one_scale_and_hours_of_two_devices_are_left_out(make):
    make("strategy=static scale=1k")
    assert tables(load(make.root).single()) == [] == tables_by(load(make.root).single(), "images_generated")
    make("strategy=static scale=2k", accuracy=0.95, device="NVIDIA H100")
    comparison = load(make.root).single()
    (table,) = tables(comparison, targets=(0.92,))
    assert table.columns == ["arm", "images generated", "speed-up", "images kept", "speed-up"] and any(
        "Hours of several kinds" in note for note in table.notes
    )
    assert tables_by(comparison, HOURS) == [] != tables_by(comparison, "images_generated")
