"""Checkpoints: one safetensors file each, named in the ledger; loading never executes code. Two are kept."""

from pathlib import Path

from dp_common.errors import Damaged
from dp_common.files import digest, write_atomic
from dp_common.persistence import ledger

KEPT = 2


def save(book, folder, call, tensors, **midway):
    """Write the state after ``call`` calls and name it in the ledger; remove all but the last two.

    ``midway``: how far the next call, a training, is (``position``, and what else it goes on from).
    """
    from safetensors.torch import save as to_bytes

    if not book.writes:  # the first rank's line says that it is done
        book.append("midway" if midway else "checkpoint")
        return
    data = to_bytes({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    mark = digest(data)
    file = f"checkpoint-{call:06d}-{mark[:8]}.safetensors"
    write_atomic(Path(folder) / file, data)
    if midway:
        book.append("midway", call=call + 1, file=file, digest=mark, **midway)
    else:
        book.append("checkpoint", call=call, file=file, digest=mark)
    kept = {record["file"] for record in named(book.records)[-KEPT:]}
    for old in Path(folder).glob("checkpoint-*.safetensors"):
        if old.name not in kept:
            old.unlink()


def named(records):
    """Checkpoint lines that a later resume has not overtaken."""
    alive = []
    for record in records:
        if record["kind"] == "resume":
            alive = [r for r in alive if ledger.moment(r) <= ledger.moment(record)]
        if record["kind"] in ("checkpoint", "midway"):
            alive.append(record)
    return alive


def latest(records, folder):
    """(calls done, tensors or None, the line if it is midway or None) to go on from: the last checkpoint whose file is there, or
    the very start.

    Raises Damaged if that file is not what the ledger says; deleting it falls back on the one before.
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
            return ledger.moment(record)[0], from_bytes(data), record if record["kind"] == "midway" else None
    return 0, None, None
