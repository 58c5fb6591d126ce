"""Checkpoints: the last two are kept, the last that is there is gone on from, and a corrupted one is named."""

import threading

import pytest
import torch

from dp_common.errors import Damaged
from dp_common.persistence import checkpoint
from dp_common.persistence.background import Background
from dp_common.persistence.ledger import Ledger, totals
from dp_common.persistence.meter import Meter
from dp_common.persistence.run_io import RunIO
from dp_common.progress import Progress


@pytest.fixture
def meter():
    return Meter()


@pytest.fixture
def ledger(tmp_path, meter):
    opened = Ledger(tmp_path, "run", lambda: None, meter.snapshot_and_reset)
    opened.append("open", run_id="run")
    yield opened
    opened.close()


def begin(ledger, folder, call, tensors, meter=None, threaded=False, **midway):
    io = RunIO(
        ledger, folder, meter or Meter(), Progress(None, quiet=True), lambda: False, Background(threaded=threaded)
    )
    return checkpoint.Pending(io, call, tensors, **midway)


def save(*given, **midway):
    begin(*given, **midway).commit()


def weights(value):
    return {"model.weight": torch.full((2, 3), float(value)), "step": torch.tensor(value)}


def files(folder):
    return {path.name for path in folder.glob("checkpoint-*")}


def test_a_new_run_starts_at_the_very_start(tmp_path, ledger):
    assert checkpoint.latest(ledger.records, tmp_path) == (0, None, None)


def test_what_was_saved_last_is_gone_on_from(tmp_path, ledger):
    for call in (1, 2, 3):
        save(ledger, tmp_path, call, weights(call))
    calls, tensors, midway = checkpoint.latest(ledger.records, tmp_path)
    assert calls == 3 and midway is None
    assert torch.equal(tensors["model.weight"], weights(3)["model.weight"]) and tensors["step"] == 3
    assert files(tmp_path) == {record["file"] for record in ledger.records[-2:]}, "two are kept"


def test_states_of_scans_stay_until_both_checkpoints_are_beyond_them(tmp_path, ledger):
    names = [f"{kind}-{call:06d}-x" for kind in ("partial", "features") for call in (2, 4)]
    for name in names:
        (tmp_path / name).touch()
    left = []
    for call in (1, 2, 3, 4):
        save(ledger, tmp_path, call, weights(call))
        left.append(sorted(path.name for path in tmp_path.glob("*-x")))
    assert left == [sorted(names)] * 2 + [["features-000004-x", "partial-000004-x"]] * 2
    checkpoint.remove_states(tmp_path, float("inf"))
    assert not list(tmp_path.glob("*-x"))


def test_in_the_middle_of_a_training_its_line_says_how_far(tmp_path, ledger):
    save(ledger, tmp_path, 2, weights(2))
    save(ledger, tmp_path, 2, weights(9), position=640, loss=1.5, of="abc")
    calls, tensors, midway = checkpoint.latest(ledger.records, tmp_path)
    assert calls == 2 and tensors["step"] == 9
    assert (midway["call"], midway["position"], midway["loss"], midway["of"]) == (3, 640, 1.5, "abc")


def test_one_that_is_missing_falls_back_on_the_one_before(tmp_path, ledger):
    for call in (1, 2):
        save(ledger, tmp_path, call, weights(call))
    (tmp_path / ledger.records[-1]["file"]).unlink()
    assert checkpoint.latest(ledger.records, tmp_path)[0] == 1


def test_one_that_is_corrupted_is_named_with_what_helps(tmp_path, ledger):
    save(ledger, tmp_path, 1, weights(1))
    path = tmp_path / ledger.records[-1]["file"]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match=f"{path.name}: corrupted .*delete it"):
        checkpoint.latest(ledger.records, tmp_path)


def test_what_a_later_resume_has_overtaken_counts_no_more(tmp_path, ledger):
    for call in (1, 3):
        save(ledger, tmp_path, call, weights(call))
    ledger.append("resume", call=1, position=0)
    save(ledger, tmp_path, 2, weights(2))
    assert [record["call"] for record in checkpoint.named(ledger.records)] == [1, 2]
    assert checkpoint.latest(ledger.records, tmp_path)[0] == 2 and len(files(tmp_path)) == 2


def test_a_rank_that_does_not_write_waits_for_the_line(tmp_path):
    asked = []

    class Replica:
        writes = False

        def append(self, kind, **content):
            asked.append((kind, content))

    save(Replica(), tmp_path, 1, weights(1))
    save(Replica(), tmp_path, 1, weights(1), position=64, loss=0.0, of="abc")
    assert asked == [("checkpoint", {}), ("midway", {})] and not files(tmp_path)


# ---------------------------------------------------------------------- beside the device


@pytest.fixture
def held(monkeypatch):
    """Writing waits for this event."""
    event, write = threading.Event(), checkpoint.write
    monkeypatch.setattr(checkpoint, "write", lambda *given: event.wait(20) and write(*given))
    yield event
    event.set()


def test_what_is_written_is_the_state_at_its_beginning(tmp_path, ledger, held):
    state = weights(3)
    pending = begin(ledger, tmp_path, 2, state, threaded=True)
    for value in state.values():
        value.zero_()  # training goes on, in place
    assert not pending.done() and len(ledger.records) == 1 and not files(tmp_path)
    held.set()
    pending.commit()
    calls, tensors, _ = checkpoint.latest(ledger.records, tmp_path)
    assert calls == 2 and torch.equal(tensors["model.weight"], weights(3)["model.weight"])


def test_what_came_after_its_beginning_is_in_the_next_line(tmp_path, ledger, meter, held):
    meter.switch("train")
    meter.count(images_trained=64)
    pending = begin(ledger, tmp_path, 1, weights(1), meter, threaded=True, position=64, loss=1.0, of="abc")
    meter.count(images_trained=128)
    meter.beside("data_wait", 0.5)
    meter.switch("monitor")
    held.set()
    pending.commit()
    least = meter.wall()
    ledger.append("checkpoint", call=2, file="x", digest="y")
    line, following = (record["spent"] for record in ledger.records[-2:])
    assert line["counts"] == {"images_trained": 64} and following["counts"] == {"images_trained": 128}
    assert set(line["phases"]) == {"startup", "train", "monitor"} and set(line["beside"]) == {"checkpoint"}
    assert following["beside"] == {"data_wait": 0.5}
    assert least - 1e-3 <= sum(totals(ledger.records)[0].values()) <= meter.wall() + 1e-3


def test_what_writing_it_meets_is_raised_when_it_is_named(tmp_path, ledger, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_atomic", full)
    pending = begin(ledger, tmp_path, 1, weights(1), threaded=True)
    with pytest.raises(OSError, match="No space"):
        pending.commit()
    assert len(ledger.records) == 1 and checkpoint.latest(ledger.records, tmp_path) == (0, None, None)


def test_one_that_nobody_named_is_none(tmp_path, ledger):
    save(ledger, tmp_path, 1, weights(1))
    pending = begin(ledger, tmp_path, 2, weights(2), threaded=True)
    while not pending.done():
        pass
    assert len(files(tmp_path)) == 2 and checkpoint.latest(ledger.records, tmp_path)[0] == 1
    save(ledger, tmp_path, 3, weights(3))
    assert files(tmp_path) == {record["file"] for record in ledger.records[-2:]}  # and is swept away
