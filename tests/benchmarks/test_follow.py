"""Following runs: what a tracker is told, bit by bit and across interruptions, and that it is told nothing twice."""

import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from benchmarks import follow
from dp_common.errors import BadInput, Damaged, Problem
from dp_common.lab import runner
from dp_common.persistence import ledger
from results.reading.events import events


def opened(attempt=1, lost=0.0):
    return {
        "kind": "open",
        "run_id": "blobs-dp-1k-s0-0123456789",
        "lost": lost,
        "devices": 2,
        "values": {"task": "blobs", "strategy": "dp"},
        "attempt": attempt,
    }


def call(number, name, seen, size, measured, answer=0.5, train=0.0, **more):
    state = {"size": size, "seen": seen, "seen_total": seen, "iterations": seen // 10, "generated": size}
    return {
        "kind": "call",
        "call": number,
        "name": name,
        "args": {},
        "digest": f"d{number}",
        "answer": answer,
        "state": state,
        "added": [],
        "replaced": False,
        "used": [],
        "measured": measured,
        "spent": {"phases": {"train": train} if train else {"generate": 1.8}, "counts": {}},
    } | more


def trained(number, seen, loss, size=500):
    return call(number, "train", seen, size, {"loss": loss, "monitor": 1 - loss}, train=3.6)


STORY = [
    opened(),
    call(1, "generate", 0, 500, {"score_at_birth": None, "true_label": 0.9}, answer=500),
    trained(2, 100, 0.5),
    trained(3, 200, 0.4),
    call(4, "generate", 200, 1000, {"score_at_birth": 1.2}, answer=500),
    trained(5, 300, 0.3, 1000),
    {"kind": "evaluate", "call": 5, "test": {"accuracy": 0.8, "n": 10}, "blur": {"accuracy": 0.6, "n": 10}},
    {"kind": "close", "state": "done", "why": None, "wall": 1.0},
]


def write(folder, lines):
    folder.mkdir(parents=True, exist_ok=True)
    attempt, records = 1, []
    for n, line in enumerate(lines):
        attempt = line.get("attempt", attempt)
        records.append({"n": n, "t": 1000.0 + n, "attempt": attempt, "spent": {}} | line)
    data = b"".join(map(ledger.encode, records))
    (folder / ledger.NAME).write_bytes(data)
    return data


class Notebook:
    """A tracker that remembers what it was told, in order, over all its instances."""

    pages, closed = [], []

    def __init__(self, out, run_id, values, project):
        self.run_id = run_id

    def write(self, events):
        Notebook.pages += events

    def void(self, step):
        Notebook.pages.append(step)

    def close(self):
        Notebook.closed.append(self.run_id)


@pytest.fixture
def notebook():
    Notebook.pages, Notebook.closed = [], []
    return Notebook


def follower(tmp_path, tracker=Notebook):
    return follow.Follower(tmp_path / "runs", tmp_path / "out", tracker, "project")


def places(pages):
    return [page.place if hasattr(page, "place") else page for page in pages]


def test_what_is_told_of_a_run():
    records = [{"n": n, "t": float(n), "attempt": 1, "spent": {}} | line for n, line in enumerate(STORY)]
    found = events(records)
    assert [event.step for event in found] == [0, 100, 200, 200, 300, 300] and [event.time for event in found] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    first, train, addition, final = found[0].values, found[1].values, found[3].values, found[-1].values
    assert first == {
        "additions/number": 1,
        "additions/images": 500,
        "set/size": 500,
        "set/generated": 500,
        "additions/true_label": 0.9,
        "hours_spent/generate": 0.0005,
        "hours_spent/total": 0.0005,
    }  # no score at birth: nothing had been trained
    assert train["train/loss"] == 0.5 and train["monitor/accuracy"] == 0.5 and train["hours_spent/train"] == 0.001
    assert (
        addition["additions/score_at_birth"] == 1.2
        and addition["additions/number"] == 2
        and addition["set/size"] == 1000
    )
    assert (
        final["test/accuracy"] == 0.8
        and final["shifted/blur"] == 0.6
        and final["hours_spent/total"] == pytest.approx(0.004)
    )


def test_a_real_run_ends_with_the_numbers_of_its_summary(small):
    resolved = small("strategy=dp")
    summary = runner.execute(resolved, quiet=True)
    found = events(ledger.read(runner.folder_of(resolved)))
    last = found[-1].values
    assert last["test/accuracy"] == summary["accuracy"] and last["hours_spent/total"] == pytest.approx(
        summary["gpu_hours_spent"]
    )
    assert {
        name.removeprefix("shifted/"): value for name, value in last.items() if name.startswith("shifted/")
    } == summary["shifted"]
    assert sum("additions/images" in event.values for event in found) == len(summary["additions"]) > 1
    assert found[-1].step == summary["images_seen"] and found[-2].values["set/size"] == summary["images_kept"]


def test_a_growing_ledger_is_told_once_and_a_torn_line_waits(tmp_path, notebook):
    data = write(tmp_path / "runs" / "a", STORY)
    whole = events(ledger.read(tmp_path / "runs" / "a"))
    one, path = follower(tmp_path), tmp_path / "runs" / "a" / ledger.NAME
    for end in [*range(0, len(data), 97), len(data)]:
        path.write_bytes(data[:end])
        one.look()
    assert notebook.pages == whole and notebook.closed == [STORY[0]["run_id"]]
    one.look()
    follower(tmp_path).look()  # another process, later
    assert notebook.pages == whole


def interrupted(loss):
    """The story's first four calls; killed; the last two done again, the last training with this loss."""
    return [
        *STORY[:5],
        opened(2, lost=1.8),
        {"kind": "resume", "call": 2, "position": 0},
        trained(3, 200, loss),
        *STORY[4:],
    ]


def test_a_call_done_again_the_same_is_not_told_again(tmp_path, notebook):
    one = follower(tmp_path)
    write(tmp_path / "runs" / "a", STORY[:5])
    one.look()
    write(tmp_path / "runs" / "a", interrupted(0.4)[:7])  # resumed, nothing done again yet
    one.look()
    assert places(notebook.pages) == ["call 1", "call 2", "call 3", "call 4"]
    write(tmp_path / "runs" / "a", interrupted(0.4))
    one.look()
    assert places(notebook.pages) == ["call 1", "call 2", "call 3", "call 4", "call 5", "evaluate 5"]
    # 2 × 1.8 s to generate, 3 × 3.6 s to train, of which call 3 and 4 twice; 2 devices waited 1.8 s
    assert notebook.pages[-1].values["hours_spent/total"] == pytest.approx((3 * 1.8 + 4 * 3.6 + 2 * 1.8) / 3600)


def test_a_call_done_again_otherwise_makes_what_followed_void(tmp_path, notebook):
    one = follower(tmp_path)
    write(tmp_path / "runs" / "a", STORY[:5])
    one.look()
    write(tmp_path / "runs" / "a", interrupted(0.35))
    one.look()
    assert places(notebook.pages) == [
        "call 1",
        "call 2",
        "call 3",
        "call 4",
        200,
        "call 3",
        "call 4",
        "call 5",
        "evaluate 5",
    ]
    assert notebook.pages[5].values["train/loss"] == 0.35
    follower(tmp_path).look()
    assert len(notebook.pages) == 9


def test_a_damaged_ledger_is_named_and_the_others_are_told(tmp_path, notebook, capsys):
    write(tmp_path / "runs" / "b", STORY)
    write(tmp_path / "runs" / "a", STORY)
    path = tmp_path / "runs" / "a" / ledger.NAME
    path.write_bytes(path.read_bytes().replace(b"0.9", b"0.8"))
    with pytest.raises(Damaged):
        ledger.read(path.parent)
    follower(tmp_path).look()
    assert len(notebook.pages) == 6 and str(path) in capsys.readouterr().err


def test_the_command_line(tmp_path, notebook, monkeypatch, capsys):
    data = write(tmp_path / "runs" / "a", STORY)
    monkeypatch.setattr(follow, "tracker_of", {"tensorboard": notebook}.get)
    follow.main([str(tmp_path / "runs"), "to=tensorboard", "once=yes"])
    assert len(notebook.pages) == 6 and "6 new, 300 images seen" in capsys.readouterr().out
    written = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert (
        sorted(path.name for path in written) == [follow.NAME, ledger.NAME]
        and (tmp_path / "runs" / "a" / ledger.NAME).read_bytes() == data
    )

    def told_to_stop(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(follow.time, "sleep", told_to_stop)
    with pytest.raises(KeyboardInterrupt):
        follow.main([str(tmp_path / "runs"), "to=tensorboard"])
    for words, key in (
        (["to=tensorbord"], "to"),
        ([], "to"),
        (["to=wandb", "every=0"], "every"),
        (["to=wandb", "oncee=yes"], "oncee"),
        (["to=wandb", "root=nowhere"], "root"),
        (["to=wandb", "once=maybe"], "once"),
    ):
        with pytest.raises(BadInput) as error:
            follow.main(words)
        assert error.value.key == key


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
