"""Whatever kills a run, the same command ends at the same images and bit-equal accuracy, with nothing lost or
doubled.
"""

import errno
import os
import random
import signal
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dp_common.config.resolve import resolve
from dp_common.conformance import journal
from dp_common.errors import Damaged, Interrupted, Problem
from dp_common.lab import runner
from dp_common.persistence import checkpoint, ledger
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
