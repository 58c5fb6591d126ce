"""One run by several processes: the same images as by one, the same training but for rounding, no hanging at death."""

import base64
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch.distributed as dist
from safetensors.numpy import load_file

from dp_common.config.resolve import resolve
from dp_common.distributed.store_group import StoreGroup
from dp_common.errors import PeerFailed
from dp_common.lab import runner
from dp_common.lab.attempt import cut_off
from dp_common.persistence import ledger
from dp_common.persistence.meter import Meter
from tests.processes import start_ranks

pytestmark = pytest.mark.multiprocess
RANKED = f"strategy={Path(__file__).parents[2]}/plugins/ranked.py:Ranked"
RUN = [
    RANKED,
    "scale=480",
    "train.seen=3840",
    "train.batch=96",
    "sampler.steps=5",
    "mixture.components=2",
    "checkpoint_every=0",
    "sampler.block=16",
    "shard=64",
    "rank_timeout=20",
    "data.limit=450",
    "population.images=0",
]


def by(size, root, *words, environment=(), wait=True):
    """(processes, run folder, what each rank said) of a run by ``size`` ranks."""
    words = [*RUN, *words, f"root={root}"]
    names = [word.partition("=")[0] for word in words]
    words = [word for place, word in enumerate(words) if word.partition("=")[0] not in names[place + 1 :]]
    processes = start_ranks(size, words, root / f"said-{size}-{time.monotonic_ns()}", environment)
    folder = runner.folder_of(resolve(words))
    if wait:
        for process in processes:
            process.join(120)
    return processes, folder


def said(root, rank, stream="err"):
    return "".join(path.read_text() for path in sorted(root.glob(f"said-*/rank{rank}.{stream}")))


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text())


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """{number of ranks: run folder}"""
    found = {}
    for size in (1, 2, 3):
        root = tmp_path_factory.mktemp(f"ranks{size}")
        processes, found[size] = by(size, root)
        assert [process.exitcode for process in processes] == [0] * size, said(root, 0) + said(root, size - 1)
    return found


def test_any_number_of_ranks_makes_the_same_images(runs):
    summaries = [summary_of(folder) for folder in runs.values()]
    assert len({summary["run_id"] for summary in summaries}) == 1
    assert len({summary["store_digest"] for summary in summaries}) == 1
    for count in (
        "images_generated",
        "images_kept",
        "network_evaluations",
        "gradients",
        "classifier_evaluations",
        "monitor_evaluations",
        "iterations",
    ):
        assert len({summary[count] for summary in summaries}) == 1, count
    assert [summary["devices"] for summary in summaries] == [1, 2, 3]


def test_what_several_ranks_did_is_in_one_ledger_with_one_writer(runs):
    for size, folder in runs.items():
        records = ledger.read(folder)
        shards = [r for r in records if r["kind"] == "shard" and r["call"] == 1]
        assert sum(r["rows"] for r in shards) == 160 and (size == 1 or len(shards) >= size)
        phases, wall = sum(ledger.totals(records)[0].values()), records[-1]["wall"]
        assert abs(phases - size * wall) < 0.02 * size * wall


