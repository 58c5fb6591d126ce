"""A table is one file, found by its folder or by its path."""

import pytest

import results.tables
from dp_common.errors import BadInput
from results import load
from results.tables import across_comparisons, find, of_comparisons

MINE = """'how many runs there are'

from results.tables.table import Cell, Table

NAME = "runs"
POSITION = 25


def tables(comparison):
    rows = [[Cell(arm), Cell(str(len(part)), len(part))] for arm, part in comparison.runs.groupby("arm")]
    return [Table(f"Runs of {comparison.title}", "", ["arm", "runs"], rows, "lr")]


def across(study):
    return [Table("All runs", "", ["runs"], [[Cell(str(len(study.runs)), len(study.runs))]], "r")]
"""


def test_those_of_the_folder_stand_in_their_order_and_say_what_they_show():
    names = [module.NAME for module in find()]
    assert names == [
        "pooled",
        "league",
        "table1",
        "scale",
        "variants",
        "versus",
        "costs",
        "hours",
        "images",
        "equal",
        "reach",
        "teachers",
        "ablations",
    ]
    assert [table.NAME for table in find()] == names and all(table.__doc__ for table in find())


def test_a_new_table_is_one_file_and_no_edit(make, tmp_path, monkeypatch):
    (tmp_path / "how_many.py").write_text(MINE)
    monkeypatch.setattr(results.tables, "__path__", [*results.tables.__path__, str(tmp_path)])
    monkeypatch.setattr(results.tables, "installed", results.tables.installed.__wrapped__)
    make("strategy=static scale=1k")
    assert [table.NAME for table in find()][:4] == ["pooled", "league", "table1", "scale"]
    assert "runs" in [table.NAME for table in find()]
    ((_, (table,)),) = of_comparisons(load(make.root), ["runs"])
    assert table.title.startswith("Runs of digits") and table.rows[0][1].value == 1


def test_a_file_of_somebodys_own_is_named_by_its_path(make, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    make("strategy=static scale=1k")
    study = load(make.root)
    ((_, tables),) = of_comparisons(study, ["scale", str(path)])
    assert [table.title.partition(" ")[0] for table in tables] == ["Accuracy", "Runs"]
    assert [table.title for table in across_comparisons(study, [str(path)])] == ["All runs"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file"),
        ("x = 1", "defines neither tables"),
        ("import nothing_of_this_name", "does not import: ModuleNotFoundError"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, said):
    path = tmp_path / "mine.py"
    if text:
        path.write_text(text)
    with pytest.raises(BadInput, match=f"tables=.*mine.py: {said}"):
        find([str(path)])


def test_a_name_that_is_no_table_is_refused():
    with pytest.raises(
        BadInput,
        match="tables=reech: all, or some of pooled, league, table1, scale, variants, versus.*Did you mean reach",
    ):
        find(["scale", "reech"])
