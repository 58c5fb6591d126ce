"""Sweeps: what they are called and consist of, how many runs at a time; an interrupt stops those that just start."""

import json
import os
import signal
import tempfile
import time
from types import SimpleNamespace

import pytest

from benchmarks import local_launcher, sweep
from dp_common.errors import BadInput
from dp_common.persistence import ledger
from tests.processes import command

SMALL = "train.seen=1920 train.batch=64 sampler.steps=5 mixture.components=2 data.limit=450 population.images=0".split()


def test_a_sweep_is_called_by_its_keys_in_any_order_and_not_by_its_root():
    name = sweep.sweep_name(["strategy=dp", "seed=0..4"])
    assert name == sweep.sweep_name(["seed=0..4", "root=/elsewhere", "strategy=dp"]) and len(name) == 10
    assert name != sweep.sweep_name(["strategy=dp", "seed=0..5"])


def test_its_plan_is_what_it_consists_of(tmp_path):
    runs = sweep.plan(["strategy=static,dp", "dp.omega=0.05,0", "seed=0..1", f"root={tmp_path}"])
    assert len(runs) == 6 and len({run.run_id for run in runs}) == 6
    assert len(sweep.plan(["strategy=dp", "dp.omega=0,0.0"])) == 1  # runs that come out equal are one
    name = sweep.remember(tmp_path / "new", ["strategy=static"], runs)
    content = json.loads((tmp_path / "new" / "sweeps" / f"{name}.json").read_text())
    assert content == {"words": ["strategy=static"], "runs": {run.run_id: run.words for run in runs}}


def test_a_text_that_commas_have_parted_is_told_of_quotes():
    words = ["teacher=stable-diffusion", "strategy=static", "stable_diffusion.template=a {name}, in colour"]
    with pytest.raises(BadInput, match="commas part values here: what belongs together stands in quotes"):
        sweep.plan(words)
    assert len(sweep.plan([*words[:2], "stable_diffusion.template='a {name}, in colour'"])) == 1


def test_what_is_done_is_not_missing(tmp_path):
    """Nor is it done where its ledger is gone: the run says so when its turn comes."""
    runs = sweep.plan(["strategy=static", "seed=0..3"])
    for run, state, lines in zip(runs, ("done", "open", "done"), (1, 1, 0)):
        folder = tmp_path / run.run_id
        folder.mkdir()
        (folder / "summary.json").write_text(json.dumps({"state": state}))
        (folder / ledger.NAME).write_bytes(lines * ledger.encode({"n": 0, "kind": "open"}))
    assert sweep.missing(runs, tmp_path) == runs[1:]


def test_a_rank_of_a_torchrun_starts_no_sweep(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadInput, match="^WORLD_SIZE=2"):
        sweep.main(["strategy=static"])


def test_as_many_runs_at_a_time_as_cores_over_threads(monkeypatch):
    runs = [SimpleNamespace(spec=SimpleNamespace(threads=threads)) for threads in (1, 3)]
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert [local_launcher.workers_for(asked, runs) for asked in (0, 5)] == [2, 5]
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    assert local_launcher.workers_for(0, runs) == 1 and local_launcher.workers_for(0, []) == 1


def test_a_long_temporary_folder_is_left_for_a_short_one(monkeypatch, tmp_path):
    deep = tmp_path / ("x" * 118)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert tempfile.gettempdir() == str(deep)
    local_launcher.shorten_temporary_folder()
    assert len(tempfile.gettempdir()) <= local_launcher.LONGEST_TEMPORARY
    short = tempfile.gettempdir()
    local_launcher.shorten_temporary_folder()
    assert tempfile.gettempdir() == short
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(BadInput, match="^TMPDIR=.*at most 70 characters"):
        local_launcher.shorten_temporary_folder()


class Process:
    """Stands for a process that ends when it is terminated."""

    started: list["Process"] = []

    def __init__(self, target, args):
        self.exitcode, self.ended = None, 0

    def start(self):
        Process.started.append(self)

    def terminate(self):
        self.ended += 1

    def join(self):
        self.exitcode = 1 if self.ended else 0


def test_a_run_that_starts_after_the_interrupt_is_ended_too(tmp_path, monkeypatch):
    monkeypatch.setattr(Process, "started", [])
    launcher = local_launcher.Launcher()
    launcher.context = SimpleNamespace(Process=Process)
    assert launcher.run(["seed=0"], tmp_path)[0] == 0 and Process.started[0].ended == 0
    launcher.stop()
    monkeypatch.setattr(Process, "started", [])
    assert launcher.run(["seed=1"], tmp_path)[0] == 1 and Process.started[0].ended == 1 and not launcher.processes


