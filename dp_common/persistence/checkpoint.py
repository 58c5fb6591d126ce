"""Checkpoints: one safetensors file each, named in the ledger; loading never executes code. Two are kept.

On a device they are written beside it: the state is copied to the host, hashed and written while training goes on, and
named when the disk has it. What is killed in between goes on from the one before.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dp_common.errors import Damaged
from dp_common.files import digest, write_atomic
from dp_common.persistence.ledger import AnyLedger, moment
from dp_common.persistence.records import Checkpoint, Midway, Record
from dp_common.persistence.run_io import RunIO

if TYPE_CHECKING:
    import torch

KEPT = 2
STATES = ("partial", "features")  # what the names of a scan's files begin with, before the number of its call

ToBytes = Callable[[dict[str, "torch.Tensor"]], bytes]


class Pending:
    """The state after ``call`` calls, being written while training goes on. It is no checkpoint until ``commit`` has
    named it in the ledger; then all but the last two are removed.

    Args:
        io: what it is written with. No line may be added to the ledger before ``commit``. A rank that does not write
            waits then for the first rank's line, which says that it is done.
        call: calls done.
        tensors: the state, which is copied here and now, and may change after that.
        **midway: how far the next call, a training, is: ``position``, ``loss`` and ``of``, as in records.Midway.
    """

    def __init__(self, io: RunIO, call: int, tensors: Mapping[str, "torch.Tensor"], **midway: Any) -> None:
        self.io, self.call, self.midway, self.future = io, call, midway, None
        if io.ledger.writes:
            from safetensors.torch import save as to_bytes  # not by a thread, while this one forks readers

            host = on_host(tensors, copied=io.background.threaded)
            self.future = io.background.do(partial(write, io.folder, call, host, to_bytes))
        self.spent = io.meter.so_far()  # what came to be after this is not in it

    def done(self) -> bool:
        """Is the file there, or has writing it failed? True of a rank that does not write."""
        return self.future is None or self.future.done()

    def commit(self) -> None:
        """Wait for the file, and name it; what was spent since it was begun belongs to the next line. Raises what
        writing it raised.
        """
        written, io = self.future.result() if self.future else None, self.io
        with io.meter.only(self.spent):
            if written and io.background.threaded:
                io.meter.beside("checkpoint", written.seconds)
            name(io.ledger, io.folder, self.call, written, self.midway)


class Written(NamedTuple):
    """A checkpoint's file."""

    file: str
    digest: str
    seconds: float  # that it took


def on_host(tensors: Mapping[str, "torch.Tensor"], copied: bool = False) -> dict[str, "torch.Tensor"]:
    """The state on the host; ``copied``: in memory of its own, wherever it was."""
    return {key: value.detach().to("cpu", copy=copied).contiguous() for key, value in tensors.items()}


def write(folder: str | Path, call: int, tensors: dict[str, "torch.Tensor"], to_bytes: ToBytes) -> Written:
    """Write the file, which nothing names yet."""
    since = time.perf_counter()
    data = to_bytes(tensors)
    data_digest = digest(data)
    file = f"checkpoint-{call:06d}-{data_digest[:8]}.safetensors"
    write_atomic(Path(folder) / file, data)
    return Written(file, data_digest, time.perf_counter() - since)


def name(ledger: AnyLedger, folder: str | Path, call: int, written: Written | None, midway: dict[str, Any]) -> None:
    """Add the line that names a file, and remove all but the last two; None: wait for the first rank's line."""
    kind, call = ("midway", call + 1) if midway else ("checkpoint", call)
    if written is None:
        ledger.append(kind)
        return
    ledger.append(kind, call=call, file=written.file, digest=written.digest, **midway)
    kept = named(ledger.records)[-KEPT:]
    files = {record["file"] for record in kept}
    for old in Path(folder).glob("checkpoint-*.safetensors"):
        if old.name not in files:
            old.unlink()
    if len(kept) == KEPT:
        remove_states(folder, moment(kept[0])[0])


def remove_states(folder: str | Path, calls: float) -> None:
    """Remove what the scans of selections up to call ``calls`` put away: who goes on from there needs it no more."""
    for kind in STATES:
        for path in Path(folder).glob(f"{kind}-*"):
            number = path.name.split("-")[1]
            if number.isdecimal() and int(number) <= calls:
                path.unlink(missing_ok=True)


def named(records: Iterable[Record]) -> list[Checkpoint | Midway]:
    """The checkpoint lines that no later resume has overtaken, the last one last."""
    alive: list[Checkpoint | Midway] = []
    for record in records:
        if record["kind"] == "resume":
            alive = [r for r in alive if moment(r) <= moment(record)]
        elif record["kind"] == "checkpoint" or record["kind"] == "midway":
            alive.append(record)
    return alive


def latest(
    records: Iterable[Record], folder: str | Path
) -> tuple[int, dict[str, "torch.Tensor"] | None, Midway | None]:
    """What to go on from: the last checkpoint whose file is there, or the very start.

    Args:
        records: the ledger's.
        folder: the run's.

    Returns:
        (calls done, tensors on the CPU or None, the line if it is midway or None).

    Raises:
        Damaged: that file is not what the ledger says; deleting it falls back on the one before.
    """
    from safetensors.torch import load as from_bytes

    for record in reversed(named(records)):
        path = Path(folder) / record["file"]
        if path.exists():
            data = path.read_bytes()
            if digest(data) != record["digest"]:
                raise Damaged(
                    f"{path}: corrupted (its digest is not the ledger's); delete it to go on from the checkpoint before"
                )
            return moment(record)[0], from_bytes(data), record if record["kind"] == "midway" else None
    return 0, None, None
