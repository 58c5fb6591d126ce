"""What table, report and claims share: the folder they write to, seeds, prices."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import claims, cli, report, study_options, table
from dp_common.errors import BadInput
from results.analysis.study import Study

APPLICATIONS = {"table": table, "report": report, "claims": claims}


@pytest.mark.parametrize("name", APPLICATIONS)
def test_they_write_below_the_root_if_nothing_else_is_said(name):
    options = APPLICATIONS[name].Options
    folder = {"table": "tables", "report": "report", "claims": "claims"}[name]
    assert cli.parse(["a"], options).folder(folder) == Path("a") / folder
    assert cli.parse(["a", "out=b"], options).folder(folder) == Path("b")
    assert f"out=<root>/{folder} " in cli.help_text(options)
    assert cli.parse(["a", "b"], options).folder(folder) == Path(folder)  # here
    assert cli.parse(["a", "root=b,c"], options).root == ("a", "b,c")


@pytest.mark.parametrize("name", APPLICATIONS)
def test_prices_are_a_name_or_a_file(name):
    options = APPLICATIONS[name].Options
    assert cli.parse(["prices=none"], options).load_prices() is None
    assert cli.parse(["prices=digits-unet"], options).load_prices().name == "digits-unet.csv"
    with pytest.raises(BadInput, match="^prices=nothing: no such file"):
        cli.parse(["prices=nothing"], options).load_prices()


def test_seeds_choose_runs_and_what_is_left_out_is_said(monkeypatch, capsys):
    study = Study(pd.DataFrame({"run_id": list("abc"), "seed": [0, 1, 7]}), ("One is damaged.",))
    monkeypatch.setattr("results.analysis.study.load", lambda root, code: study)
    chosen = lambda *words: list(study_options.study_of(cli.parse(words, table.Options)).runs["run_id"])
    assert chosen("seed=0..1") == chosen("seeds=0,1") == ["a", "b"] and chosen("seed=7") == ["c"]
    assert chosen() == chosen("seeds=all") == ["a", "b", "c"]
    with pytest.raises(BadInput, match="^seed=2..4: no run under results/runs has such a seed"):
        chosen("seeds=2..4")
    assert "note: One is damaged." in capsys.readouterr().err
