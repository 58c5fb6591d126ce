"""A holder that is not seen from here, on another machine or in another namespace, is listened for."""

import json
import subprocess
import sys
import threading
import time

import pytest

from dp_common.errors import Held
from dp_common.persistence import lease, listening
from dp_common.persistence.lease import NAME, Lease, alive, gone, this_process
from tests.dp_common.persistence.leases import HOLDER, LONG, left_behind


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
