"""What nobody can run with, over all applications: exit code 2, one line that names the key, nothing written."""

import os
import subprocess
import sys
from importlib import import_module

import pytest

from benchmarks.cli import guarded
from tests.processes import ROOT

BAD = [  # application, words, how its one line begins
    ("run", "strateg=dp", "strateg=dp: no such key. Did you mean strategy?"),
    ("run", "strategy=dpp", "strategy=dpp: one of"),
    ("run", "dp", "dp: expected key=value"),
    ("run", "--dryrun", "--dryrun: no such key. Did you mean --dry-run?"),
    ("run", "quiet=perhaps", "quiet=perhaps: yes or no"),
    ("run", "--quiet scale=0", "scale=0: at least 1"),
    ("run", "--quiet scale=1.5", "scale=1.5: a whole number"),
    ("run", "--quiet seed=1 seeds=2", "seed=2: given twice"),
    ("run", "--quiet train.lr=fast", "train.lr=fast: expected a number"),
    ("run", "--quiet train.lr=nan", "train.lr=nan: a finite number"),
    ("run", "--quiet data.monitor=half", "data.monitor=half: one of disjoint, paper"),
    ("run", "--quiet preset=paper/nothing", "preset=paper/nothing: one of"),
    ("run", "--dry-run root=FILE/runs", "root=FILE/runs: cannot write there"),
    ("run", "--quiet root=FILE/runs", "root=FILE/runs: cannot write there"),
    ("run", "--quiet learner=no/such/model", "learner=no/such/model: "),
    ("run", "--quiet learner=vit_tny", "learner=vit_tny: "),
    ("run", "--quiet dp.score=random", "dp.score=random: "),
    ("run", "--quiet device=tpu", "device=tpu: "),
    ("check_images", "", "path: needed"),
    ("check_images", "nowhere", "path=nowhere: "),
    ("sweep", "launcher=slurmm", "launcher=slurmm: one of local, slurm. Did you mean slurm?"),
    ("sweep", "profile=cpu", "profile: only with launcher=slurm"),
    ("sweep", "slurm.time=5", "slurm.time: only with launcher=slurm"),
    ("sweep", "launcher=slurm", "profile: launcher=slurm needs one of"),
    ("sweep", "launcher=slurm profile=cpuu", "profile=cpuu: one of"),
    ("sweep", "launcher=slurm profile=cpu slurm.tme=5", "slurm.tme: no such key"),
    ("sweep", "launcher=slurm profile=cpu slurm.time=1", "slurm.time=1: at least"),
    ("sweep", "launcher=slurm profile=cpu workers=2", "workers=2: only with launcher=local"),
    ("sweep", "workers=-1", "workers=-1: at least 0"),
    ("sweep", "workers=many", "workers=many: a whole number"),
    ("sweep", "scale=1k scale=2k", "scale=2k: given twice, first as 1k"),
    ("sweep", "grid=nothing", "grid=nothing: one of"),
    ("sweep", "grid=digits grid=table1", "grid=table1: given twice"),
    ("sweep", "seed=4..0", "seed=4..0: "),
    ("sweep", "scale=1k,,2k", "scale=1k,,2k: "),
    ("sweep", "strategy=static dp.omega=0,1", "dp.omega"),
    ("sweep", "root=FILE/runs strategy=static", "root=FILE/runs: cannot write there"),
    ("sweep", "--dry-run root=FILE/runs strategy=static", "root=FILE/runs: cannot write there"),
    ("status", "nowhere", "root=nowhere: no such folder"),
    ("status", "FILE", "root=FILE: not a folder"),
    ("status", "a a", "root=a: given twice"),
    ("status", "--al", "--al: no such key. Did you mean --all?"),
    ("status", "all=some", "all=some: yes or no"),
    ("cancel", "root=nowhere", "root=nowhere: no such folder"),
    ("cancel", "root=RUNS sweep=0123456789", "sweep=0123456789: no sweep of these keys"),
    ("cancel", "root=RUNS sweep=0123456789 seed=1", "sweep=0123456789: either"),
    ("table", "nowhere", "root=nowhere: no such folder"),
    ("table", "RUNS", "root=RUNS: holds no runs"),
    ("table", "RUNS figures=maybe", "figures=maybe: all, no, or some of"),
    ("table", "RUNS tables=scale,reech", "tables=reech: all, or some of"),
    ("table", "RUNS target=200", "target=200: auto, or percent correct"),
    ("table", "RUNS seeds=x", "seed=x: all, or numbers"),
    ("table", "RUNS table=all", "table=all: no such key. Did you mean tables?"),
    ("report", "RUNS", "root=RUNS: holds no runs"),
    ("report", "RUNS prices=nothing.csv", "prices=nothing.csv: no such file"),
    ("report", "RUNS fast=yes", "fast=yes: no such key"),
    ("claims", "RUNS prices=digits-unett", "prices=digits-unett: no such file"),
    (
        "claims",
        "RUNS prices=results/measured/speed/digits-unet.csv",
        "prices=results/measured/speed/digits-unet.csv: is",
    ),
    ("claims", "a a", "root=a: given twice"),
    ("follow", "RUNS", "to: needed: one of tensorboard, wandb"),
    ("follow", "RUNS to=tensorbord", "to=tensorbord: one of tensorboard, wandb. Did you mean tensorboard?"),
    ("follow", "RUNS to=tensorboard every=0", "every=0: more than 0"),
    ("follow", "RUNS to=tensorboard once=maybe", "once=maybe: yes or no"),
    ("speed", "repeat=0", "repeat=0: at least 1"),
    ("speed", "block=-1", "block=-1: at least 1"),
    ("speed", "suite=digit", "suite=digit: some of digits"),
    ("speed", "suite=digits,digits", "suite=digits,digits: different values"),
    ("speed", "suite=digits strategy=dp", "strategy=dp: keys of a run go with suite="),
    ("speed", "suite=digits out=FILE/x.csv", "out=FILE/x.csv: cannot write there"),
    ("speed", "suite=unet device=tpu", "device=tpu: "),
    ("theory", "repeats=1", "repeats=1: at least 2"),
    ("theory", "lam=1,1", "lam=1,1: different values"),
    ("theory", "n=100,200,300,400,500", "n=100,200,300,400,500: at most 4 different values"),
    ("theory", "rho=nan", "rho=nan: a finite number"),
    ("theory", "root=FILE/runs", "out=FILE/runs/theory: cannot write there"),
    ("theory", "root=new out=FILE/out", "out=FILE/out: cannot write there"),
    ("train_teacher", "", "task: needed"),
    ("train_teacher", "task=digit", "task=digit: one of"),
    ("train_teacher", "task=digits steps=0", "steps=0: at least 1"),
    ("train_teacher", "task=digits stepps=3", "stepps=3: no such key. Did you mean steps?"),
    ("train_teacher", "task=digits out=weights.bin", "out=weights.bin: a file name that ends in .safetensors"),
    ("train_teacher", "task=digits out=FILE/t.safetensors", "out=FILE/t.safetensors: cannot write there"),
    ("train_teacher", "task=digits out=/proc/none/t.safetensors", "out=/proc/none/t.safetensors: cannot write there"),
    ("train_teacher", "task=digits samples=1", "samples=1: at least 10"),
    ("train_teacher", "task=digits save=fp8", "save=fp8: one of fp32, bf16"),
    ("__main__", "statsu", "statsu: one of run, sweep, status"),
    ("__main__", "speed repeat=0", "repeat=0: at least 1"),
    ("table", "a nowhere", "root=a: no such folder"),
    ("table", "RUNS nowhere", "root=nowhere: no such folder"),
    ("table", "FILE", "root=FILE: not a folder"),
    ("table", "RUNS FILE", "root=FILE: not a folder"),
    ("table", "RUNS root=RUNS", "root=RUNS: given twice"),
    ("table", "RUNS figures=hardnes", "figures=hardnes: all, no, or some of"),
    ("table", "RUNS figures=hours,hours", "figures=hours,hours: different values"),
    ("table", "RUNS figures=no,hours", "figures=no: all, no, or some of"),
    ("table", "RUNS tables=versus,no", "tables=no: all, or some of"),
    ("table", "RUNS figures=", "figures=: a value is missing"),
    ("table", "RUNS tables=", "tables=: a value is missing"),
    ("table", "RUNS tables=./none.py", "tables=./none.py: no such file"),
    ("table", "RUNS tables=no figures=no", "tables=no: with figures=no too there is nothing to make"),
    ("table", "RUNS target=93,", "target=93,: auto, or percent correct"),
    ("table", "RUNS code=oldest", "code=oldest: one of newest, all"),
    ("table", "RUNS open=maybe", "open=maybe: yes or no"),
    ("table", "RUNS exclude=", "exclude=: a value is missing"),
    ("table", "RUNS seed=4..0", "seed=4..0: first..last"),
    ("table", "RUNS seed=-1", "seed=-1: all, or numbers"),
    ("report", "FILE", "root=FILE: not a folder"),
    ("report", "RUNS nowhere", "root=nowhere: no such folder"),
    ("report", "RUNS figures=hours", "figures=hours: no such key"),
    ("report", "RUNS open=5", "open=5: yes or no"),
    ("report", "RUNS seed=1,1", "seed=1,1: different values"),
    ("claims", "FILE", "root=FILE: not a folder"),
    ("claims", "RUNS", "root=RUNS: holds no runs"),
    ("claims", "RUNS nowhere", "root=nowhere: no such folder"),
    ("claims", "RUNS only=C1", "only=C1: no such key"),
    ("claims", "RUNS code=new", "code=new: one of newest, all"),
    ("status", "RUNS nowhere", "root=nowhere: no such folder"),
    ("status", "RUNS json=perhaps", "json=perhaps: yes or no"),
    ("status", "root=", "root=: a value is missing"),
    ("forget", "", "forget: say which"),
    ("forget", "RUNS", "forget: say which"),
    ("forget", "RUNS yes=yes", "forget: say which"),
    ("forget", "nowhere --all", "root=nowhere: no such folder"),
    ("forget", "FILE --all", "root=FILE: not a folder"),
    ("forget", "RUNS run=digits-x", "run=digits-x: no run of this id there"),
    ("forget", "RUNS state=running", "state=running: any, or some of failed"),
    ("forget", "RUNS state=faild", "state=faild: any, or some of failed"),
    ("forget", "RUNS state=failed,failed", "state=failed,failed: different values"),
    ("forget", "RUNS code=newest", "code=newest: one of older"),
    ("forget", "RUNS --all strategy=dp", "all=yes: alone"),
    ("forget", "RUNS --al", "--al: no such key. Did you mean --all?"),
    ("forget", "RUNS seed=4..0", "seed=4..0: first..last"),
    ("forget", "RUNS strategy=dp,,static", "strategy=dp,,static: an empty value"),
    ("forget", "RUNS --force", "--force: no such key"),
    ("forget", "RUNS yes=please", "yes=please: yes or no"),
    ("export", "", "run: needed"),
    ("export", "RUNS", "to: needed: one of imagefolder"),
    ("export", "RUNS to=zip out=x", "to=zip: one of imagefolder"),
    ("export", "RUNS to=parquet", "out: needed"),
    ("export", "RUNS to=parquet out=RUNS", "out=RUNS: is there already"),
    ("export", "RUNS to=parquet out=FILE/x", "out=FILE/x: cannot write there"),
    ("export", "RUNS to=parquet out=x", "run=RUNS: not the folder of a run"),
    ("export", "none to=parquet out=x root=RUNS", "run=none: no such folder, and no run of this id"),
    ("export", "none to=parquet out=x root=nowhere", "run=none: no such folder, and no run of this id"),
    ("check_images", "a b", "path=b: given twice, first as a"),
    ("check_images", "FILE", "path=FILE: "),
    ("check_images", "RUNS", "path=RUNS: "),
    ("sweep", "slurm.time=", "slurm.time: only with launcher=slurm"),
    ("sweep", "launcher=", "launcher: one of local, slurm"),
    ("sweep", "--dry-run strategy=static,statik", "strategy=statik: one of"),
    ("sweep", "--dry-run strategy=", "strategy=: expected key=value"),
    ("sweep", "--dry-run seed=0..", "seed=0..: a range is first..last"),
    ("sweep", "--dry-run workers=2 workers=3", "workers=3: given twice, first as 2"),
    ("cancel", "root=RUNS strategy=dp", "sweep="),
    ("cancel", "FILE", "root=FILE: not a folder"),
    ("follow", "FILE to=tensorboard", "root=FILE: not a folder"),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, with an empty folder of runs and a file where folders are wanted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr("benchmarks.run.stop_on_signals", lambda: bool)  # no handlers in this process
    (tmp_path / "runs").mkdir()
    (tmp_path / "file").touch()
    return tmp_path


def place(text: str) -> str:
    return text.replace("RUNS", "runs").replace("FILE", "file")


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
    assert left == ["file", "runs"], left


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
