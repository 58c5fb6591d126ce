"""What several ranks do for one call is priced by the clock of each, waiting included: whoever makes which part.

Two ranks as threads, each with a clock of its own that its work moves on; waiting for another moves it to the latest.
"""

import queue
import threading
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from dp_common.lab.addition_writer import AdditionWriter
from dp_common.persistence import meter as module
from dp_common.persistence.meter import PRICED, Meter

PART = 6.0  # seconds


class Clock:
    """A hand for each thread."""

    def __init__(self):
        self.hands = threading.local()

    def perf_counter(self):
        return getattr(self.hands, "now", 0.0)

    def move_to(self, now):
        self.hands.now = now


class Queue:
    """Numbers that are dealt out beforehand; results come to the first rank."""

    stopped = False

    def __init__(self, numbers, shared):
        self.numbers, self.shared = numbers, shared

    def __iter__(self):
        return iter(self.numbers)

    def cancelled(self):
        return False

    def submit(self, result, number=None):
        self.shared.results.put(result)

    def collect(self):
        found = []
        while not self.shared.results.empty():
            found.append(self.shared.results.get())
        self.shared.collected += len(found)
        return found

    def drain(self):
        while self.shared.collected < 3:
            self.shared.collected += 1
            yield [self.shared.results.get(timeout=30)]


class Group:
    def __init__(self, rank, shared, numbers):
        self.rank, self.size, self.first, self.shared, self.numbers = rank, 2, rank == 0, shared, numbers

    def work_queue(self, parts, stop):
        return Queue(self.numbers, self.shared)

    def all_gather(self, data):
        self.shared.hands[self.rank], self.shared.data[self.rank] = self.shared.clock.perf_counter(), data
        self.shared.barrier.wait(30)
        self.shared.clock.move_to(max(self.shared.hands))
        found = list(self.shared.data)
        self.shared.barrier.wait(30)
        return found


class Ledger:
    def __init__(self, meter):
        self.meter, self.records = meter, []

    def append(self, kind, **content):
        self.records.append({"kind": kind, **content, "spent": self.meter.snapshot_and_reset()})


def priced(monkeypatch, dealt, before=0.0):
    """Device seconds by phase of a call whose parts are ``dealt`` = (numbers of rank 0, numbers of rank 1)."""
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    shared = SimpleNamespace(
        clock=clock,
        barrier=threading.Barrier(2),
        hands=[0.0, 0.0],
        data=[b"", b""],
        results=queue.Queue(),
        collected=0,
        lines=[],
        errors=[],
    )

    def rank(number):
        try:
            meter = Meter(2)
            meter.switch("idle")
            clock.move_to(before)
            meter.count(images_trained=7)  # by all ranks together, before: the first one's count stands for it
            ledger = Ledger(meter)
            progress = SimpleNamespace(task=lambda *args: nullcontext(lambda n: None))
            run = SimpleNamespace(
                group=Group(number, shared, dealt[number]),
                io=SimpleNamespace(meter=meter, ledger=ledger, progress=progress, stop=lambda: False),
                spec=SimpleNamespace(seed=0, strategy="static"),
            )
            writer = AdditionWriter(run, SimpleNamespace(), 0, 0.0, lambda: None)

            def work(part):
                with meter.phase("generate"):
                    clock.move_to(clock.perf_counter() + PART)
                    meter.count(network_evaluations=10)
                return writer.result(4, kind="shard", line={"file": str(part)})

            with writer.shared("generate"):
                writer.run_parts("generate", 12, 0, 3, work)
            if number == 0:
                ledger.append("call")
                shared.lines += ledger.records
        except Exception as error:
            shared.errors.append(error)
            shared.barrier.abort()

    threads = [threading.Thread(target=rank, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not shared.errors, shared.errors
    phases, counts = {}, {}
    for line in shared.lines:
        for sums, found in ((phases, line["spent"]["phases"]), (counts, line["spent"]["counts"])):
            for name, value in found.items():
                sums[name] = sums.get(name, 0) + value
    return phases, counts, shared.lines


@pytest.mark.parametrize("dealt", [([0, 1], [2]), ([0], [1, 2]), ([0, 1, 2], []), ([], [0, 1, 2])])
def test_three_equal_parts_cost_what_two_devices_were_held_for(monkeypatch, dealt):
    phases, counts, lines = priced(monkeypatch, dealt)
    longest = PART * max(map(len, dealt))
    assert sum(phases.get(phase, 0) for phase in PRICED) == pytest.approx(2 * longest)
    assert counts == {"network_evaluations": 30, "images_trained": 7}
    assert [line["kind"] for line in lines] == ["shard"] * 3 + ["call"]


def test_two_ranks_with_three_equal_parts_are_priced_equally(monkeypatch):
    one, other = priced(monkeypatch, ([0, 1], [2])), priced(monkeypatch, ([0], [1, 2]))
    assert one[0] == other[0] and one[1] == other[1]


def test_what_came_before_counts_as_often_as_there_are_devices(monkeypatch):
    phases, _, _ = priced(monkeypatch, ([0, 1], [2]), before=5.0)
    assert phases["idle"] == pytest.approx(2 * 5.0) and phases["generate"] == pytest.approx(4 * PART)
    assert sum(phases.values()) == pytest.approx(2 * (5 + 2 * PART))
