"""The application ``run``: what it prints of a result, of a configuration and of its keys; signals."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks import run
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Held
from tests.processes import ROOT

SUMMARY = {
    "accuracy": 0.915,
    "accuracy_interval": [0.9, 0.93],
    "shifted": {"noise": 0.8},
    "gpu_hours": {"generate": 0.001, "train": 0.0, "total": 0.002},
    "gpu_hours_spent": 0.003,
    "images_generated": 1000,
    "images_kept": 800,
    "images_seen": 64000,
    "iterations": 1000,
    "scale": 1000,
    "scale_reached": False,
    "population": None,
    "values": {"strategy": "dp", "dp.patience": 3, "dp.schedule": "patience", "dp.deadline": "none", "dp.at": 0.0},
    "device": "cpu",
    "threads": 1,
    "attempts": 2,
    "additions": [{"call": "generate", "images": 500, "seen": 0, "true_label": 0.9}],
}


def test_the_result_is_told_in_full(tmp_path):
    text = run.result_text(SUMMARY, tmp_path)
    for part in (
        "test accuracy   91.50 %   [90.00, 93.00]",
        "noise 80.0",
        "1,000 generated, 800 kept, 64,000 seen in 1,000 iterations; the scale of 1,000 was not reached",
        "generate 3.6  (cpu, 1 thread(s))",
        "0.0020 of the result, 0.0030 spent in 2 attempt(s)",
        "500 images after         0 seen   true label % 90.00",
        f"folder          {tmp_path}",
    ):
        assert part in text, part
    assert text.splitlines()[-2].startswith("short           800 of 1,000 images: no further plateau came")
    assert text.splitlines()[-1] == f"next            python -m benchmarks.table {tmp_path.parent}"
    whole = run.result_text(SUMMARY | {"scale_reached": True}, tmp_path)
    assert whole.splitlines()[-2].startswith("folder")
    assert "was not reached" not in run.result_text(SUMMARY | {"scale_reached": True}, tmp_path)
    assert "mixed devices" in run.result_text(SUMMARY | {"gpu_hours": {"total": None}}, tmp_path)


def test_a_dry_run_tells_every_value_its_source_and_an_estimate(capsys, tmp_path):
    assert run.main(["--dry-run", "strategy=dp", "scale=4k", "seeds=3", f"root={tmp_path / 'new'}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("scale = 4000 ") and line.endswith("command line") for line in lines)
    assert any(line.startswith("seed = 3 ") for line in lines) and any("-s3-" in line for line in lines[-5:])
    assert lines[-4].startswith("images    1,000 plain, 3,000 guided at 4 of 20 steps; 128,000 seen")
    assert lines[-3].startswith("time      about") and "digits.csv" in lines[-2]
    assert lines[-1].startswith("disk      about")
    assert not (tmp_path / "new").exists()


def test_help_tells_every_key_of_a_run(capsys):
    with pytest.raises(SystemExit):
        run.main(["--help"])
    text = capsys.readouterr().out
    for key in ("--dry-run is dry_run=yes", "strategy=dp", "train.lr=0.002", "data.root=data", "dp.omega=", "root="):
        assert key in " ".join(text.split()), key
    assert max(map(len, text.splitlines())) <= 120


def test_a_run_as_json_is_its_summary(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "stop_on_signals", lambda: lambda: False)
    words = ["strategy=static", "scale=100", "train.seen=1920", "train.batch=64", "sampler.steps=5", "data.limit=450"]
    assert run.main([*words, f"root={tmp_path}", "--json", "--quiet"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["state"] == "done" and (tmp_path / summary["run_id"]).is_dir()


def test_signals_are_noted_and_the_second_interrupt_ends_at_once():
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)}
    try:
        stop = run.stop_on_signals()
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("application", ["run", "sweep"])
def test_an_interrupt_while_it_starts_is_one_line(application, tmp_path):
    """In the seconds of the imports, when one notices a wrong key."""
    words = ["strategy=static", "scale=100", "seed=0", f"root={tmp_path}"]
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{application}", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    first = process.stderr.readline()
    assert first
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and "Traceback" not in err, err
    assert err.count("\n") == 1 and "interrupted" in err and not list(tmp_path.glob("*/summary.json"))


@pytest.mark.parametrize("word", ["--help", "--list", "--dry-run", "root=/proc/none", "device=tpu", "task=cifar10"])
def test_what_needs_no_torch_imports_none(word):
    """Nor pandas, scikit-learn or scipy: the answer is there in a fraction of a second."""
    program = f"""if True:
        import sys
        heavy = ("torch", "timm", "sklearn", "pandas", "scipy", "matplotlib", "diffusers")
        class Refuse:
            def find_spec(self, name, path=None, target=None):
                if name in heavy:
                    print(f"{{name}} is imported", file=sys.stderr)
                    raise RuntimeError("refused")
        sys.meta_path.insert(0, Refuse())
        from benchmarks import cli, run
        cli.guarded(run.main, [{word!r}])"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == (0 if word.startswith("--") else 2) and "is imported" not in done.stdout + done.stderr