def outcome(monkeypatch, tmp_path, codes):
    """The exit code of a launch whose runs end with these codes."""
    runs = [SimpleNamespace(words=[code], run_id=f"run-{n}") for n, code in enumerate(codes)]
    monkeypatch.setattr(local_launcher.Launcher, "run", lambda self, words, folder: (words[0], 1.0))
    return local_launcher.launch(runs, 2, tmp_path)


@pytest.mark.parametrize(
    ("codes", "code", "told"),
    [
        ([0, 0], 0, None),
        ([0, 3, 3], 3, "other processes work on 2 of 3 runs, the others are done. python -m benchmarks.status"),
        ([0, 1, 2], 1, "2 of 3 runs failed; the others are done. python"),
        ([3, 1], 1, "1 of 2 runs failed; the others are done or worked on elsewhere. python"),
        ([0, 130, 3], 130, "1 of 3 runs were told to stop; the same command goes on"),
        ([130, 1], 1, "1 of 2 runs failed; the others are done or told to stop. python"),
    ],
)
def test_a_run_that_another_process_works_on_did_not_fail(monkeypatch, tmp_path, capsys, codes, code, told):
    assert outcome(monkeypatch, tmp_path, codes) == code
    err = capsys.readouterr().err
    assert told in err if told else "benchmarks.status" not in err
    assert ("held by another process" in err) is (3 in codes)


def test_sigterm_ends_a_sweep_as_ctrl_c_does_and_a_second_one_changes_nothing(monkeypatch, tmp_path, capsys):
    def run(self, words, folder):
        if not self.stopping:
            time.sleep(0.2)  # until all are handed out
            os.kill(os.getpid(), signal.SIGTERM)
            while not self.stopping:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGTERM)
        return 1, 1.0

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(local_launcher.Launcher, "run", run)
    runs = [SimpleNamespace(words=[], run_id=f"run-{n}") for n in range(5)]
    assert local_launcher.launch(runs, 1, tmp_path) == 130
    assert capsys.readouterr().err.count("interrupted") == 1 and signal.getsignal(signal.SIGTERM) is before


def test_a_dry_run_tells_the_state_of_every_run_and_writes_nothing(tmp_path, capsys):
    words = ["strategy=static,dp", "seed=0..1", "scale=100", f"root={tmp_path}"]
    runs = sweep.plan(words)
    for run in runs[:2]:
        (tmp_path / "deeper" / run.run_id).mkdir(parents=True)
        opened = {"n": 0, "t": 1.0, "kind": "open", "run_id": run.run_id, "attempt": 1, "spent": {}, "devices": 1}
        (tmp_path / "deeper" / run.run_id / "ledger.jsonl").write_bytes(ledger.encode(opened))
    before = sorted(tmp_path.rglob("*"))
    assert sweep.main([*words, "--dry-run"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [  # the estimate follows
        [state, run.run_id] for state, run in zip(("interrupted", "interrupted", "new", "new"), runs)
    ]
    assert lines[0].endswith("(nothing done yet)") and "strategy=dp" in lines[3] and "0 done already, 4 to do" in err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sweep_runs_what_is_missing_and_a_failure_touches_no_other(tmp_path):
    root = f"root={tmp_path}"
    code, _, err = command(
        "sweep", "strategy=static,real", "scale=100", "seed=0", "train.lr=0.001,1e30", "launcher=local", root, *SMALL
    )
    assert code == 1 and "2 of 4 runs failed" in err, err
    code, out, _ = command("status", str(tmp_path))
    assert code == 0 and out.startswith("2 failed  2 done") and out.count("the training loss became nan") == 2, out
    code, out, err = command(
        "sweep", "--dry-run", "strategy=static,real", "scale=100", "seed=0..1", "train.lr=0.001", root, *SMALL
    )
    assert code == 0 and "4 runs, 2 done already, 2 to do" in err
    states = [line.split()[0] for line in out.splitlines() if "digits-" in line and not line.startswith("longest")]
    assert sorted(states) == ["done", "done", "new", "new"]
    done = next(path for path in tmp_path.glob("*/summary.json"))
    summary = json.loads(done.read_text())
    for key in (
        "run_id state strategy task teacher learner scale scale_reached seed accuracy accuracy_interval shifted "
        "images_generated images_kept images_seen iterations network_evaluations device devices gpu_hours "
        "gpu_hours_spent rounds versions git"
    ).split():
        assert key in summary, key
