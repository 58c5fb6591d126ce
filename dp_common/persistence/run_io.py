"""What every piece of a run's work writes to, counts with and asks: handed down as one value."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dp_common.persistence.background import Background
from dp_common.persistence.ledger import AnyLedger
from dp_common.persistence.meter import Meter
from dp_common.progress import Progress


@dataclass(frozen=True)
class RunIO:
    """The outside of a run, the same for all that is done in it."""

    ledger: AnyLedger  # the writer on the first rank, a replica on the others
    folder: Path  # of the run's files
    meter: Meter
    progress: Progress
    stop: Callable[[], bool]  # has this attempt been asked to end?
    background: Background = field(default_factory=Background)  # what encodes and writes beside the device
