"""Training dynamics: which runs are strong, which additions are dashed."""

import numpy as np

from results.analysis.study import load
from results.figures import dynamics
from results.figures.drawing.style import arm_look, sheet
from tests.results.figures.histories import csv_of, grown


def test_dynamics_show_the_additions_of_the_first_seed(make, tmp_path):
    for seed in range(2):
        grown(make(f"strategy=dp scale=1k seed={seed}"), seen=1000 * (seed + 1))
    comparison = load(make.root).single()
    shown = csv_of(dynamics.draw(comparison, tmp_path)[0])
    first = shown[shown["seed"] == 0]
    assert first.loc[first["what"] == "added", "iterations"].tolist() == [0, 100, 200, 300]
    assert np.allclose(first.loc[first["what"] == "trained", "monitor"], [50, 55, 55, 60, 60, 65, 65, 70, 95])
    with sheet() as plt:
        figure = dynamics.plot(plt, dynamics.history_of(comparison.runs), ["dp"], arm_look(["dp"]), "", "")
        dashed = [line.get_xdata()[0] for line in figure.axes[0].lines if len(set(line.get_xdata())) == 1]
    assert dashed == [100, 200, 300]
