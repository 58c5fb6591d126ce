"""Whatever kills a run, the same command ends at the same images and bit-equal accuracy, with nothing lost or
doubled.
"""

import errno
import os
import random
import signal
import time
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dp_common.config.resolve import resolve
from dp_common.conformance import journal
from dp_common.errors import Damaged, Interrupted, Problem
from dp_common.lab import runner
from dp_common.lab.replay import Replay
from dp_common.persistence import checkpoint, ledger
from dp_common.persistence.background import Background
from tests.processes import start

pytestmark = pytest.mark.multiprocess
MORTAL = f"strategy={Path(__file__).parents[2]}/plugins/mortal.py"
RUN = [
    "scale=120",
    "train.seen=1536",
    "train.batch=64",
    "sampler.steps=5",
    "mixture.components=2",
    "checkpoint_every=0",
    "mortal.interval=128",
    "mortal.schedule=even",  # by patience, how many additions there are would depend on the bits of one machine
    "sampler.block=32",
    "shard=32",
    "data.limit=450",  # a final evaluation longer than an attempt lives would never end
    "population.images=300",
]


def result(root, words):
    """What must be equal: (journal, store digest, accuracy, per-image correctness), after checking the ledger and the
    shards.
    """
    resolved = resolve([*words, f"root={root}"])
    folder, summary = runner.folder_of(resolved), runner.finished(runner.folder_of(resolved))
    records = ledger.read(folder, resolved.run_id)
    members = [member for r in ledger.surviving(records) if r["kind"] == "call" for member in r["added"]]
    indices = sorted(
        index for member in members for index in pq.read_table(folder / member["file"])["index"].to_pylist()
    )
    assert indices == list(range(summary["images_kept"])), "an image was lost or doubled"
    correct = pq.read_table(folder / "correct.parquet").to_pydict()
    return journal(records), summary["store_digest"], summary["accuracy"], summary["monitor_accuracy"], correct


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    assert start_and_join([MORTAL, *RUN, f"root={root}"]) == 0
    return root


@pytest.fixture(scope="module")
def uninterrupted(whole):
    found = result(whole, [MORTAL, *RUN])
    assert [name for name, *_ in found[0]].count("generate") == 4  # the initial set and three additions
    return found


def test_killed_before_every_yield(tmp_path, uninterrupted):
    words, kills = [MORTAL, *RUN, f"root={tmp_path}"], 0
    while True:
        process = start(words, {"KILL_BEFORE": str(kills + 1)})
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        kills += 1
    assert kills >= 11
    assert result(tmp_path, [MORTAL, *RUN]) == uninterrupted


def test_killed_at_random_moments(tmp_path, whole, uninterrupted):
    """Up to a third of the run's length after each attempt opened its ledger: at least three kills, on however fast a
    machine.
    """
    words, chance, kills = [MORTAL, *RUN, f"root={tmp_path}"], random.Random(0), 0
    folder, records = runner.folder_of(resolve(words)), ledger.read(next(whole.iterdir()))
    length = records[-1]["t"] - records[0]["t"]
    while True:
        process = start(words)
        while process.is_alive() and sum(r["kind"] == "open" for r in ledger.read(folder)) <= kills:
            time.sleep(0.005)
        process.join(chance.uniform(0, length / 3))
        if process.exitcode == 0:
            break
        process.kill()
        process.join()
        kills += 1
        assert kills < 200
    assert kills >= 2
    assert result(tmp_path, [MORTAL, *RUN]) == uninterrupted


def test_terminated_politely_it_commits_and_goes_on(tmp_path, uninterrupted):
    words = [MORTAL, *RUN, f"root={tmp_path}"]
    folder = runner.folder_of(resolve(words))
    process = start(words)
    while process.is_alive() and not any(r["kind"] == "call" and r["name"] == "train" for r in ledger.read(folder)):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    if process.exitcode:  # else it was faster than the signal
        assert process.exitcode == 130
        assert ledger.read(folder)[-1]["state"] == "interrupted"
        assert start_and_join(words) == 0
    assert result(tmp_path, [MORTAL, *RUN]) == uninterrupted


def start_and_join(words):
    process = start(words)
    process.join()
    return process.exitcode


