"""Hours by phase at equal accuracy, the same numbers as in the table of costs."""

import numpy as np

from results.analysis.cost_to_target import HOURS, cost_of, cost_to_target
from results.analysis.study import load
from results.figures import phases
from tests.results.figures.histories import csv_of, drawn


def test_hours_by_phase_are_read_where_the_target_is_crossed(make, tmp_path):
    cells = {
        "static": [(0.80, {"generate": 1}), (0.90, {"generate": 3})],
        "dp": [(0.85, {"generate": 1, "guided": 1}), (0.95, {"generate": 2, "guided": 3})],
        "prune": [(0.7, {"generate": 1}), (0.75, {"generate": 1})],
        "prune prune.score=random": [(0.92, {"generate": 1}), (0.95, {"generate": 9})],
    }
    for words, points in cells.items():
        for scale, (value, spent) in zip((1000, 2000), points):
            for seed in range(3 if words == "static" else 2):
                make(f"strategy={words} scale={scale} seed={seed}", accuracy=value, hours=spent)
    make("strategy=dp scale=1k seed=2", accuracy=0.95, hours={"generate": 9})
    make("strategy=dp scale=2k seed=2", state="open")  # what it will reach is not known
    (figure,) = drawn(phases, make, tmp_path)
    bars = csv_of(figure).set_index("arm")
    assert "at 90.0 % on test" in figure.title
    assert np.allclose(bars.loc["static", ["generate", "guided", "mean", "n"]].astype(float), [3, 0, 3, 3])
    # halfway between 2 and 5 hours on a log axis; phases as far along as the total is
    mean, share = np.sqrt(2 * 5), (np.sqrt(2 * 5) - 2) / 3
    assert np.allclose(bars.loc["dp", ["generate", "guided", "mean"]].astype(float), [1 + share, 1 + 2 * share, mean])
    assert bars.loc["dp", ["n", "never", "at_once", "unfinished"]].tolist() == [2, 0, 0, 1]
    assert bars.loc["prune", ["n", "never"]].tolist() == [0, 2] and np.isnan(bars.loc["prune", "mean"])
    assert bars.loc["prune score=random", ["n", "at_once", "bound"]].tolist() == [0, 2, 1]


def test_the_table_of_costs_says_the_same(make, tmp_path):
    for scale, value, spent in ((1000, 0.80, 1), (2000, 0.90, 3)):
        for seed in range(4):
            for strategy, more in (("static", 0), ("dp", 0.02)):
                make(
                    f"strategy={strategy} scale={scale} seed={seed}",
                    accuracy=value + more,
                    hours={"generate": spent + seed / 8},
                )
    (figure,) = drawn(phases, make, tmp_path)
    means = csv_of(figure).set_index("arm")["mean"]
    comparison = load(make.root).single()
    reached = cost_to_target(comparison, 0.9, HOURS)
    for arm in ("static", "dp"):
        assert np.isclose(means[arm], cost_of(reached[reached["arm"] == arm]).mean)
