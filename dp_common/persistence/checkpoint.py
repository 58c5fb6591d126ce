"""Checkpoints: one safetensors file each, named in the ledger; loading never executes code. Two are kept."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dp_common.errors import Damaged
from dp_common.files import digest, write_atomic
from dp_common.persistence.ledger import AnyLedger, moment
from dp_common.persistence.records import Checkpoint, Midway, Record

if TYPE_CHECKING:
    import torch

KEPT = 2
STATES = ("partial", "features")  # what the names of a scan's files begin with, before the number of its call


def save(
    ledger: AnyLedger, folder: str | Path, call: int, tensors: Mapping[str, "torch.Tensor"], **midway: Any
) -> None:
    """Write the state after ``call`` calls and name it in the ledger; remove all but the last two.

    Args:
        ledger: where it is named; a rank that does not write it waits for the first rank's line, which says that it is
            done.
        folder: the run's.
        call: calls done.
        tensors: the state, by name, on whatever device.
        **midway: how far the next call, a training, is: ``position``, ``loss`` and ``of``, as in records.Midway.
    """
    from safetensors.torch import save as to_bytes

    if not ledger.writes:
        ledger.append("midway" if midway else "checkpoint")
        return
    data = to_bytes({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    data_digest = digest(data)
    file = f"checkpoint-{call:06d}-{data_digest[:8]}.safetensors"
    write_atomic(Path(folder) / file, data)
    if midway:
        ledger.append("midway", call=call + 1, file=file, digest=data_digest, **midway)
    else:
        ledger.append("checkpoint", call=call, file=file, digest=data_digest)
    kept = named(ledger.records)[-KEPT:]
    for old in Path(folder).glob("checkpoint-*.safetensors"):
        if old.name not in {record["file"] for record in kept}:
            old.unlink()
    if len(kept) == KEPT:
        remove_states(folder, moment(kept[0])[0])


def remove_states(folder: str | Path, calls: float) -> None:
    """Remove what the scans of selections up to call ``calls`` put away: who goes on from there needs it no more."""
    for name in STATES:
        for path in Path(folder).glob(f"{name}-*"):
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
