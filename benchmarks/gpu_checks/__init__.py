"""What ``benchmarks.gpu_check`` looks at, a file for each kind; every check yields findings, which are written at once.

Expectations of rates and memory are for an H100 or H200, and are judged there alone; expectations of correctness are
judged on every device. What an H100 said stands in results/measured/gpu.
"""

import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GIB = 2**30
OK, DIFFERS, MEASURED, FAILED, FULL, LEFT_OUT = (
    "as expected",
    "not as expected",
    "measured",
    "failed",
    "out of memory",
    "left out",
)


@dataclass(frozen=True)
class Place:
    """Where it is checked."""

    device: Any  # torch.device
    folder: Path  # for what is written
    small: bool  # a rehearsal: the same code on small networks
    judged: bool  # is it a GPU that the rates are expected of?
    synchronise: Callable[[], object]
    ends: float = field(default_factory=lambda: time.monotonic() + 480)

    def timed(self, call: Callable[[], Any], repeat: int = 3) -> float:
        """Median seconds of a call, after one that warms up."""
        call()
        seconds = []
        for _ in range(1 if self.small else repeat):
            self.synchronise()
            since = time.perf_counter()
            call()
            self.synchronise()
            seconds.append(time.perf_counter() - since)
        return statistics.median(seconds)

    def waits(self, call: Callable[[], Any]) -> float | None:
        """How often the host waits for the device in a call, after one that warms up; None: only CUDA tells."""
        import torch

        if self.device.type != "cuda":
            return None
        call()
        self.synchronise()
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                call()
            finally:
                torch.cuda.set_sync_debug_mode(before)
        return float(sum("called a synchronizing" in str(warning.message) for warning in told))


@dataclass(frozen=True)
class Finding:
    """One line of the answer."""

    item: str
    got: float | str | bool | None
    unit: str = ""
    low: float | None = None  # of what is expected; None: no bound
    high: float | None = None
    rate: bool = False  # expected of certain GPUs alone?
    note: str = ""
    verdict: str = ""  # empty: by the bounds

    @property
    def expected(self) -> str:
        """For people."""
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None and self.high is None:
            return ""
        if self.low == self.high:
            return "yes" if self.low == 1 and not self.unit else f"{self.low:g}{unit}"
        if self.low is None:
            return f"at most {self.high:g}{unit}"
        return f"at least {self.low:g}{unit}" if self.high is None else f"{self.low:g} to {self.high:g}{unit}"

    def judge(self, judged: bool) -> str:
        """The verdict, where rates are judged or not."""
        if self.verdict:
            return self.verdict
        if not self.expected or not isinstance(self.got, (int, float)) or (self.rate and not judged):
            return MEASURED
        inside = (self.low is None or self.got >= self.low) and (self.high is None or self.got <= self.high)
        return OK if inside else DIFFERS


Findings = Iterator[Finding]
Check = Callable[[Place], Findings]
