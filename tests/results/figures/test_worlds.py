"""The three figures that come first: forest, errors against images, errors at equal price."""

import numpy as np
import pandas as pd
import pytest

from results.figures import errors, forest, price
from results.figures.drawing.style import if_enough
from results.reading import references
from tests.results.figures.histories import csv_of, drawn
from tests.results.tables.test_in_words import world


@pytest.fixture
def both(make):
    world(make, {"static": 1.0, "dp": 0.5})
    return make


def test_the_forest_has_every_scale_and_the_pooled_contrast_in_both_worlds(both, tmp_path):
    (figure,) = drawn(forest, both, tmp_path)
    shown = csv_of(figure)
    for world_, rows in shown.groupby("world"):
        assert rows["label"].tolist() == ["1k", "2k", "pooled"], world_
        assert np.allclose(np.exp(-rows["log_error_ratio"]), 0.5, atol=0.02) and (rows["n"] == 4).all()
    assert set(shown["world"]) == {"population", "test"} and "none below 4 seeds" in figure.caption


def test_errors_are_geometric_means_with_the_references_of_the_same_images(both, tmp_path):
    run_id = next(path.name for path in sorted(both.root.iterdir()) if "static-1k-s0" in path.name)
    lines = [",".join(references.COLUMNS)]
    lines += [f"digits,mixture,0,static,1000,0,{run_id},{name},population,20000,0.99" for name in ("1-nn", "bayes")]
    (both.root / references.NAME).write_text("\n".join(lines) + "\n")
    (figure,) = drawn(errors, both, tmp_path)
    shown = csv_of(figure)
    mean = shown.query("what == 'mean' and world == 'population' and arm == 'static' and scale == 1000").iloc[0]
    assert mean["error"] == pytest.approx(100 * 0.2 * np.sqrt(1.05), rel=1e-3) and mean["low"] < mean["error"]
    beside = shown.query("what == 'reference'").set_index("arm")
    assert np.allclose(beside["error"], 1.0, atol=0.01)
    assert beside.loc["1-nn", "x"] == 1000 and np.isnan(beside.loc["bayes", "x"])
    assert "Bayes rule" in figure.caption


def test_the_front_is_what_no_cheaper_mean_beats(both, tmp_path):
    (figure,) = drawn(price, both, tmp_path)
    means = csv_of(figure).query("what == 'mean' and world == 'test'").set_index(["arm", "scale"])
    assert means["front"].to_dict() == {
        ("static", 1000): False,
        ("static", 2000): False,
        ("dp", 1000): True,
        ("dp", 2000): True,
    }


def test_one_scale_has_a_forest_and_no_curve(make, tmp_path):
    for seed in range(4):
        make(f"strategy=static scale=1k seed={seed}", accuracy=0.8)
        make(f"strategy=dp scale=1k seed={seed}", accuracy=0.85 + 0.01 * (seed % 2))
    assert drawn(errors, make, tmp_path) == [] and len(drawn(forest, make, tmp_path)) == 1


def test_no_line_is_drawn_through_means_of_fewer_than_four_seeds():
    assert [if_enough(pd.Series(n, dtype=float), "-") for n in ([4, 16], [3, 16], [])] == ["-", "none", "none"]
