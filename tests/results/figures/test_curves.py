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


def test_both_worlds_have_a_row_of_panels_with_intervals(make, tmp_path):
    for value, gain in ((1, 0.0), (2, 0.02), (4, 0.01)):
        for seed in range(4):
            there = {"population": 0.97 + gain + 0.001 * seed, "population_images": 20000}
            make(
                f"strategy=prune prune.oversample={value} scale=1k seed={seed}", 0.8 + gain + 0.01 * seed, summary=there
            )
    (figure,) = drawn(curves, make, tmp_path)
    means = csv_of(figure).query("what == 'mean'")
    assert list(zip(means["world"], means["value"])) == [(w, v) for w in ("population", "test") for v in (1, 2, 4)]
    assert np.allclose(means["accuracy"][:3], [97.15, 99.15, 98.15]) and means["low"].notna().all()
    assert figure.caption.startswith("Accuracy in the teacher's world and on the test set")


def test_two_values_are_no_curve(make, tmp_path):
    for omega in (0, 0.05):
        make(f"strategy=dp dp.omega={omega} scale=1k")
    assert drawn(curves, make, tmp_path) == []
