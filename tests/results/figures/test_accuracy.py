"""Accuracy against images: the law, the paper's points, what is left out."""

from dataclasses import replace

import numpy as np

from results.analysis.study import load
from results.figures import accuracy
from results.figures.drawing.accuracy_points import points, printed
from tests.results.figures.histories import by_law, csv_of, drawn


def test_the_fitted_law_and_every_run_are_in_the_csv(make, tmp_path):
    by_law(make, "strategy=static")
    by_law(make, "strategy=dp", factor=0.5)
    make("strategy=dp scale=2k seed=2", accuracy=0.1, kept=1500)  # short of its scale: drawn, in no mean and no fit
    made = drawn(accuracy, make, tmp_path)
    assert [figure.name for figure in made] == ["accuracy-images_generated", "accuracy-images_kept"]
    shown = csv_of(made[0])
    laws = shown[shown["what"] == "fit"].set_index("arm")
    assert np.allclose(laws["exponent"], 1.0) and np.allclose(laws.loc[["static", "dp"], "factor"], [100, 50])
    assert shown[shown["what"] == "run"]["short"].sum() == 1 and (shown["what"] == "run").sum() == 17
    assert (
        "static: b = 1.00, n=2" in made[0].caption
        and "least squares on log-log over scales for each seed" in made[0].caption
    )


def test_the_papers_points_stand_apart_and_only_on_its_task(make, tmp_path):
    by_law(make, "strategy=static")
    ours = load(make.root).single()
    theirs = replace(ours, group=replace(ours.group, core=ours.group.core | {"task": "imagenet100"}))
    found = printed("imagenet100", "test")
    assert {"arm": "static", "x": 130000.0, "accuracy": 59.44}.items() <= next(
        row for row in found if row["arm"] == "static" and row["x"] == 130000
    ).items()
    assert not printed("digits", "test") and not printed("imagenet100", "blur")
    assert not (points(ours, "images_kept")["what"] == "published").any()
    figure = accuracy.draw(theirs, tmp_path)[0]
    shown = csv_of(figure)
    assert (shown["what"] == "published").sum() == len(found) and "take no part in any mean or fit" in figure.caption
    assert np.isclose(shown.loc[shown["what"] == "fit", "exponent"].item(), 1.0)


def test_arms_run_at_one_scale_are_named_not_drawn(make, tmp_path):
    by_law(make, "strategy=static")
    make("strategy=dp dp.omega=0.2 scale=1k")
    figure = drawn(accuracy, make, tmp_path)[0]
    assert set(csv_of(figure)["arm"]) == {"static"} and "ablations at one scale: dp omega=0.2" in figure.caption


def test_one_dot_is_no_figure(make, tmp_path):
    for seed in range(3):
        make(f"strategy=static scale=1k seed={seed}")
    assert drawn(accuracy, make, tmp_path) == []
    make("strategy=dp scale=1k")
    assert len(drawn(accuracy, make, tmp_path)) == 2
