"""A training of hours is stopped and gone on with in its middle; its checkpoints are written beside it."""

import errno
import time
from itertools import count

import pytest

from dp_common.config.resolve import resolve
from dp_common.errors import Interrupted
from dp_common.lab import runner
from dp_common.lab.replay import Replay
from dp_common.persistence import checkpoint, ledger
from dp_common.persistence.background import Background

pytestmark = pytest.mark.multiprocess


LONG = [
    "strategy=static",
    "scale=60",
    "train.seen=5120",
    "train.batch=64",
    "sampler.steps=5",
    "mixture.components=2",
    "train.ema=0.9",
    "data.limit=450",
    "population.images=0",
]


@pytest.fixture(scope="module")
def long_whole(tmp_path_factory):
    """(run, summary) of one long training that nothing interrupts."""
    resolved = resolve([*LONG, f"root={tmp_path_factory.mktemp('long')}"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("strategies.static.Static.run", one_training)
        return resolved, runner.execute(resolved, quiet=True)


class AfterSteps:
    """A stop that is asked for in the middle of trainings: at each ``every``-th question."""

    def __init__(self, every):
        self.every, self.asked = every, 0

    def __call__(self):
        self.asked += 1
        return self.asked % self.every == 0


@pytest.mark.parametrize("every", [4, pytest.param(9, marks=pytest.mark.slow)])
def test_stopped_in_the_middle_of_long_trainings(tmp_path, monkeypatch, long_whole, every):
    """A strategy may train for hours between two yields: a stop waits for one iteration, and nothing of the work is
    lost.

    ``every`` 1 would stop before the first block of images for ever."""
    monkeypatch.setattr("strategies.static.Static.run", one_training)
    unbroken, whole = long_whole
    words, attempts = [*LONG, f"root={tmp_path / 'parts'}"], 0
    while True:
        try:
            parts = runner.execute(resolve(words), quiet=True, stop=AfterSteps(every))
            break
        except Interrupted:
            attempts += 1
    records = ledger.read(runner.folder_of(resolve(words)))
    assert attempts >= 75 // every and len([r for r in records if r["kind"] == "midway"]) >= 70 // every
    for key in ("accuracy", "monitor_accuracy", "store_digest", "images_seen", "iterations"):
        assert whole[key] == parts[key], key
    calls = lambda root: [
        (r["answer"], r["measured"]) for r in ledger.surviving(ledger.read(root)) if r["kind"] == "call"
    ]
    assert calls(runner.folder_of(resolve(words))) == calls(runner.folder_of(unbroken))
    trained = lambda root: ledger.totals([r for r in ledger.surviving(ledger.read(root)) if r["kind"] in ledger.WORK])[
        1
    ]["images_trained"]
    assert trained(runner.folder_of(resolve(words))) == 5120  # each image's training is counted once


def one_training(self, lab):
    lab.generate(lab.budget.scale)
    yield "generated"
    lab.train(lab.budget.stable)
    yield "trained"
    lab.cooldown()
    yield "final"


def test_a_long_training_is_checkpointed_by_the_clock(tmp_path, monkeypatch, long_whole):
    """Killed, it goes on from the last of those; work after it is lost and counted as such."""
    monkeypatch.setattr("strategies.static.Static.run", one_training)
    from dp_common.learner.classifier import Learner

    step, done = Learner.step, []

    def mortal(self, parts, seen):
        if seen == 3200 and not done:
            done.append(True)
            raise OSError(errno.EIO, "the machine died")
        return step(self, parts, seen)

    monkeypatch.setattr(Learner, "step", mortal)
    monkeypatch.setattr("dp_common.lab.context.CheckpointTimer.due", lambda self: True)  # the time is always up
    words = [*LONG, f"root={tmp_path / 'parts'}"]
    with pytest.raises(OSError):
        runner.execute(resolve(words), quiet=True)
    folder = runner.folder_of(resolve(words))
    assert len(list(folder.glob("checkpoint-*"))) == 2  # the last two are kept
    (folder / checkpoint.named(ledger.read(folder))[-1]["file"]).unlink()  # nor did the last one reach the disk
    parts = runner.execute(resolve(words), quiet=True)
    resumed = next(r for r in ledger.read(folder) if r["kind"] == "resume")
    assert resumed["position"] == 3136
    whole = long_whole[1]
    assert (parts["accuracy"], parts["store_digest"]) == (whole["accuracy"], whole["store_digest"])
    records = ledger.read(folder)
    trained = lambda rows: ledger.totals(rows)[1]["images_trained"]
    assert trained([r for r in ledger.surviving(records) if r["kind"] in ledger.WORK]) == 5120 < trained(records)


def test_a_checkpoint_is_written_while_training_goes_on(tmp_path, monkeypatch, long_whole):
    """Each waits here until three more iterations are done. Killed, the run goes on from the last that was named."""
    from dp_common.learner.classifier import Learner

    monkeypatch.setattr("strategies.static.Static.run", one_training)
    whole, step, write, steps, went_on, died, asked = long_whole[1], Learner.step, checkpoint.write, [], [], [], count()

    def mortal(self, parts, seen):
        if seen == 3200 and not died:
            died.append(True)
            raise OSError(errno.EIO, "the machine died")
        steps.append(seen)
        return step(self, parts, seen)

    def slow(*given):
        begun, until = len(steps), time.monotonic() + 20
        while len(steps) < begun + 3 and time.monotonic() < until and not (ending or died):
            time.sleep(0.001)
        went_on.append(len(steps) - begun)
        return write(*given)

    ending, settle = [], Replay._settle
    monkeypatch.setattr(Replay, "_settle", lambda self: (ending.append(True), settle(self), ending.clear()))
    monkeypatch.setattr(Learner, "step", mortal)
    monkeypatch.setattr(checkpoint, "write", slow)
    monkeypatch.setattr("dp_common.lab.attempt.Background", lambda threaded: Background(threaded=True))
    monkeypatch.setattr("dp_common.lab.context.CheckpointTimer.due", lambda self: next(asked) % 9 == 8)
    words = [*LONG, f"root={tmp_path / 'parts'}"]
    with pytest.raises(OSError):
        runner.execute(resolve(words), quiet=True)
    folder = runner.folder_of(resolve(words))
    named = [record["position"] for record in ledger.read(folder) if record["kind"] == "midway"]
    assert len(named) >= 4 and all(n >= 3 for n in went_on[: len(named)])
    parts = runner.execute(resolve(words), quiet=True)
    records = ledger.read(folder)
    assert next(r for r in records if r["kind"] == "resume")["position"] == named[-1]
    assert (parts["accuracy"], parts["store_digest"]) == (whole["accuracy"], whole["store_digest"])
    trained = lambda rows: ledger.totals(rows)[1]["images_trained"]
    assert trained([r for r in ledger.surviving(records) if r["kind"] in ledger.WORK]) == 5120 < trained(records)
    assert ledger.seconds_beside(records)["checkpoint"] > 0
