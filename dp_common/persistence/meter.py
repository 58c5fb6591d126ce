"""The meter of one attempt: device-synchronised seconds by phase, and counts of the units of work."""

import time
from contextlib import contextmanager

PHASES = ("startup", "generate", "guided", "score", "train", "monitor", "evaluate", "write", "idle")
PRICED = ("generate", "guided", "score", "train", "monitor")  # gpu_hours.total is the sum of these


class Meter:
    """Always in exactly one phase; ``phase(name)`` nests and returns to the one outside. Starts in ``startup``."""

    def __init__(self, devices=1, synchronise=lambda: None, started=None):
        self.devices, self.synchronise = devices, synchronise
        self.name = "startup"
        self.since = self.started = time.perf_counter() if started is None else started
        self.seconds, self.counts = {}, {}

    def switch(self, name):
        if name not in PHASES:
            raise ValueError(f"phase {name}: one of {', '.join(PHASES)}")
        self.synchronise()
        now = time.perf_counter()
        self.seconds[self.name] = self.seconds.get(self.name, 0.0) + now - self.since
        previous, self.name, self.since = self.name, name, now
        return previous

    @contextmanager
    def phase(self, name):
        outside = self.switch(name)
        try:
            yield
        finally:
            self.switch(outside)

    def count(self, **units):
        for unit, n in units.items():
            self.counts[unit] = self.counts.get(unit, 0) + int(n)

    def snapshot_and_reset(self):
        """What was measured since the last ``take``: {"phases": device seconds, "counts": units}; then starts anew."""
        self.switch(self.name)
        measured = {
            "phases": {phase: round(s * self.devices, 6) for phase, s in self.seconds.items()},
            "counts": {unit: n for unit, n in self.counts.items() if n},
        }
        self.seconds, self.counts = {}, {}
        return measured

    def wall(self):
        return time.perf_counter() - self.started
