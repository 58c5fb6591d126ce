"""Sharing out work: each number goes to one rank, and the first rank gets what came of all, in whatever order."""

import threading

import pytest

from dp_common.distributed.work_queue import LocalWorkQueue, SharedWorkQueue


class Store:
    """What ranks share, in this process: a dict whose counters are exact."""

    def __init__(self):
        self.values, self.turn = {}, threading.Lock()

    def rank(self, number):
        return Channel(self, number == 0)


class Channel:
    def __init__(self, store, first):
        self.store, self.first, self.lost = store, first, None

    def raise_if_peer_lost(self):
        if self.lost:
            raise self.lost

    def stop_requested(self, stop):
        return stop()

    def put(self, key, value):
        self.store.values[key] = value

    def get(self, key):
        return self.store.values[key]

    def has(self, key):
        return key in self.store.values

    def add(self, key, amount):
        with self.store.turn:
            self.store.values[key] = self.store.values.get(key, 0) + amount
            return self.store.values[key]

    def remove(self, key):
        del self.store.values[key]


def queues(ranks, n, stop=lambda: False):
    store = Store()
    return [SharedWorkQueue(store.rank(rank), n, stop, "q") for rank in range(ranks)]


def test_one_process_takes_all_in_order():
    queue = LocalWorkQueue(3, lambda: False)
    for number in queue:
        queue.submit(number * 10, number)
    assert queue.collect() == [0, 10, 20] and queue.collect() == [] and list(queue.drain()) == [[]]


def test_one_process_breaks_off_where_it_is_asked_to():
    asked = []
    queue, taken = LocalWorkQueue(5, lambda: bool(asked)), []
    for number in queue:
        taken.append(number)
        if number == 1:
            asked.append(True)
        if queue.cancelled():
            queue.abandon(number)
    assert taken == [0, 1] and queue.stopped


def test_ranks_take_each_number_once_and_the_first_gets_all_results():
    first, second, third = queues(3, 7)
    taken = {0: [], 1: [], 2: []}
    takers = [iter(queue) for queue in (first, second, third)]
    for turn in range(7):
        rank = (0, 1, 2, 1, 1, 2, 0)[turn]
        number = next(takers[rank])
        taken[rank].append(number)
        (first, second, third)[rank].submit({"number": number}, number)
    assert sorted(number for numbers in taken.values() for number in numbers) == list(range(7))
    assert all(next(taker, None) is None for taker in takers)
    results = [result for results in first.drain() for result in results]
    assert sorted(result["number"] for result in results) == list(range(7))


def test_the_first_waits_for_numbers_that_others_have_taken_and_for_no_others():
    first, second = queues(2, 3)
    assert next(iter(second)) == 0
    drained = first.drain()
    assert next(drained) == [] and next(second.__iter__(), None) is None, "after the drain has begun nobody gets more"
    second.submit("late", 0)
    assert next(drained) == ["late"] and next(drained, None) is None


def test_what_is_submitted_on_the_way_closes_no_number():
    first, second = queues(2, 1)
    (number,) = [next(iter(second))]
    second.submit("half")
    drained = first.drain()
    assert next(drained) == ["half"] and next(drained) == []
    second.abandon(number)
    assert next(drained) == [] and next(drained, None) is None


def test_the_first_ranks_word_stops_all():
    asked = []
    first, second = queues(2, 9, lambda: bool(asked))
    number = next(iter(second))
    asked.append(True)
    assert not second.cancelled(), "only the first says so"
    assert first.cancelled() and second.cancelled() and next(iter(second), None) is None
    second.abandon(number)
    assert list(first.drain()) == [[]]


def test_a_lost_peer_ends_the_waiting():
    first, second = queues(2, 1)
    next(iter(second))
    drained = first.drain()
    next(drained)
    first._channel.lost = RuntimeError("rank 1 is gone")
    with pytest.raises(RuntimeError, match="rank 1 is gone"):
        next(drained)
