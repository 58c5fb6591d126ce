"""Ablations: which arms, against which default, monitor beside test; keys outside the strategies."""

import pytest
from scipy import stats

from results import load
from results.tables import accuracy
from results.tables.ablations import across, tables
from tests.results.tables.shown import seeds as some
from tests.results.tables.shown import texts


@pytest.fixture
def study(make):
    some(make, "strategy=dp scale=1k", [0.80, 0.82, 0.84, 0.82], [0.70, 0.72, 0.74, 0.72])
    some(make, "strategy=dp dp.omega=0 scale=1k", [0.78, 0.80, 0.82, 0.80])
    some(make, "strategy=dp dp.omega=0.2 scale=1k", [0.90, 0.90, 0.92, 0.90], [0.79, 0.81, 0.86, 0.82])
    some(make, "strategy=dp dp.new_weight=2 scale=1k", [0.80, 0.82])
    some(make, "strategy=dp dp.omega=0.2 dp.patience=1 scale=1k", [0.5] * 4)
    some(make, "strategy=prune scale=1k", [0.8] * 4)
    some(make, "strategy=prune prune.score=random scale=1k", [0.7] * 4)
    for arm in ("dp", "dp dp.omega=0"):
        some(make, f"strategy={arm} scale=2k", [0.9] * 4)
    return load(make.root).single()


def test_one_parameter_changed_beside_the_default_at_equal_scale(study):
    (table,) = tables(study)  # a control alone is no ablation: none of prune
    assert table.title == "Ablations of `dp`" and [words for _, words in table.parts] == [
        "new_weight, at 1k",
        "omega, at 1k",
    ]
    rows = texts(table)
    assert list(rows) == ["new_weight=1 (default)", "new_weight=2", "omega=0", "omega=0.1 (default)", "omega=0.2"]
    low, high = stats.t.interval(0.95, 3, loc=8.5, scale=stats.sem([10, 8, 8, 8]))
    assert rows["omega=0.2"]["test, minus default"] == f"+8.50 [{low:+.2f}, {high:+.2f}] n=4 ↑"
    assert rows["omega=0.2"]["monitor, minus default"].startswith("+10.00 [") and rows["omega=0.1 (default)"][
        "monitor"
    ].startswith("72.0 [")
    assert (
        rows["omega=0.1 (default)"]["test, minus default"] == ""
        and rows["new_weight=2"]["test"] == rows["new_weight=2"]["test, minus default"] == "—(2/4)"
    )


def test_on_monitor_it_stands_once(study):
    (table,) = tables(study.with_(eval_set="monitor"))
    assert table.columns == ["", "monitor", "monitor, minus default"]


def test_ablations_leave_the_other_tables_and_nothing_is_lost(study):
    (table,) = accuracy.tables(study)
    arms = [row[0].text for row in table.rows]
    assert arms == ["`prune`", "`prune score=random`", "`dp`", "`dp omega=0`", "`dp omega=0.2 patience=1`"]
    assert "Under ablations: `dp new_weight=2`, `dp omega=0.2`." in table.notes


def test_published_ablations_stand_apart(make):
    for words in ("omega0.05", "omega0.03"):
        make(f"preset=paper/imagenet100-ablation-{words} train.seen=102400000", accuracy=0.68)
    for scale in ("80k", "320k", "910k"):  # with plans of their own
        make(f"preset=paper/imagenet100-{scale} train.seen=102400000", accuracy=0.68)
    table = tables(load(make.root).single())[0]
    rows = texts(table)
    start, words = table.parts[-1]
    assert words.startswith("as published, no interval: Askari-Hemmat") and len(table.rows) - start == 6
    assert rows["patience_growth=0"]["test"] == "67.2" and rows["patience_growth=0"]["test, minus default"] == "-0.82"
    assert rows["new_weight=2"] == {
        "monitor": "—",
        "test": "68.0",
        "monitor, minus default": "—",
        "test, minus default": "-0.03",
    }


def test_a_key_of_no_strategy_is_an_ablation_across_comparisons(make):
    for steps, accuracies in ((20, [0.80, 0.82, 0.80, 0.82]), (50, [0.85, 0.86, 0.85, 0.86])):
        for arm in ("static", "dp"):
            some(make, f"strategy={arm} scale=1k sampler.steps={steps}", accuracies)
    some(make, "strategy=static scale=2k sampler.steps=50", [0.9] * 4)  # has no partner
    some(make, "strategy=static scale=1k sampler.steps=50 train.seen=32k", [0.9, 0.9])  # another budget
    (table,) = across(load(make.root))
    assert table.title == "Ablation of `sampler.steps`" and [words for _, words in table.parts] == [
        "static, at 1k",
        "dp, at 1k",
    ]
    assert [row[0].text for row in table.rows] == ["`sampler.steps=20` (default)", "`sampler.steps=50`"] * 2
    assert (
        table.rows[1][-1].text.startswith("+4.50 [")
        and table.rows[1][-1].text.endswith("n=4 ↑")
        and "`sampler.steps=20`" in table.caption
    )
    assert (table.rows[1][-1].value, table.rows[1][-1].n) == (pytest.approx(4.5), 4)
