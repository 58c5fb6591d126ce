"""The tables command: files, bytes, bad input."""

import subprocess
import sys
from dataclasses import fields
from types import SimpleNamespace

import pandas as pd
import pytest

from benchmarks import table as command
from benchmarks.cli import guarded, parse, seeds_text
from results.tables import find
from tests.processes import ROOT
from tests.results import fabricate
from tests.results.tables.shown import seeds as some


@pytest.fixture
def make(tmp_path):
    """As that of the tests of results."""
    return fabricate.maker(tmp_path / "runs")


def test_a_comparison_whose_arms_stand_beside_those_of_another_says_so():
    one = SimpleNamespace(done=[1], is_variant=True)
    assert "league of another" in command.why_none(one)
    one.is_variant = False
    assert command.why_none(one) == "None of these tables has its data here."


def test_a_comparison_without_finished_runs_says_so(make, tmp_path, capsys):
    make("strategy=dp scale=1k", state="open")
    command.main([str(make.root), f"out={tmp_path / 'out'}"])
    assert "No run of it is finished yet" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "cells.csv",
        "table.csv",
        "table.md",
        "table.tex",
    ]
    assert pd.read_csv(tmp_path / "out" / "table.csv")[["n", "expected"]].values.tolist() == [[0, 1]]


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


def test_the_same_runs_give_the_same_bytes(make, tmp_path, capsys):
    for scale in ("1k", "2k"):
        some(make, f"strategy=static scale={scale}", [0.8, 0.82])
        some(make, f"strategy=dp scale={scale}", [0.9, 0.85])
        some(make, f"strategy=real scale={scale}", [0.95, 0.96], kept=897)
    for out in ("one", "two"):
        command.main([str(make.root), f"out={tmp_path / out}"])
    capsys.readouterr()
    first, second = (files_in(tmp_path / out) for out in ("one", "two"))
    assert first == second and {name.rpartition(".")[2] for name in first} == {"md", "tex", "csv", "svg", "png"}
    assert {"table.md", "table.tex", "table.csv", "cells.csv"} < set(first) and b"dc:date" not in b"".join(
        first.values()
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["{root}", "figurs=no"], "figurs=no: no such key. Did you mean figures?"),
        (["{root}", "figures=maybe"], "figures=maybe: all, no, or some of"),
        (["{root}", "root={root}"], "given twice"),
        (["{root}/nowhere"], "no such folder"),
        (["{root}/.."], None),
        (["{empty}"], "holds no runs"),
        (["{root}", "seeds=x"], "seed=x: all, or numbers"),
        (["{root}", "seeds=7"], "no run under"),
        (["{root}", "on=blurr"], "on=blurr: one of test, monitor, blur. Did you mean blur?"),
        (["{root}", "exclude=monitr"], "Did you mean monitor?"),
        (
            ["{root}", "tables=scale,reech"],
            "tables=reech: all, or some of pooled, league, table1, scale, variants, versus",
        ),
        (["{root}", "target=much"], "target=much: auto, or percent correct"),
        (["{root}", "target=0.93"], "target=0.93: auto, or percent correct"),
        (["{root}", "prices={root}/none.csv"], "no such file; python -m benchmarks.speed"),
        (["--fast"], "--fast: no such key."),
    ],
)
def test_bad_input_is_one_line_and_exit_2(make, tmp_path, capsys, words, told):
    make("strategy=static scale=1k")
    (tmp_path / "empty").mkdir()
    words = [word.format(root=make.root, empty=tmp_path / "empty") for word in words] + ["out=" + str(tmp_path / "out")]
    with pytest.raises(SystemExit) as exit_:
        guarded(command.main, words + ([] if any("figur" in word for word in words) else ["figures=no"]))
    errors = capsys.readouterr().err
    if told is None:
        assert exit_.value.code == 0
    else:
        assert exit_.value.code == 2 and told in errors and errors.count("\n") == 1


def test_seeds_choose_what_is_expected(make, capsys, tmp_path):
    some(make, "strategy=static scale=1k", [0.9] * 4)
    some(make, "strategy=dp scale=1k", [0.9] * 2)
    command.main([str(make.root), "seeds=0..1", "figures=no", f"out={tmp_path / 'out'}"])
    assert "dp      90.0 n=2" in capsys.readouterr().out
    options = parse(["seeds=0..2,7"], command.Options)
    assert options.seed == (0, 1, 2, 7) and seeds_text(options.seed) == "0..2,7"
    assert parse(["seed=all"], command.Options).seed == ()


