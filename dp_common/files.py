"""Files that are either whole or not there: temp file in the same folder, flush, fsync, replace, fsync of the folder."""

import hashlib
import os
from pathlib import Path


def write_atomic(path, data: bytes):
    """Replace ``path`` by ``data``. After a crash the old or the new content is there, never a mixture."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def remove_temporaries(folder):
    """Temp files of attempts that died. Only the holder of the lease may call this."""
    for file in Path(folder).glob(".*.tmp"):
        file.unlink(missing_ok=True)
