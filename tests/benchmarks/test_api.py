"""The benchmark from Python: the same keys, results as values; run and sweep are modules that can be called."""

import json
import signal
import subprocess
import sys
import threading

import pytest

import benchmarks.run  # as an application does: the name below is the module, and can be called
import benchmarks.sweep  # noqa: F401
from benchmarks import api, load, run, sweep
from dp_common.errors import BadInput
from tests.processes import ROOT

SMALL = {"scale": 100, "train": {"seen": 1920, "batch": 64}, "sampler": {"steps": 5}, "mixture": {"components": 2}}
SMALL |= {"data": {"limit": 450}, "population": {"images": 0}}


def test_keys_are_those_of_the_command_line():
    words = api.as_overrides(
        ["scale=4k"],
        {"seeds": range(3), "strategy": ["static", "dp"], "dp": {"omega": 0.05}, "train": {"flip": True, "seen": "1k"}},
    )
    assert words == [
        "scale=4k",
        "seed=0,1,2",
        "strategy=static,dp",
        "dp.omega=0.05",
        "train.flip=true",
        "train.seen=1k",
    ]


def test_a_run_returns_its_summary_and_load_a_row(tmp_path):
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    summary = run(strategy="static", root=tmp_path, quiet=True, **SMALL)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert summary == json.loads((tmp_path / summary["run_id"] / "summary.json").read_text())
    frame = load(tmp_path)
    assert list(frame["run_id"]) == [summary["run_id"]] and frame["accuracy"][0] == summary["accuracy"]


def test_a_run_in_another_thread_installs_no_handlers():
    found = []

    def ask():
        with api.stop_flag() as stop:
            found.append(stop())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert found == [False]


def test_a_sweep_runs_what_is_missing_and_returns_its_rows(tmp_path, monkeypatch):
    launched = []

    def launch(todo, workers, root):
        launched.append((len(todo), workers))
        for resolved in todo:
            run(*resolved.words, quiet=True)
        return 0

    monkeypatch.setattr("benchmarks.local_launcher.launch", launch)
    run(strategy="static", seed=9, root=tmp_path, quiet=True, **SMALL)  # another run under the root
    frame = sweep(strategy="static", seed=range(2), root=tmp_path, workers=2, **SMALL)
    assert sorted(frame["seed"]) == [0, 1] and set(frame["state"]) == {"done"}
    assert len(sweep(strategy="static", seed=range(2), root=tmp_path, **SMALL)) == 2 and launched == [(2, 2)]


def test_bad_keys_are_refused():
    with pytest.raises(BadInput, match="Did you mean strategy"):
        run(strateg="dp")
    with pytest.raises(BadInput, match="grid=nothing"):
        sweep(grid="nothing")


def test_the_package_imports_nothing_heavy_and_says_what_it_has_not():
    code = (
        "import sys, benchmarks\nfrom benchmarks import run, sweep, load\nassert callable(run) and callable(sweep)\n"
        "assert not {'torch', 'pandas'} & set(sys.modules)\n"
        "try:\n    benchmarks.nothing\nexcept AttributeError as error:\n    assert 'nothing' in str(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