def test_the_command_makes_the_tables_asked_for_and_a_csv_of_their_cells(make, tmp_path, capsys):
    for scale, accuracy in (("1k", 0.8), ("2k", 0.9)):
        some(make, f"strategy=static scale={scale}", [accuracy, accuracy + 0.02])
    prices = tmp_path / "costs.csv"
    prices.write_text(
        "item,seconds_per_unit,device\n"
        + "".join(f"{item},1.0,cpu\n" for item in ("sample.plain", "learner.train", "learner.forward"))
    )
    out = tmp_path / "out"
    command.main([str(make.root), "tables=reach,costs", "target=85,89", f"prices={prices}", "figures=no", f"out={out}"])
    told = capsys.readouterr().out
    assert (
        "Cost of 85.0 % on test" in told
        and "Cost of 89.0 % on test" in told
        and "Costs in CPU hours, re-priced: cpu, costs.csv" in told
    )
    assert "Table 1" not in told and "Accuracy on test" not in told
    cells = pd.read_csv(out / "cells.csv").set_index(["table", "name", "column"]).sort_index()
    assert cells.loc[("Costs in CPU hours, re-priced: cpu, costs.csv", "static", "train"), "value"].tolist() == [
        pytest.approx(17 + 7 / 9),
        pytest.approx(17 + 7 / 9),
    ]
    assert cells.loc[("Cost of 85.0 % on test", "static", "images kept"), "n"].tolist() == [2]


def test_help_has_all_keys_and_all_tables(capsys):
    with pytest.raises(SystemExit) as exit_:
        guarded(command.main, ["--help"])
    text = capsys.readouterr().out
    assert exit_.value.code == 0 and all(f"{field.name}=" in text for field in fields(command.Options))
    tables = [(table.NAME, table.__doc__.strip().partition("\n")[0]) for table in find()]
    assert all(f"{name} " in text and " ".join(about.split()) in " ".join(text.split()) for name, about in tables)


def test_what_is_left_out_is_said(make, tmp_path, capsys):
    make("strategy=static scale=1k")
    folder = make("strategy=dp scale=1k")
    (folder / "ledger.jsonl").write_bytes(b"nonsense\n")
    assert command.main([str(make.root), "figures=no", f"out={tmp_path / 'out'}"]) == 0
    assert f"note: Damaged and left out: {folder / 'ledger.jsonl'}:1" in capsys.readouterr().err


def test_runs_of_several_roots_are_one_study(make, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make("strategy=static scale=1k", 0.8)
    fabricate.run(tmp_path / "theirs", "strategy=static scale=1k seed=1", 0.9)
    assert command.main([str(make.root), "theirs", "figures=no", "tables=scale"]) == 0
    out, err = capsys.readouterr()
    assert "static  85.0" in out and "n=2" in out
    assert f"{tmp_path}/tables/table.md" in err and (tmp_path / "tables" / "table.md").exists()
    fabricate.run(tmp_path / "theirs", "strategy=static scale=1k", 0.8)
    with pytest.raises(SystemExit) as exit_:
        guarded(command.main, [str(make.root), "theirs", "figures=no"])
    assert exit_.value.code == 1 and "it would count twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "tables", "figures"),
    [
        ([], None, None),
        (["figures=yes"], None, None),
        (["figures=no"], None, ()),
        (["tables=no"], (), None),
        (["tables=versus"], ("versus",), ()),
        (["figures=hardness,hours"], (), ("hardness", "hours")),
        (["tables=versus", "figures=all"], ("versus",), None),
        (["tables=all", "figures=hours"], None, ("hours",)),
        (["tables=versus", "figures=hours"], ("versus",), ("hours",)),
    ],
)
def test_where_one_kind_is_named_the_other_is_left_out(words, tables, figures):
    assert command.asked(parse(words, command.Options), words) == (tables, figures)


def test_one_figure_is_drawn_and_nothing_else(make, tmp_path, capsys):
    for scale in ("1k", "2k"):
        some(make, f"strategy=static scale={scale}", [0.8, 0.82])
    out = tmp_path / "out"
    command.main([str(make.root), "figures=accuracy", f"out={out}"])
    told, err = capsys.readouterr()
    stems = {path.stem for path in out.rglob("*.svg")}
    assert told == "" and stems and all(stem.startswith("accuracy") for stem in stems)
    assert not (out / "table.md").exists() and str(next(out.rglob("*.svg"))) in err
    command.main([str(make.root), "figures=hardness", f"out={tmp_path / 'none'}"])
    assert "figures=hardness: nothing to draw" in capsys.readouterr().err


def test_help_imports_no_table_and_no_figure():
    code = (
        "import sys\nfrom benchmarks import table\n"
        "try: table.main(['--help'])\nexcept SystemExit: pass\n"
        "assert not {'pandas', 'numpy', 'scipy', 'matplotlib', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "  versus     paired differences" in done.stdout and "  hardness  Hardness over time" in done.stdout
