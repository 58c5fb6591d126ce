"""What the trackers write of a story, read back by their own packages."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from benchmarks import follow
from dp_common.errors import BadInput, Problem
from tests.benchmarks.stories import STORY, follower, interrupted, opened, write


def test_a_missing_package_is_one_line(monkeypatch):
    for name in follow.trackers():
        monkeypatch.delitem(sys.modules, f"benchmarks.trackers.{name}", raising=False)
        for module in [module for module in sys.modules if module.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
        with pytest.raises(BadInput, match=f"needs the package {name}.*--extra tracking"):
            follow.tracker_of(name)


def test_tensorboard_reads_back_what_was_written(tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="the package tensorboard is not installed"
    )
    tracker = follow.tracker_of("tensorboard")
    one = follower(tmp_path, tracker)
    write(tmp_path / "runs" / "a", STORY[:5])
    one.look()
    write(tmp_path / "runs" / "a", interrupted(0.35))
    one.look()
    read = accumulator.EventAccumulator(str(tmp_path / "out" / STORY[0]["run_id"])).Reload()
    loss = [(event.step, event.value, event.wall_time) for event in read.Scalars("train/loss")]
    assert [step for step, _, _ in loss] == [100, 200, 300] and [value for _, value, _ in loss] == pytest.approx(
        [0.5, 0.35, 0.3]
    )
    assert loss[-1][2] == 1009.0 and read.Scalars("test/accuracy")[-1].value == pytest.approx(0.8)
    assert [event.value for event in read.Scalars("additions/images")] == [500, 500]


def test_wandb_is_told_the_same(tmp_path, monkeypatch):
    runs = []

    class Run:
        def __init__(self, **given):
            self.given, self.logged, self.metrics, self.ended = given, [], [], False
            runs.append(self)

        def define_metric(self, name, step_metric):
            self.metrics.append((name, step_metric))

        def log(self, values):
            self.logged.append(values)

        def finish(self):
            self.ended = True

    stand_in = ModuleType("wandb")
    stand_in.init, stand_in.Settings = lambda **given: Run(**given), lambda **given: given
    stand_in.errors = SimpleNamespace(Error=type("Error", (Exception,), {}))
    monkeypatch.setitem(sys.modules, "wandb", stand_in)
    monkeypatch.delitem(sys.modules, "benchmarks.trackers.wandb", raising=False)
    tracker = follow.tracker_of("wandb")
    write(tmp_path / "runs" / "a", STORY)
    follower(tmp_path, tracker).look()
    (run,) = runs
    assert (
        run.given["id"] == STORY[0]["run_id"]
        and run.given["config"] == STORY[0]["values"]
        and run.given["project"] == "project"
    )
    assert run.metrics == [("*", "images_seen")] and run.ended
    assert [values["images_seen"] for values in run.logged] == [0, 100, 200, 200, 300, 300] and run.logged[-1][
        "test/accuracy"
    ] == 0.8
    assert json.loads((tmp_path / "out" / STORY[0]["run_id"] / follow.NAME).read_text())["call 5"][1] == 300

    def refuse(**given):
        raise stand_in.errors.Error("No API key\nconfigured")

    stand_in.init = refuse
    write(tmp_path / "runs" / "b", [opened() | {"run_id": "other"}, *STORY[1:]])
    with pytest.raises(Problem, match="^wandb: No API key configured$"):
        follower(tmp_path, tracker).look()