def test_a_stopped_holder_that_wakes_up_writes_nothing(tmp_path, uninterrupted):
    words = [MORTAL, *RUN, f"root={tmp_path}", "lease_ttl=1"]
    folder = runner.folder_of(resolve(words))
    first = start(words)
    while not any(r["kind"] == "call" for r in ledger.read(folder)):
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        assert start_and_join(words) == 0
        after = (folder / ledger.NAME).read_bytes()
    finally:
        os.kill(first.pid, signal.SIGCONT)
    first.join()
    assert first.exitcode == 1
    assert (folder / ledger.NAME).read_bytes() == after
    assert result(tmp_path, [MORTAL, *RUN]) == uninterrupted


def test_a_live_run_is_held(tmp_path):
    words = [MORTAL, *RUN, f"root={tmp_path}", "lease_ttl=4"]
    folder = runner.folder_of(resolve(words))
    first = start(words)
    while not ledger.read(folder):
        time.sleep(0.01)
    second = start(words)
    second.join()
    first.join()
    assert (first.exitcode, second.exitcode) == (0, 3)


def test_a_full_disk_is_told_and_resumable(small, monkeypatch):
    whole = runner.execute(small("seed=3", "checkpoint_every=0"), quiet=True)
    crowded = small(
        "seed=3", "checkpoint_every=0", "lease_ttl=3", f"root={small().runtime.root}-crowded"
    )  # on a full disk no lease is given back
    fsync, left = os.fsync, [40]

    def failing(descriptor):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(Problem, match="No space left on device.*same command") as caught:
        runner.execute(crowded, quiet=True)
    assert caught.value.code == 1
    monkeypatch.setattr(os, "fsync", fsync)
    again = runner.execute(crowded, quiet=True)
    assert (again["store_digest"], again["accuracy"]) == (whole["store_digest"], whole["accuracy"])


def interrupted(small, after):
    """A run that was stopped at its ``after``-th question."""
    resolved, asked = small("checkpoint_every=0"), iter([False] * after)
    with pytest.raises(Interrupted):
        runner.execute(resolved, quiet=True, stop=lambda: next(asked, True))
    return resolved


@pytest.mark.parametrize("kind", ["shard", "checkpoint"])
def test_a_corrupted_file_is_named(small, kind):
    resolved = interrupted(small, 8)
    folder = runner.folder_of(resolved)
    records = ledger.read(folder)
    written = checkpoint.named(records) if kind == "checkpoint" else [r for r in records if r["kind"] == "shard"]
    file = folder / written[-1]["file"]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(Damaged, match=file.name):
        runner.execute(resolved, quiet=True)


def test_without_its_last_checkpoint_a_run_goes_on_from_the_one_before(small):
    whole = runner.execute(small("checkpoint_every=0", f"root={small().runtime.root}-whole"), quiet=True)
    resolved = interrupted(small, 8)
    folder = runner.folder_of(resolved)
    (folder / checkpoint.named(ledger.read(folder))[-1]["file"]).unlink()
    assert runner.execute(resolved, quiet=True)["store_digest"] == whole["store_digest"]


def test_a_foreign_ledger_is_named(small):
    one, other = interrupted(small, 4), small("seed=9")
    runner.folder_of(other).mkdir()
    (runner.folder_of(other) / ledger.NAME).write_bytes((runner.folder_of(one) / ledger.NAME).read_bytes())
    with pytest.raises(Damaged, match=one.run_id):
        runner.execute(other, quiet=True)


def test_lost_work_is_spent_but_not_part_of_the_result(small):
    resolved = interrupted(small, 8)
    folder = runner.folder_of(resolved)
    for file in folder.glob("checkpoint-*.safetensors"):
        file.unlink()
    summary = runner.execute(resolved, quiet=True)
    assert summary["gpu_hours_spent"] > 1.05 * summary["gpu_hours"]["total"]
    assert summary["attempts"] == 2


def test_phases_sum_to_wall_time(small):
    runner.execute(small("prune.interval=128", "strategy=prune", "prune.patience=1"), quiet=True)
    for folder in Path(small().runtime.root).iterdir():
        records = ledger.read(folder)
        measured = sum(ledger.totals(records)[0].values())
        assert measured == pytest.approx(records[-1]["wall"], rel=0.02)


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
