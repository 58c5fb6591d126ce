"""The meter of one attempt: device-synchronised seconds by phase, and counts of the units of work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dp_common.persistence.records import Spent

PHASES = ("startup", "generate", "guided", "score", "train", "monitor", "evaluate", "write", "idle")
PRICED = ("generate", "guided", "score", "train", "monitor")  # gpu_hours.total is the sum of these
BESIDE = ("encode", "store", "checkpoint", "data_wait")  # work inside of phases, or in a thread beside them


class Meter:
    """Always in exactly one phase; ``phase(name)`` nests and returns to the one outside. Starts in ``startup``.

    Each rank has one. Where all do the same, seconds of the first count for all of them (``devices``); where work is
    shared out each rank's own count, and are handed to the first (``own_clock``, ``absorb``).

    Args:
        devices: seconds count so many times.
        synchronise: waits until the device has done what it was asked to.
        started: ``time.perf_counter()`` at which the first phase began; None: now.
    """

    def __init__(
        self, devices: int = 1, synchronise: Callable[[], object] = lambda: None, started: float | None = None
    ) -> None:
        self.devices, self.synchronise = devices, synchronise
        self.name = "startup"
        self.since = self.started = time.perf_counter() if started is None else started
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.besides: dict[str, float] = {}
        self.pooled: dict[str, float] = {}

    def switch(self, name: str) -> str:
        """Enter a phase and stay there; returns the one before.

        Raises ValueError for a name that is none of ``PHASES``.
        """
        if name not in PHASES:
            raise ValueError(f"phase {name}: one of {', '.join(PHASES)}")
        self.synchronise()
        now = time.perf_counter()
        self.seconds[self.name] = self.seconds.get(self.name, 0.0) + (now - self.since) * self.devices
        previous, self.name, self.since = self.name, name, now
        return previous

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Be in a phase for as long as the ``with`` block lasts."""
        outside = self.switch(name)
        try:
            yield
        finally:
            self.switch(outside)

    @contextmanager
    def own_clock(self) -> Iterator[None]:
        """For as long as the ``with`` block lasts seconds count once: every rank hands in its own."""
        devices = self.devices
        self.switch(self.name)
        self.devices = 1
        try:
            yield
        finally:
            self.switch(self.name)
            self.devices = devices

    def count(self, **units: int) -> None:
        """Add to the counts: ``count(iterations=1, images_trained=128)``."""
        for unit, n in units.items():
            self.counts[unit] = self.counts.get(unit, 0) + int(n)

    def beside(self, name: str, seconds: float) -> None:
        """Add seconds of work that is no phase of its own; see ``BESIDE``. They are in no sum of phases."""
        if name not in BESIDE:
            raise ValueError(f"beside {name}: one of {', '.join(BESIDE)}")
        self.besides[name] = self.besides.get(name, 0.0) + seconds

    def absorb(self, spent: Spent) -> None:
        """Take in what another rank, or this one earlier, has measured: the next snapshot holds it too."""
        more = (spent["phases"], spent.get("beside", {}), spent.get("pooled", {}))
        for mine, theirs in zip((self.seconds, self.besides, self.pooled), more):
            for name, seconds in theirs.items():
                mine[name] = mine.get(name, 0.0) + seconds
        self.count(**spent["counts"])

    def so_far(self) -> Spent:
        """What ``snapshot_and_reset`` would say now; nothing is reset."""
        found = self.snapshot_and_reset()
        self.absorb(found)
        return found

    @contextmanager
    def only(self, spent: Spent) -> Iterator[None]:
        """Within the ``with`` block there is what was ``so_far`` at an earlier time, and what the block adds; what came
        between is there again after it.
        """
        later = less(self.snapshot_and_reset(), spent)
        self.absorb(spent)
        try:
            yield
        finally:
            self.absorb(later)

    @contextmanager
    def measured(self, name: str) -> Iterator[Spent]:
        """Be in a phase; what it took, all of it by this clock, stands in what is yielded when the block has ended."""
        found: Spent = {"phases": {}, "counts": {}}
        with self.phase(name):
            seconds, counts = self.seconds.get(name, 0.0), dict(self.counts)
            yield found
            self.switch(name)
            found["phases"][name] = round(self.seconds[name] - seconds, 6)
            found["counts"] |= {unit: n - counts.get(unit, 0) for unit, n in self.counts.items()}

    def snapshot_and_reset(self) -> Spent:
        """What was measured since this was called last: device seconds by phase and counts, without zeros.

        Then starts anew.
        """
        self.switch(self.name)
        measured: Spent = {
            "phases": {phase: round(seconds, 6) for phase, seconds in self.seconds.items()},
            "counts": {unit: n for unit, n in self.counts.items() if n},
        }
        if self.besides:
            measured["beside"] = {name: round(seconds, 6) for name, seconds in self.besides.items()}
        if self.pooled:
            measured["pooled"] = {phase: round(seconds, 6) for phase, seconds in self.pooled.items()}
        self.seconds, self.counts, self.besides, self.pooled = {}, {}, {}, {}
        return measured

    def wall(self) -> float:
        """Seconds since the start, whatever was reset."""
        return time.perf_counter() - self.started


def less(spent: Spent, earlier: Spent) -> Spent:
    """What was measured after an earlier look at the same meter."""

    def since(now: dict[str, float], then: dict[str, float]) -> dict[str, float]:
        return {name: round(seconds - then.get(name, 0.0), 6) for name, seconds in now.items()}

    counts = {unit: n - earlier["counts"].get(unit, 0) for unit, n in spent["counts"].items()}
    later: Spent = {"phases": since(spent["phases"], earlier["phases"]), "counts": counts}
    later["beside"] = since(spent.get("beside", {}), earlier.get("beside", {}))
    later["pooled"] = since(spent.get("pooled", {}), earlier.get("pooled", {}))
    return later