@pytest.mark.slow
def test_block_order_sees_the_same_set_by_any_number_of_ranks(tmp_path):
    digests = []
    for size in (1, 3):
        processes, folder = by(size, tmp_path / str(size), "train.order=block", "ranked.intervals=0")
        digests.append(summary_of(folder)["store_digest"])
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "mixing",
    [
        ["train.mixup=0", "train.micro=0"],
        pytest.param(
            ["train.mixup=0.5", "train.cutmix=1", "train.batch=192", "train.micro=64", "train.ema=0.9"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_twenty_steps_agree(tmp_path, mixing):
    """To 1e-4, relative, in fp32: losses and weights, for parts of a batch of whatever size."""
    weights, losses = [], []
    for size in (1, 2, 3):
        batch = 192 if "train.batch=192" in mixing else 96
        _, folder = by(size, tmp_path / str(size), *mixing, f"train.seen={20 * batch}", "ranked.intervals=4")
        records = ledger.read(folder)
        last = [r for r in records if r["kind"] == "checkpoint"][-1]
        model = load_file(folder / last["file"])
        weights.append(np.concatenate([model[key].ravel() for key in sorted(model) if key.startswith("model.")]))
        losses.append([r["measured"]["loss"] for r in records if r["kind"] == "call" and "loss" in r["measured"]])
    assert summary_of(folder)["iterations"] == 20 and len(losses[0]) >= 3
    for other in (1, 2):
        np.testing.assert_allclose(losses[other], losses[0], rtol=1e-4)
        assert np.linalg.norm(weights[other] - weights[0]) < 1e-4 * np.linalg.norm(weights[0])
        assert not np.array_equal(weights[other], weights[0])  # else one rank did all the work


def test_a_rank_three_times_slower_keeps_nobody_in_a_collective(tmp_path, runs):
    """Its blocks take longer than the time-out.

    The others have long finished theirs and wait outside of any collective.
    """
    processes, folder = by(2, tmp_path, "rank_timeout=3", environment={"DP_TEST_SLOW": "1,3,3.5"})
    assert [process.exitcode for process in processes] == [0, 0], said(tmp_path, 0) + said(tmp_path, 1)
    assert summary_of(folder)["store_digest"] == summary_of(runs[1])["store_digest"]


@pytest.mark.slow
def test_checkpoints_beside_the_devices_of_several_ranks(tmp_path, runs):
    words = ("checkpoint_every=0.01", "ranked.intervals=6")
    processes, folder = by(2, tmp_path, *words, environment={"DP_TEST_BESIDE": "1"})
    assert [process.exitcode for process in processes] == [0, 0], said(tmp_path, 0) + said(tmp_path, 1)
    records = ledger.read(folder)
    assert len([r for r in records if r["kind"] in ("checkpoint", "midway")]) >= 6
    assert ledger.seconds_beside(records)["checkpoint"] > 0
    assert summary_of(folder)["store_digest"] == summary_of(runs[1])["store_digest"]


@pytest.mark.parametrize(
    "where, how",
    [
        ("generation", "kill"),
        pytest.param("generation", "error", marks=pytest.mark.slow),
        pytest.param("training", "kill", marks=pytest.mark.slow),
        ("training", "error"),
    ],
)
def test_a_rank_that_dies_ends_the_attempt_and_another_number_of_ranks_goes_on(tmp_path, runs, where, how):
    words = [f"ranked.fails={where}:{how}"]
    began = time.monotonic()
    processes, folder = by(2, tmp_path, *words, "rank_timeout=6", environment={"RANK_FAILS": "1"})
    assert time.monotonic() - began < 60
    assert processes[0].exitcode == 1 and processes[1].exitcode == (-signal.SIGKILL if how == "kill" else 1)
    close = ledger.read(folder)[-1]
    assert close["kind"] == "close" and close["state"] == "failed"
    if how == "error":
        assert "rank 1: RuntimeError: a bad day" in close["why"]
        assert "RuntimeError: a bad day" in said(tmp_path, 1) and "rror" not in said(
            tmp_path, 0
        )  # told once, by the one it happened to
    else:
        assert "rank 1" in close["why"] and "error: rank 1" in said(tmp_path, 0)
    again, folder = by(3, tmp_path, *words)
    assert [process.exitcode for process in again] == [0, 0, 0], said(tmp_path, 0)
    summary = summary_of(folder)
    assert summary["store_digest"] == summary_of(runs[1])["store_digest"] and summary["attempts"] == 2
    records = ledger.read(folder)
    assert [r["devices"] for r in records if r["kind"] == "open"] == [2, 3]
    made = [
        {r["file"] for r in records if r["kind"] == "shard" and r["call"] == 1 and r["attempt"] == attempt}
        for attempt in (1, 2)
    ]
    assert made[0] and not made[0] & made[1], "what was committed before the death was made again"


def two_ranks(timeout):
    """Two ranks in this process that look for each other's signs of life."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]

    def member(rank):
        stores = [
            dist.TCPStore("localhost", port, is_master=rank == place == 0, wait_for_workers=False) for place in range(3)
        ]
        return StoreGroup(rank, 2, rank, stores, timeout)

    return member(0), member(1)


@pytest.fixture
def pair():
    """The second is dead."""
    ranks = two_ranks(timeout=2)
    ranks[1]._heartbeat.stop()
    yield ranks
    ranks[0]._heartbeat.stop()


@pytest.fixture
def living():
    ranks = two_ranks(timeout=600)
    yield ranks
    for rank in ranks:
        rank._heartbeat.stop()


def test_a_rank_that_dies_in_its_first_second_is_missed(pair):
    """It came to the first meeting and beat no second time."""
    began = time.monotonic()
    with pytest.raises(PeerFailed, match="rank 1 gave no sign of life for 2 s"):
        pair[0].all_gather(b"")
    assert time.monotonic() - began < 60


def test_a_rank_that_hangs_when_another_is_gone_tells_why_and_is_ended(tmp_path, pair, monkeypatch, capfd):
    """As in a collective on a GPU, which no exception reaches."""
    ended, through = threading.Event(), threading.Event()
    monkeypatch.setattr("dp_common.distributed.heartbeat.PATIENCE", 0.5)
    monkeypatch.setattr("os._exit", lambda code: (ended.set(), time.sleep(3600)))
    meter = Meter(2, synchronise=lambda: through.wait(60))
    own = ledger.Ledger(tmp_path, "digits-x", lambda: None, meter.snapshot_and_reset, pair[0].publish)
    pair[0].on_forced_exit(lambda error: cut_off(own, meter, error))
    work = threading.Thread(target=lambda: (meter.switch("train"), own.append("call")), daemon=True)
    work.start()
    assert ended.wait(60)
    through.set()
    work.join(1)
    assert work.is_alive(), "what comes through at last writes nothing after the last line"
    (record,) = ledger.read(tmp_path)
    assert (record["kind"], record["state"], record["why"]) == (
        "close",
        "failed",
        "PeerFailed: rank 1 gave no sign of life for 2 s",
    )
    assert "error: rank 0 ends: rank 1 gave no sign of life for 2 s" in capfd.readouterr().err


@pytest.mark.parametrize("megabytes", [1, 20])
def test_a_ledger_of_any_length_passes_between_ranks(living, megabytes):
    """The store takes no value of more than 8 MiB."""
    first, second = living
    records = [{"n": n, "text": "ä" * 500} for n in range(1000 * megabytes)]
    assert first.broadcast(records) == records == second.broadcast(None)
    first.put("long", "x" * (2**22 + 1))
    assert second.get("long") == "x" * (2**22 + 1)
    second.remove("long")
    assert not first.has("long") and not first.has("long/piece/0") and not first.has("long/piece/1")
    data = bytes(range(256)) * 4000 * megabytes
    first.put("gather/2/0", base64.b64encode(data).decode())
    second.put("gather/2/1", base64.b64encode(b"short").decode())
    assert base64.b64decode(second.wait("gather/2/0")) == data


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_signal_to_any_rank_commits_and_stops_all(tmp_path, runs, rank):
    processes, folder = by(2, tmp_path, environment={"DP_TEST_SLOW": "0,1,0.3"}, wait=False)
    deadline = time.monotonic() + 60
    while not any(r["kind"] == "shard" for r in ledger.read(folder)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(processes[rank].pid, signal.SIGTERM)
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [130, 130], said(tmp_path, 0) + said(tmp_path, 1)
    assert ledger.read(folder)[-1]["state"] == "interrupted"
    assert sum("interrupted" in said(tmp_path, other) for other in (0, 1)) == 1
    processes, folder = by(1, tmp_path)
    assert summary_of(folder)["store_digest"] == summary_of(runs[1])["store_digest"]
    records = ledger.read(folder)
    generated = {r["call"] for r in records if r["kind"] == "call" and r["name"] == "generate"}
    shards = [r for r in records if r["kind"] == "shard" and r["call"] in generated]  # a selection's are chosen anew
    first, second = ({r["file"] for r in shards if r["attempt"] == attempt} for attempt in (1, 2))
    assert first and not first & second  # they were found again


def test_a_batch_too_small_for_the_ranks_is_one_line_once(tmp_path):
    processes, folder = by(3, tmp_path, "train.mixup=0.5", "train.batch=128")
    assert [process.exitcode for process in processes] == [2, 2, 2] and not folder.exists()
    assert [said(tmp_path, rank).count("train.batch=128: large enough for 3 ranks") for rank in range(3)].count(1) == 1
