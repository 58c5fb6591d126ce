"""The lease: one holder at a time; a dead one is replaced at once, a silent one after its time-to-live, a live one
never; who was replaced learns it at its next check.

"At once" is held by letting the waiting itself fail, not by a stop-watch.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dp_common.errors import Held, LeaseLost
from dp_common.persistence import lease, listening
from dp_common.persistence.lease import NAME, Lease, alive, gone, this_process

LONG = 3600.0

HOLDER = """
import sys
from dp_common.errors import LeaseLost
from dp_common.persistence.lease import Lease
held = Lease(sys.argv[1], float(sys.argv[2]))
print(held.token, flush=True)
for line in sys.stdin:
    try:
        held.check() if line == "check\\n" else held.release()
        print("ok", flush=True)
    except LeaseLost:
        print("LeaseLost", flush=True)
"""


@pytest.fixture
def take(tmp_path):
    """take(...) -> a Lease that ends with the test."""
    taken = []

    def make(ttl=LONG, folder=tmp_path):
        taken.append(Lease(folder, ttl))
        return taken[-1]

    yield make
    for one in taken:
        one.release()


@pytest.fixture
def holder(tmp_path):
    """holder(ttl) -> a process of its own that holds the lease; has ``token`` and ``ask(line)``."""
    started = []

    def start(ttl):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path), str(ttl)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        process.token = process.stdout.readline().strip()

        def ask(line):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        process.ask = ask
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture
def at_once(monkeypatch):
    def waited(seconds):
        raise AssertionError("waited for a holder that is certainly gone")

    monkeypatch.setattr(
        lease, "time", type("Clock", (), {"sleep": waited, "monotonic": time.monotonic, "time": time.time})
    )


def left_behind(folder, ttl=LONG, beat=None, **changes):
    """A lease of a holder elsewhere, as it lies in the folder."""
    record = {"token": "elsewhere", "ttl": ttl, **this_process(), **changes}
    (folder / NAME).write_text(json.dumps(record))
    (folder / ".beat.elsewhere").write_text(repr(time.time() if beat is None else beat))
    return record


def left(folder):
    """Names of the files that say who holds the run; a lock file that says nothing may stay."""
    return {file.name for file in folder.iterdir() if not file.name.endswith(".lock")}


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


@pytest.mark.parametrize("where", [dict(boot="another boot"), dict(namespace="pid:[1]"), dict(host="other")])
@pytest.mark.parametrize("pid", [dict(pid=2**22 + 1), dict(started=1), {}], ids=["no such", "another", "mine"])
def test_a_pid_that_is_not_seen_from_here_is_neither_dead_nor_alive(tmp_path, where, pid):
    """Containers with one host name have a pid 7 each; two machines may have one name. Only the heart tells."""
    record = left_behind(tmp_path, ttl=10.0, **where, **pid)
    assert not gone(record, this_process())
    lease.refuse_held(tmp_path)  # does not know
    assert alive(tmp_path)  # its heart has just beaten
    left_behind(tmp_path, ttl=10.0, beat=time.time() - 21, **where, **pid)
    assert not alive(tmp_path)


def test_a_lease_of_an_earlier_version_says_no_namespace_and_is_waited_for(tmp_path, take):
    record = left_behind(tmp_path, ttl=0.2, pid=2**22 + 1)
    del record["namespace"]
    (tmp_path / NAME).write_text(json.dumps(record))
    assert not gone(record, this_process())
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


def in_namespace(*words):
    """A command in a pid namespace of its own, with a /proc of its own or the one of the outside."""
    return ["unshare", "--pid", "--fork", "--kill-child", *words]


def can_unshare():
    try:
        return subprocess.run(in_namespace("--mount-proc", "true"), capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.multiprocess
@pytest.mark.skipif(not can_unshare(), reason="no right to make pid namespaces here")
@pytest.mark.parametrize("proc", [["--mount-proc"], []], ids=["its own proc", "the proc of the outside"])
def test_a_living_holder_in_another_pid_namespace_keeps_its_run(tmp_path, proc):
    """In it the holder is pid 1 or so: here another process, there perhaps none."""
    inside = in_namespace(*proc, sys.executable, "-c", HOLDER, str(tmp_path), "2.0")
    process = subprocess.Popen(inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        token = process.stdout.readline().strip()
        assert lease.read(tmp_path)["token"] == token and lease.read(tmp_path)["pid"] < 5
        assert alive(tmp_path)
        with pytest.raises(Held, match="held by pid"):
            Lease(tmp_path, 2.0)
        within = subprocess.run(
            in_namespace(*proc, sys.executable, "-c", HOLDER, str(tmp_path), "2.0"), capture_output=True, text=True
        )
        assert "Held" in within.stderr  # from a third namespace, where a pid of that number lives too
        process.stdin.write("check\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == "ok"
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    deadline = time.monotonic() + 30
    held = Lease(tmp_path, 2.0)  # its namespace died with it; its time is waited for
    assert held.token != token and time.monotonic() < deadline
    held.release()


def test_a_run_that_is_seen_to_be_held_is_refused_before_anything_heavy(tmp_path, holder):
    lease.refuse_held(tmp_path)
    process = holder(8.0)
    with pytest.raises(Held, match=f"held by pid {process.pid}"):
        lease.refuse_held(tmp_path)
    process.kill()
    process.wait()
    lease.refuse_held(tmp_path)


def beat_on(path, work):
    """Do something while a heart beats."""
    over = threading.Event()

    def heart():
        while not over.wait(0.05):
            path.write_text(repr(time.time()))

    thread = threading.Thread(target=heart)
    thread.start()
    try:
        return work()
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("skew", [-1e6, 1e6])
def test_status_listens_for_who_cannot_be_seen_whatever_the_clocks_say(tmp_path, skew):
    folders = {name: tmp_path / name for name in ("beats", "silent", "slow", "free", "mine")}
    for name, folder in folders.items():
        folder.mkdir()
        if name != "free":
            elsewhere = {} if name == "mine" else {"host": "other", "boot": "other"}
            left_behind(folder, ttl=LONG if name == "slow" else 4.0, beat=time.time() + skew, **elsewhere)
    began = time.monotonic()
    found = beat_on(folders["beats"] / ".beat.elsewhere", lambda: listening.living(folders.values()))
    assert {folder.name for folder in found} == {
        "beats",
        "slow",
        "mine",
    } and time.monotonic() - began < listening.PATIENCE


def test_this_process_is_not_gone(tmp_path):
    assert not gone(left_behind(tmp_path), this_process())


@pytest.mark.parametrize("skew", [-1e6, 1e6])
def test_a_silent_holder_elsewhere_is_replaced_whatever_its_clock_says(tmp_path, take, skew):
    left_behind(tmp_path, ttl=0.3, host="other", pid=1, boot="other", beat=time.time() + skew)
    take().check()


def test_the_holders_own_time_to_live_counts(tmp_path, monkeypatch):
    """A reader with a short one waits for as long as the holder was promised."""
    now, slept = [0.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(
        lease, "time", type("Clock", (), {"sleep": staticmethod(sleep), "monotonic": lambda: now[0], "time": time.time})
    )
    left_behind(tmp_path, ttl=50.0, host="other")
    Lease(tmp_path, 0.5).release()
    assert 50 < now[0] < 52 and max(slept) <= 0.1


def test_one_sign_of_life_is_enough(tmp_path, monkeypatch):
    left_behind(tmp_path, host="other")
    monkeypatch.setattr(
        lease,
        "time",
        type(
            "Clock",
            (),
            {
                "sleep": lambda s: (tmp_path / ".beat.elsewhere").write_text("9.0"),
                "monotonic": time.monotonic,
                "time": time.time,
            },
        ),
    )
    with pytest.raises(Held, match="on other"):
        Lease(tmp_path)


def take_together(folder, barrier, outcomes):
    """Wait for the others, then try."""
    barrier.wait()
    try:
        outcomes.append(Lease(folder, 2.0))
    except Exception as error:
        outcomes.append(error)


@pytest.mark.parametrize("dead", [True, False])
def test_of_simultaneous_takers_one_wins(tmp_path, dead):
    """Eight at once, on a free folder or on a dead lease: one gets it and keeps it, the others are told."""
    for round in range(10):
        folder = tmp_path / str(round)
        folder.mkdir()
        if dead:
            left_behind(folder, started=1)
        barrier, outcomes = threading.Barrier(8), []
        threads = [threading.Thread(target=take_together, args=(folder, barrier, outcomes)) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        winners = [outcome for outcome in outcomes if isinstance(outcome, Lease)]
        assert len(winners) == 1 and all(isinstance(outcome, (Lease, Held)) for outcome in outcomes), outcomes
        winners[0].check()
        winners[0].release()
        assert left(folder) == set()


def outrun(monkeypatch, winners, ttl=LONG):
    """Let the next taker be overtaken after it has found the holder dead and before it acts on it."""
    wait = Lease._wait_for_end

    def slow(self, holder):
        wait(self, holder)
        monkeypatch.setattr(Lease, "_wait_for_end", wait)
        winners.append(Lease(self.folder, ttl))

    monkeypatch.setattr(Lease, "_wait_for_end", slow)


def test_a_taker_who_was_overtaken_is_told_and_disturbs_nothing(tmp_path, monkeypatch):
    winners = []
    left_behind(tmp_path, started=1)
    outrun(monkeypatch, winners)
    with pytest.raises(Held):
        Lease(tmp_path, LONG)
    winners[0].check()
    assert left(tmp_path) == {NAME, f".beat.{winners[0].token}"}
    winners[0].release()


def test_an_overtaken_taker_does_not_make_the_winner_look_lost(tmp_path, monkeypatch):
    """Not even for the moment between two of its steps: the winner may be asking just then, before its first commit."""
    winners, answers, threads = [], [], []
    left_behind(tmp_path, started=1)
    outrun(monkeypatch, winners)

    def check():
        try:
            answers.append(winners[0].check())
        except LeaseLost as error:
            answers.append(error)

    def watched(step):
        def done(*args, **kwargs):
            step(*args, **kwargs)
            if winners:
                threads.append(threading.Thread(target=check))
                threads[-1].start()
                time.sleep(0.02)  # the winner asks now

        return done

    for name in ("rename", "replace", "link", "unlink"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    with pytest.raises(Held):
        Lease(tmp_path, LONG)
    monkeypatch.undo()
    [thread.join() for thread in threads]
    winners[0].check()
    winners[0].release()
    assert answers == [None] * len(threads)


@pytest.mark.parametrize("where", [dict(started=1), dict(host="other")])
def test_a_taker_that_died_in_the_act_blocks_nobody(tmp_path, take, where):
    """Whatever a take-over leaves behind when it dies half-way: the next waits for its time and goes on."""
    record = left_behind(tmp_path, ttl=0.3, **where)
    (tmp_path / f".take-{record['token']}").write_text(json.dumps(record | {"token": "taker"}))
    take(0.3).check()


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
