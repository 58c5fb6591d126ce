"""The lease: one holder at a time; a dead one is replaced at once, a silent one after its time-to-live, a live one
never; who was replaced learns it at its next check.

"At once" is held by letting the waiting itself fail, not by a stop-watch.
"""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from dp_common.errors import Held, LeaseLost
from dp_common.persistence import lease
from dp_common.persistence.lease import NAME, Lease, alive, gone, this_process
from tests.dp_common.persistence.leases import LONG, left, left_behind


def test_taken_checked_and_released(tmp_path, take):
    held = take()
    held.check()
    assert json.loads((tmp_path / NAME).read_text())["token"] == held.token and alive(tmp_path)
    held.release()
    assert left(tmp_path) == set() and not alive(tmp_path)
    with pytest.raises(LeaseLost):
        held.check()
    take().check()


def test_a_live_holder_is_told_and_keeps_it(tmp_path, holder):
    process = holder(2.0)
    for _ in range(2):
        with pytest.raises(Held, match=f"held by pid {process.pid}"):
            Lease(tmp_path, 2.0)
    assert process.ask("check") == "ok"
    assert Held.code == 3


def test_a_killed_holder_is_replaced_at_once(tmp_path, holder, take, at_once):
    process = holder(LONG)
    beat = float((tmp_path / f".beat.{process.token}").read_text())
    process.kill()
    process.wait()
    assert not alive(tmp_path)
    held = take()
    held.check()
    assert held.last_beat == beat
    assert left(tmp_path) == {NAME, f".beat.{held.token}"}


def test_a_killed_holder_whom_nobody_buried_is_gone_too(tmp_path, holder, take, at_once):
    """A zombie: its pid still answers. So it stays where pid 1 of a container reaps no children."""
    process = holder(LONG)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is dead, and still a zombie
    take().check()


def test_a_stopped_holder_is_replaced_after_its_time_and_learns_it(tmp_path, holder, take):
    process = holder(1.0)
    os.kill(process.pid, signal.SIGSTOP)
    held = take(ttl=1.0)
    held.check()
    before = (tmp_path / NAME).read_bytes()
    os.kill(process.pid, signal.SIGCONT)
    assert process.ask("check") == "LeaseLost"
    time.sleep(0.3)  # six beats
    assert left(tmp_path) == {NAME, f".beat.{held.token}"}
    assert process.ask("release") == "ok"
    held.check()  # neither its heart nor its release did anything to ours
    assert (tmp_path / NAME).read_bytes() == before
    with pytest.raises(Held):
        Lease(tmp_path, 1.0)


@pytest.mark.parametrize(
    "changes, over",
    [
        (dict(slurm_job="7", slurm_restarts=0, host="other"), True),
        (dict(slurm_job="7", slurm_restarts=1, host="other"), False),
        (dict(slurm_job="7", slurm_restarts=2, host="other"), False),
        (dict(slurm_job="8", slurm_restarts=0, host="other"), False),
        (dict(slurm_job=None, slurm_restarts=0, host="other"), False),
        (dict(slurm_job="7", slurm_restarts=0), True),  # this very process, which is alive: a requeued job outranks it
    ],
)
def test_a_restarted_job_replaces_its_former_self_at_once(tmp_path, take, at_once, monkeypatch, changes, over):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    record = left_behind(tmp_path, **changes)
    assert gone(record, this_process()) is over
    if over:
        take().check()
    else:
        with pytest.raises(AssertionError, match="waited"):
            take()


def test_without_a_job_no_restart_counts(tmp_path, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv("SLURM_RESTART_COUNT", raising=False)
    assert not gone(left_behind(tmp_path, slurm_job=None, host="other"), this_process() | {"slurm_restarts": 3})


def test_a_reused_pid_is_gone_at_once(tmp_path, take, at_once):
    left_behind(tmp_path, started=1)
    take().check()


def test_a_pid_that_proc_hides_is_not_gone(tmp_path, monkeypatch):
    """hidepid of /proc: the process of another user answers, and cannot be looked at."""
    record = left_behind(tmp_path)
    monkeypatch.setattr(lease, "process_start", lambda pid: None)
    assert not gone(record, this_process())
    monkeypatch.setattr(lease, "process_start", lambda pid: 0)  # a zombie
    assert gone(record, this_process())


def test_who_waits_says_what_for(tmp_path, take, monkeypatch, capsys):
    monkeypatch.setattr(lease, "SILENT", 0.05)
    left_behind(tmp_path, ttl=0.3, host="other", pid=7)
    take()
    assert capsys.readouterr().err.count("was held by pid 7 on other: waiting up to 0.3 s for a sign of its life") == 1


def test_this_process_is_not_gone(tmp_path):
    assert not gone(left_behind(tmp_path), this_process())


@pytest.mark.parametrize("damage", ["replaced", "removed"])
def test_a_lease_that_is_no_longer_ours_is_lost(tmp_path, take, damage):
    held = take()
    if damage == "replaced":
        left_behind(tmp_path)
    else:
        (tmp_path / NAME).unlink()
    with pytest.raises(LeaseLost):
        held.check()
    held.release()
    assert (tmp_path / NAME).exists() == (damage == "replaced")


def test_the_heart_beats_and_stops(tmp_path, take):
    held = take(ttl=0.2)
    beat = Path(tmp_path / f".beat.{held.token}")
    first, deadline = beat.read_text(), time.monotonic() + 20
    while beat.read_text() in (first, ""):
        assert time.monotonic() < deadline, "no heartbeat"
        time.sleep(0.01)
    held.release()
    assert not beat.exists() and not held.thread.is_alive()
