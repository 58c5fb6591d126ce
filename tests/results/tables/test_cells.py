"""cells.csv: every cell with its number at full precision, none of them read from text."""

import pandas as pd
import pytest

from results import load
from results.tables import across_comparisons, of_comparisons
from results.tables.cells import by_cell
from results.tables.csv import as_csv
from results.tables.table import Cell, Table, text_rows


def test_numbers_are_those_of_the_cells_whatever_the_text_says():
    rows = [
        [Cell("`dp`"), Cell("about a third [of it] n=7", 1 / 3, 0.25, 0.5, 5, "above")],
        [Cell("b"), Cell("1,820 [1,500, 2,210] n=5")],
        *text_rows([["c", "—(2/5)"]]),
    ]
    table = Table("Title of `dp`", "", ["arm", "x"], rows, "ll", (), ((1, "below `it`"),))
    frame = by_cell([("a comparison", [table])])
    first, second, third = frame.to_dict("records")
    assert [first[key] for key in ("comparison", "table", "part", "row", "name", "column")] == [
        "a comparison",
        "Title of dp",
        "",
        0,
        "dp",
        "x",
    ]
    assert [first[key] for key in ("value", "low", "high", "n", "verdict")] == [1 / 3, 0.25, 0.5, 5, "above"]
    assert pd.isna(second["value"]) and pd.isna(second["n"]) and second["text"] == "1,820 [1,500, 2,210] n=5"
    assert (second["part"], third["part"], third["name"]) == ("below it", "below it", "c")
    assert ",0.3333333333,0.25,0.5,5,above\n" in as_csv(frame)


def test_every_interval_that_is_shown_is_there_unrounded(make):
    """What text shows is what its numbers round to, in all tables, with the n it says."""
    for seed in range(5):
        for arm, accuracy in (("static", 0.7), ("dp", 0.75), ("dp dp.omega=0.2", 0.72)):
            for step, scale in enumerate(("1k", "2k")):
                hours = {"train": 0.001 + 0.0007 * seed, "guided": 0.0123 * (step + 1)}
                words = f"strategy={arm} scale={scale} seed={seed}"
                make(words, accuracy=accuracy + 0.1 * step + 0.005 * (seed % 3), hours=hours)
    study = load(make.root)
    frame = by_cell(
        [("all", across_comparisons(study)), *((one.title, tables) for one, tables in of_comparisons(study))]
    )
    shown = frame["text"].str.extract(r"^([+-]?[\d.,]+)×? \[([^ ]+), ([^\]]+)\](?: n=(\d+))?")
    intervals = frame[shown[0].notna()]
    assert len(intervals) > 30
    for column, number in enumerate(("value", "low", "high")):
        for text, value in zip(shown.loc[intervals.index, column], intervals[number]):
            assert float(text.replace(",", "")) == pytest.approx(value, rel=0.0051, abs=0.051)
    stated = shown[3].dropna().astype(int)
    assert (frame.loc[stated.index, "n"] == stated).all()
    assert (intervals["value"] != intervals["value"].round(3)).any()
    assert frame.loc[frame["text"] == "1k", "value"].unique().tolist() == [1000]
    assert (frame["text"].str.contains("↑") == (frame["verdict"] == "above")).all() and "above" in set(frame["verdict"])
