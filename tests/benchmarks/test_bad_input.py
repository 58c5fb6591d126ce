"""What nobody can run with, over all applications: exit code 2, one line that names the key, nothing written."""

import os
import subprocess
import sys
from importlib import import_module

import pytest

from benchmarks.cli import guarded
from dp_common.errors import BadInput
from tests.benchmarks.bad_words_of_results import RESULTS
from tests.benchmarks.bad_words_of_runs import RUNS
from tests.processes import ROOT

BAD = RUNS + RESULTS


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, with an empty folder of runs, a file where folders are wanted, and a root whose pool is on
    something that takes no files.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr("benchmarks.run.stop_on_signals", lambda: bool)  # no handlers in this process
    (tmp_path / "runs").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "pool").symlink_to("/proc")
    return tmp_path


def place(text: str) -> str:
    return text.replace("RUNS", "runs").replace("FILE", "file").replace("FULL", "full")


@pytest.mark.parametrize(("application", "words", "line"), BAD, ids=lambda value: value.replace("/", "|"))
def test_it_is_one_line_and_exit_2_and_nothing_is_written(here, capsys, application, words, line):
    with pytest.raises(SystemExit) as ended:
        guarded(import_module(f"benchmarks.{application}").main, place(words).split())
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and out == "", err
    *before, last = err.splitlines()
    assert last.startswith(f"error: {place(line)}"), err
    assert not before or application == "sweep", err  # a sweep says first how many runs it has
    left = sorted(str(path.relative_to(here)) for path in here.rglob("*"))
    assert left == ["file", "full", "full/pool", "runs"], left


@pytest.mark.parametrize(
    "words", ["task=mnist data.root=RUNS", "task=imagenet1k data.root=/data/imagenet", "task=svhn"]
)
def test_what_is_planned_for_another_machine_is_told_what_is_missing_here(here, capsys, words):
    from benchmarks import run, sweep

    assert run.main(["--dry-run", "teacher=mixture", *place(words).split()]) == 0
    assert "missing   data.root=" in capsys.readouterr().out
    assert sweep.main(["--dry-run", "teacher=mixture", "strategy=static", "seed=0..2", *place(words).split()]) == 0
    told = capsys.readouterr()
    assert told.err.count("missing   data.root=") == 1 and told.out.count("new   ") == 3
    with pytest.raises(BadInput, match="data.root="):
        run.main(["--quiet", "teacher=mixture", *place(words).split()])


def test_it_is_so_in_an_interpreter_of_its_own(tmp_path):
    for module, words in (("run", ["dp.score=random", "--quiet"]), ("sweep", ["scale=1k", "scale=2k"])):
        command = [sys.executable, "-m", f"benchmarks.{module}", *words, f"root={tmp_path / 'new'}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert not (tmp_path / "new").exists()


def test_old_words_of_the_readme_still_mean_what_they_did():
    from benchmarks import cli, follow, status, table

    options = cli.parse(["root=a", "seeds=0..1", "figures=no", "tables=reach,costs", "target=93"], table.Options)
    assert (options.root, options.seed, options.figures) == (("a",), (0, 1), ("no",))
    assert options.tables == ("reach", "costs") and options.target == (0.93,)
    assert cli.parse(["a", "to=wandb", "once=yes"], follow.Options).once
    assert cli.parse(["a", "--all"], status.Options) == cli.parse(["root=a", "all=yes"], status.Options)


def test_home_is_expanded(here, monkeypatch):
    from benchmarks import cli, table

    monkeypatch.setenv("HOME", str(here))
    assert cli.parse(["root=~/x", "~/y"], table.Options).root == (f"{here}/x", f"{here}/y") and os.path.expanduser(
        "~"
    ) == str(here)
