"""The league as a forest, and methods by price and errors."""

import numpy as np
import pandas as pd
import pytest

from results.figures import league, pareto
from results.figures.drawing.narrow import also_narrow
from tests.results.figures.histories import csv_of


def test_the_forest_has_a_line_a_method_in_each_world(league_study, tmp_path):
    with also_narrow():
        (figure,) = league.draw(league_study.comparisons[0], tmp_path)
    shown = csv_of(figure).set_index(["world", "arm"])
    assert np.exp(-shown.loc[("population", "prune"), "log_error_ratio"]) == pytest.approx(0.7, abs=0.01)
    assert (
        shown.loc[("population", "prune"), "verdict"] == "above" and str(shown.loc[("test", "actgen"), "rank"]) == "—"
    )
    assert np.isnan(shown.loc[("test", "actgen"), "low"]) and figure.caption.startswith("On 200 real test images")
    assert figure.narrow is not None and figure.narrow.exists()


def test_the_front_is_of_methods_with_enough_seeds_that_no_cheaper_one_beats(league_study, tmp_path):
    (figure,) = pareto.draw(league_study.comparisons[0], tmp_path)
    rows = csv_of(figure).query("world == 'population'").set_index("arm")
    assert "dp score=margin" not in rows.index and "run at some of these scales only" in figure.caption
    assert rows["front"].sum() == 1 and rows.loc["dp", "front"] and rows.loc["dp", "number"] > 0
    assert rows.loc["static", "error"] == pytest.approx(100 * np.sqrt(0.2 * 0.1), rel=0.02)
    assert rows.loc["dp", "error"] == pytest.approx(rows.loc["static", "error"] / 2, rel=0.02)


def test_who_saw_more_takes_no_others_place_on_the_front():
    rows = pd.DataFrame(
        [("static", 0, 1, 4), ("dp", 0, 2, 3), ("informed", 1, 2, 2), ("beaten", 3, 3, 2.5), ("lucky", 0, 1, 1)],
        columns=["arm", "class", "x", "error"],
    ).assign(world="test", n=[0, 16, 16, 16, 2])
    assert list(rows["arm"][pareto.fronts(rows)]) == ["static", "dp", "informed"]


def test_too_few_methods_have_neither(league_study, tmp_path):
    assert (
        league.draw(league_study.comparisons[1], tmp_path) == [] == pareto.draw(league_study.comparisons[1], tmp_path)
    )


@pytest.mark.parametrize("arm", ["prune oversample=8 rule=sir rule_args.omega=16", "dp"])
def test_a_long_name_keeps_its_end(arm):
    name = league.cut(arm)
    assert len(name) <= league.LONGEST and name.endswith(arm[-15:]) and name.startswith(arm[:2])
