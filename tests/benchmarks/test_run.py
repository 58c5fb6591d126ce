"""The application ``run``: what it prints of a result, of a configuration and of its keys; signals."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from benchmarks import run
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
    assert text.splitlines()[-1].startswith("short           800 of 1,000 images: no further plateau came")
    whole = run.result_text(SUMMARY | {"scale_reached": True}, tmp_path)
    assert whole.splitlines()[-1].startswith("folder")
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
    words = ["strategy=static", "scale=100", "train.seen=1920", "train.batch=64", "sampler.steps=5"]
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
    assert process.returncode in (1, 130) and out == "" and "Traceback" not in err, err
    assert err.count("\n") == 1 and "interrupted" in err and not list(tmp_path.glob("*/summary.json"))
