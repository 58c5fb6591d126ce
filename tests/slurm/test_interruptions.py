"""Each way a cluster interrupts a run: it completes with the result of an uninterrupted one. Minutes each: -m slow."""

import json
import os
import subprocess
import time
from contextlib import contextmanager

import pytest

from tests.processes import ROOT, command
from tests.slurm.processes import (
    SLURM,
    SMALL,
    all_ended,
    job_of,
    logs,
    queued,
    result,
    slurm,
    trained_and_committed,
    wait,
)

pytestmark = [pytest.mark.slow, pytest.mark.slurm, pytest.mark.usefixtures("free")]
WORDS = [f"strategy={ROOT / 'tests' / 'slurm' / 'unhurried.py'}:Unhurried", "seed=0", *SMALL]


@contextmanager
def cluster_with(**settings):
    """The test cluster started anew with other settings, and back again."""
    for wanted in (settings, {}):
        done = subprocess.run(
            [ROOT / "slurm" / "testcluster" / "start.sh"], env=os.environ | wanted, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        if wanted:
            try:
                yield
            finally:
                slurm("sinfo")


@pytest.fixture(scope="module")
def undisturbed(cluster, tmp_path_factory):
    """{run_id: result} of the run as one process does it, without pauses."""
    root = tmp_path_factory.mktemp("undisturbed")
    assert command("sweep", *WORDS, f"root={root}")[0] == 0
    return {path.parent.name: result(path.parent) for path in root.glob("*/summary.json")}


def begin(root, *words, pause=2.0):
    """Submit the run; its folder, as soon as it is in mid-run."""
    code, _, err = command("sweep", *WORDS, f"root={root}", *SLURM, *words, env={"DP_TEST_PAUSE": str(pause)})
    assert code == 0, err
    folder = wait(lambda: next(iter(root.glob("digits-*")), None), 120, "the run")
    wait(lambda: trained_and_committed(folder), 90, "its checkpoint")
    return folder


def ends_as(undisturbed, folder, seconds=300):
    wait(all_ended, seconds, "the job")
    assert (folder / "summary.json").exists(), command("status", folder.parent)[1] + logs(folder.parent)
    assert result(folder) == undisturbed[folder.name]
    return json.loads((folder / "summary.json").read_text())["attempts"]


def log_of(root):
    return "".join(path.read_text() for path in root.glob(".slurm/*/*/*_log.*"))


def test_a_signal_commits_and_requeues(tmp_path, undisturbed):
    folder = begin(tmp_path)
    slurm("scancel", "--signal=USR2", job_of(tmp_path, folder.name))
    wait(lambda: "preempted" in command("status", tmp_path)[1], 40, "the requeue")
    assert ends_as(undisturbed, folder) == 2
    closed = [
        json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines() if '"kind":"close"' in line
    ]
    assert [record["state"] for record in closed] == ["interrupted", "done"]


def test_a_signal_without_a_mark_in_time_requeues_all_the_same(tmp_path, undisturbed):
    folder = begin(tmp_path, "slurm.grace=2", pause=4)
    slurm("scancel", "--signal=USR2", job_of(tmp_path, folder.name))
    assert ends_as(undisturbed, folder) == 2


def test_time_limits_continue_in_the_next_slot(tmp_path, undisturbed):
    folder = begin(tmp_path, "slurm.time=2", "slurm.signal=15", "slurm.grace=10", pause=8)
    assert ends_as(undisturbed, folder, 900) >= 2
    assert "this job is timed-out" in log_of(tmp_path)


def test_a_limit_of_time_outs_ends_the_job_and_the_sweep_goes_on(tmp_path, undisturbed):
    folder = begin(tmp_path, "slurm.time=2", "slurm.signal=15", "slurm.grace=10", "slurm.timeouts=0", pause=8)
    wait(all_ended, 200, "the job")
    text = command("status", tmp_path)[1]
    assert text.startswith("1 interrupted") and "timed-out too many times" in log_of(tmp_path), text
    command("sweep", *WORDS, f"root={tmp_path}", *SLURM)
    assert ends_as(undisturbed, folder) == 2


def test_preemption_by_a_higher_partition(tmp_path, undisturbed):
    folder = begin(tmp_path, "slurm.time=60")
    slurm("sbatch", "-p", "urgent", "-c", str(os.cpu_count()), "--mem=100", "-o", "/dev/null", "--wrap", "sleep 5")
    wait(lambda: "preempted" in command("status", tmp_path)[1], 60, "the preemption")
    assert ends_as(undisturbed, folder) == 2


def test_a_node_taken_down_is_not_the_end(tmp_path, undisturbed):
    folder = begin(tmp_path)
    node = slurm("sinfo", "-h", "-N", "-o", "%N").split()[0]
    try:
        slurm("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        deadline = time.monotonic() + 12
        while time.monotonic() < deadline:
            text = command("status", tmp_path)[1]
            assert "1 preempted" in text or "1 running" in text, text
    finally:
        slurm("scontrol", "update", f"NodeName={node}", "State=RESUME")
    assert "NODE_FAIL" in slurm("sacct", "-X", "-D", "-n", "-P", "-j", job_of(tmp_path, folder.name), "-o", "State")
    assert ends_as(undisturbed, folder) >= 2


def test_accounting_off(tmp_path, undisturbed):
    with cluster_with(SLURM_TEST_ACCOUNTING="0"):
        folder = begin(tmp_path)
        assert command("status", tmp_path)[1].startswith("1 running")
        slurm("scancel", "-s", "KILL", job_of(tmp_path, folder.name))
        wait(all_ended, 30, "the job's end")
        text = command("status", tmp_path)[1]
        assert text.startswith("1 interrupted") and "allocated" not in text, text
        assert "1 runs submitted" in command("sweep", *WORDS, f"root={tmp_path}", *SLURM)[2]
        assert ends_as(undisturbed, folder) == 2
        assert command("status", tmp_path)[1].startswith("1 done")


def test_two_nodes(tmp_path, undisturbed):
    """One run on two nodes, signalled; images are those of one process, and what it trains on them but for rounding."""
    with cluster_with(SLURM_TEST_NODES="2", SLURM_TEST_CPUS="1"):
        folder = begin(tmp_path, "slurm.nodes=2")
        slurm("scancel", "--signal=USR2", job_of(tmp_path, folder.name))
        wait(all_ended, 300, "the job")
        assert (folder / "summary.json").exists(), command("status", tmp_path)[1] + logs(tmp_path)
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["devices"], summary["attempts"]) == (2, 2)
    assert summary["store_digest"] == undisturbed[folder.name]["store_digest"]
    assert abs(summary["accuracy"] - undisturbed[folder.name]["accuracy"]) < 0.02


def test_fifty_runs_at_once(tmp_path, cluster):
    words = [
        "strategy=static",
        "seed=0..49",
        *[word for word in SMALL if not word.startswith("train.seen")],
        "train.seen=640",
        f"root={tmp_path}",
        *SLURM,
    ]
    began = time.monotonic()
    code, _, err = command("sweep", *words)
    assert code == 0 and "50 runs submitted" in err and time.monotonic() - began < 60, err
    done = 0
    while True:
        ended = not queued()
        counts = {
            state: int(n)
            for n, state in (part.split() for part in command("status", tmp_path)[1].splitlines()[0].split("  "))
        }
        assert (
            sum(counts.values()) == 50
            and set(counts) <= {"running", "pending", "done"}
            and counts.get("done", 0) >= done
        ), counts
        done = counts.get("done", 0)
        if ended:
            break
        assert counts.get("running", 0) <= os.cpu_count()
        time.sleep(3)
    assert done == 50
