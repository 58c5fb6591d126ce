"""The command line as a user meets it: a sweep to its end, status, a failed run beside good ones, exit codes."""

import json
import subprocess
import sys
from importlib import import_module

import pytest

from benchmarks.cli import guarded
from dp_common.config.resolve import resolve
from dp_common.lab import runner
from tests.processes import ROOT, command, start

SMALL = ["train.seen=1920", "train.batch=64", "sampler.steps=5", "mixture.components=2"]


def interpreter(module, *words):
    """As ``command``, by an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *words], capture_output=True, text=True, cwd=ROOT
    )
    return done.returncode, done.stdout, done.stderr


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
    assert code == 0 and "4 runs, 2 done already, 2 to do" in err and len(out.splitlines()) == 2
    done = next(path for path in tmp_path.glob("*/summary.json"))
    summary = json.loads(done.read_text())
    for key in (
        "run_id state strategy task teacher learner scale scale_reached seed accuracy accuracy_interval shifted "
        "images_generated images_kept images_seen iterations network_evaluations device devices gpu_hours "
        "gpu_hours_spent rounds versions git"
    ).split():
        assert key in summary, key


def test_a_finished_run_answers_at_once_and_status_tells_missing_ones(tmp_path):
    words = ["strategy=static", "scale=100", f"root={tmp_path}", *SMALL]
    code, first, _ = command("run", *words)
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    again, second, _ = command("run", *words)
    assert code == again == 0 and first == second
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "x.json").write_text(
        json.dumps({"runs": {"digits-dp-1k-s0-0123456789": ["strategy=dp", "scale=1k"]}})
    )
    assert "missing      digits-dp-1k-s0-0123456789" in command("status", str(tmp_path))[1]


def test_status_of_a_running_and_a_killed_run(tmp_path):
    words = ["strategy=static", "scale=100", f"root={tmp_path}", "train.seen=64000"]
    process = start(words)
    folder = runner.folder_of(resolve(words))
    while not (folder / "lease.json").exists():
        pass
    running = command("status", str(tmp_path))[1]
    process.kill()
    process.join()
    assert "1 running" in running and "1 interrupted" in command("status", str(tmp_path))[1]


def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.run.stop_on_signals", lambda: bool)  # no handlers in this process

    def inside(module, *words):
        """As ``command``, without a process of its own."""
        with pytest.raises(SystemExit) as ended:
            guarded(import_module(f"benchmarks.{module}").main, list(words))
        return ended.value.code, *capsys.readouterr()

    for run, words in (
        (command, "learner=vit_tny"),
        (interpreter, "dp.score=random"),
        (inside, "scale=0"),
        (inside, "device=tpu"),
    ):
        code, out, err = run("run", words, f"root={tmp_path / 'new'}", "--quiet")
        assert (code, out, err.count("\n")) == (2, "", 1) and err.startswith(f"error: {words}"), err
        assert not (tmp_path / "new").exists()
    assert inside("run", f"root={ROOT / 'pyproject.toml'}", "--quiet")[0] == 2
    assert inside("status", str(tmp_path / "nowhere"))[0] == 2
    assert inside("sweep", "strategy=dp", "launcher=slurmm")[0] == 2
