"""Curves over one parameter, beside the theory's."""

import numpy as np

from results.figures import curves
from tests.results.figures.histories import csv_of, drawn, theory


def test_curves_hold_the_arms_that_differ_in_one_parameter(make, tmp_path):
    values = {0: 0.80, 0.05: 0.90, 0.1: 0.85}
    for omega, value in values.items():
        for seed in range(2):
            make(f"strategy=dp dp.omega={omega} scale=1k seed={seed}", accuracy=value, monitor=value - 0.1)
    make("strategy=dp dp.omega=0.1 dp.feedback=first scale=1k", accuracy=0.1)
    assert not (tmp_path / "runs/theory").exists()
    (figure,) = drawn(curves, make, tmp_path)
    means = csv_of(figure).query("what == 'mean'")
    assert (
        means["value"].tolist() == [0, 0.05, 0.1]
        and np.allclose(means["accuracy"], [80, 90, 85])
        and np.allclose(means["monitor"], [70, 80, 75])
    )
    for oversample in (1, 4, 16):
        make(f"strategy=prune prune.oversample={oversample} scale=1k", accuracy=0.9)
    theory(make.root)
    (figure,) = drawn(curves, make, tmp_path)
    shown = csv_of(figure)
    assert shown.query("parameter == 'oversample' and what == 'run'")["value"].tolist() == [1, 4, 16]
    assert shown.query("what == 'theory limit'")["accuracy"].tolist() == [80, 85] and "heights do not" in figure.caption


def test_two_values_are_no_curve(make, tmp_path):
    for omega in (0, 0.05):
        make(f"strategy=dp dp.omega={omega} scale=1k")
    assert drawn(curves, make, tmp_path) == []
