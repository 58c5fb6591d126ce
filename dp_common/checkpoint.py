"""Checkpoints: one safetensors file each, named in the ledger; loading never executes code. Two are kept."""

from pathlib import Path

from dp_common.errors import Damaged
from dp_common.files import digest, write_atomic

KEPT = 2


def save(ledger, folder, call, tensors):
    """Write the state after ``call`` calls and name it in the ledger; remove all but the last two."""
    from safetensors.torch import save as to_bytes

    data = to_bytes({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    mark = digest(data)
    file = f"checkpoint-{call:06d}-{mark[:8]}.safetensors"
    write_atomic(Path(folder) / file, data)
    ledger.append("checkpoint", call=call, file=file, digest=mark)
    kept = {record["file"] for record in named(ledger.records)[-KEPT:]}
    for old in Path(folder).glob("checkpoint-*.safetensors"):
        if old.name not in kept:
            old.unlink()


def named(records):
    """Checkpoint lines that a later resume has not overtaken."""
    alive = []
    for record in records:
        if record["kind"] == "resume":
            alive = [r for r in alive if r["call"] <= record["call"]]
        if record["kind"] == "checkpoint":
            alive.append(record)
    return alive


def latest(records, folder):
    """(calls done, tensors or None) to go on from: the last checkpoint whose file is there, or the very start.

    Raises Damaged if that file is not what the ledger says; deleting it falls back on the one before.
    """
    from safetensors.torch import load as from_bytes

    for record in reversed(named(records)):
        path = Path(folder) / record["file"]
        if path.exists():
            data = path.read_bytes()
            if digest(data) != record["digest"]:
                raise Damaged(f"{path}: corrupted (its digest is not the ledger's); delete it to go on from the checkpoint before")
            return record["call"], from_bytes(data)
    return 0, None
