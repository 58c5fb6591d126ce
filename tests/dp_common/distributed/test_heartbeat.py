"""Signs of life: who is gone is found out, who has left in good order is not missed, a stop reaches the first rank."""

import json

import pytest

from dp_common.distributed import heartbeat
from dp_common.distributed.heartbeat import Heartbeat, ended
from dp_common.errors import Interrupted, PeerFailed
from tests.processes import until


class Store:
    """A TCPStore's part of it, in this process."""

    def __init__(self):
        self.values = {}

    def set(self, key, value):
        self.values[key] = value.encode()

    def get(self, key):
        return self.values[key]

    def check(self, keys):
        return all(key in self.values for key in keys)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def beating(store, monkeypatch):
    """beating(rank, size=2, timeout=...) -> a Heartbeat of the shared store, at a hundred beats a second."""
    monkeypatch.setattr(heartbeat, "BEAT", 0.01)
    made = []

    def make(rank, size=2, timeout=30.0):
        made.append(Heartbeat(rank, size, store, timeout))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def test_two_that_live_lose_nobody(store, beating):
    first, second = beating(0, timeout=5.0), beating(1, timeout=5.0)
    until(lambda: int(store.get("beat/0")) > 5 and int(store.get("beat/1")) > 5)
    assert first.lost is None and second.lost is None and first.quiet(5.0) == []


def test_one_that_gives_no_sign_is_lost_after_the_time_that_is_set(store, beating):
    first = beating(0, timeout=1000.0)
    store.set("beat/1", "7")
    until(lambda: first.quiet(0.1) == [1])
    assert first.lost is None
    first.timeout = 0.2
    until(lambda: first.lost)
    assert isinstance(first.lost, PeerFailed) and str(first.lost) == "rank 1 gave no sign of life for 0.2 s"


def test_one_that_has_left_is_not_missed(store, beating):
    store.set("beat/1", "7")
    store.set("bye/1", "1")
    first = beating(0, timeout=0.05)
    until(lambda: int(store.get("beat/0")) > 20)
    assert first.lost is None


def test_a_failure_is_reported_to_all_but_the_one_it_happened_to(store, beating):
    store.set("failed", json.dumps({"rank": 1, "text": "rank 1: a bad day", "code": 2}))
    first, second = beating(0), beating(1)
    until(lambda: first.lost)
    assert (str(first.lost), first.lost.code, first.lost.reported) == ("rank 1: a bad day", 2, True)
    until(lambda: int(store.get("beat/1")) > 5)
    assert second.lost is None


def test_the_end_of_the_first_rank_ends_the_others(store, beating):
    store.set("closed", json.dumps({"state": "interrupted", "why": "interrupted; go on"}))
    first, second = beating(0), beating(1)
    until(lambda: second.lost)
    assert isinstance(second.lost, Interrupted) and str(second.lost) == "interrupted; go on"
    assert first.lost is None


def test_a_request_to_stop_stays_and_reaches_the_first(store, beating):
    first, second = beating(0), beating(1)
    assert not first.stop_requested(False) and second.stop_requested(True) and second.stop_requested(False)
    until(lambda: first.stop_requested(False))


def test_a_store_that_is_gone_is_the_first_rank_gone(store, beating, monkeypatch):
    def broken(*_):
        raise RuntimeError("connection reset")

    second = beating(1)
    monkeypatch.setattr(store, "set", broken)
    until(lambda: second.lost)
    assert str(second.lost) == "rank 0 is gone: its store does not answer any more (RuntimeError)"


def test_how_an_attempt_ended():
    assert isinstance(ended({"state": "interrupted", "why": "x"}), Interrupted)
    failed = ended({"state": "failed", "why": "x"})
    assert isinstance(failed, PeerFailed) and failed.reported
