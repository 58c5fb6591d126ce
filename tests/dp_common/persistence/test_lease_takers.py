"""Of several that take a lease at once one wins, and nobody is disturbed or blocked by the others."""

import json
import os
import threading
import time

import pytest

from dp_common.errors import Held, LeaseLost
from dp_common.persistence.lease import NAME, Lease
from tests.dp_common.persistence.leases import LONG, left, left_behind


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