def test_help_of_a_plugin_tells_its_keys(capsys, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom dp_common import option\n@dataclass\nclass Mine:\n"
        "    bold: float = option(0.5, 'how bold')\n    def run(self, lab):\n        yield ''\n"
    )
    for spelling in (f"{tmp_path}/mine.py", f"{tmp_path}/mine.py:Mine"):
        with pytest.raises(SystemExit):
            run.main([f"strategy={spelling}", "--help"])
        text = capsys.readouterr().out
        assert "\nmine\n" in text and "mine.bold=0.5" in text and "how bold" in text
    with pytest.raises(BadInput, match="strategy=./nowhere.py: no such file"):
        run.main(["strategy=./nowhere.py", "--help"])


def test_a_run_that_is_done_is_shown_at_once(tmp_path, capsys, monkeypatch):
    """Without torch, whatever has become of data and weights since."""
    words = [
        "strategy=static",
        "scale=100",
        "train.seen=1920",
        "train.batch=64",
        f"root={tmp_path}",
        "data.limit=450",
        "population.images=0",
    ]
    assert run.main([*words, "--quiet"]) == 0
    first = capsys.readouterr().out
    monkeypatch.setattr("benchmarks.cheap_checks.refuse", lambda run: pytest.fail("looked for what it needs"))
    monkeypatch.setattr("dp_common.lab.runner.execute", lambda *a, **k: pytest.fail("begun again"))
    assert run.main(words) == 0
    assert capsys.readouterr() == (first, "")


def test_a_run_that_is_held_is_told_so_before_anything_is_imported(tmp_path, monkeypatch):
    from dp_common.persistence.lease import Lease

    words = ["strategy=static", "scale=100", "train.seen=1920", "train.batch=64", f"root={tmp_path}"]
    folder = tmp_path / resolve(words).run_id
    folder.mkdir()
    held = Lease(folder)
    try:
        monkeypatch.setattr("dp_common.lab.runner.execute", lambda *a, **k: pytest.fail("begun"))
        with pytest.raises(Held, match=f"held by pid {os.getpid()}"):
            run.main(words)
    finally:
        held.release()


def test_a_disk_that_is_too_small_is_told(tmp_path, monkeypatch, capsys):
    from types import SimpleNamespace

    from benchmarks import cheap_checks

    monkeypatch.setattr(cheap_checks.shutil, "disk_usage", lambda path: SimpleNamespace(free=10_000))
    said = f"root={tmp_path}: 4,000 images take at least 413 kB, and 10.0 kB are free there"
    with pytest.raises(BadInput, match=said):
        run.main([f"root={tmp_path}"])
    assert run.main(["--dry-run", f"root={tmp_path}"]) == 0  # planned here, for a machine with another disk
    assert f"missing   {said}" in capsys.readouterr().out
    assert run.main(["--dry-run", "scale=90", f"root={tmp_path}"]) == 0 and said not in capsys.readouterr().out


def test_runs_are_not_laid_into_a_study_that_is_kept(tmp_path):
    from benchmarks import cheap_checks, sweep
    from dp_common.errors import BadInput
    from results.reading.archived import ABOUT

    assert cheap_checks.INDEX == ABOUT
    (tmp_path / ABOUT).write_text("{}")
    for main, words in ((run.main, []), (sweep.main, ["--dry-run"])):
        with pytest.raises(BadInput, match="this one keeps a study without its runs"):
            main(["strategy=static", "scale=1k", f"root={tmp_path}", *words])
