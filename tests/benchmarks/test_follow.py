"""Following runs: what a tracker is told, bit by bit and across interruptions, and that it is told nothing twice."""

import pytest

from benchmarks import follow
from dp_common.errors import BadInput, Damaged
from dp_common.lab import runner
from dp_common.persistence import ledger
from results.reading.events import events
from tests.benchmarks.stories import STORY, Notebook, follower, interrupted, write


@pytest.fixture
def notebook():
    Notebook.pages, Notebook.closed = [], []
    return Notebook


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
