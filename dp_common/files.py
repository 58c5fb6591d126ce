"""Files that are whole or not there: temp file in the same folder, flush, fsync, replace, fsync of the folder."""

import errno
import hashlib
import os
from importlib.util import find_spec
from pathlib import Path


def write_atomic(path: str | Path, data: bytes) -> None:
    """Replace ``path`` by ``data``. After a crash the old or the new content is there, never a mixture.

    Raises:
        OSError: it names ``path``, also where it comes of a disk that is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: str | Path) -> None:
    """Wait until the disk knows which files the folder holds.

    Some network file systems cannot say, and are not asked twice.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (
            errno.EINVAL,
            errno.ENOTSUP,
        ):  # "not for folders": they write names at once or not at all
            raise
    finally:
        os.close(descriptor)


def digest(data: bytes) -> str:
    """Half a SHA-256: 32 hex digits."""
    return hashlib.sha256(data).hexdigest()[:32]


def remove_temporaries(folder: str | Path) -> None:
    """Remove the temp files of attempts that died. Only the holder of the lease may call this."""
    for file in Path(folder).glob(".*.tmp"):
        file.unlink(missing_ok=True)


def package_folder(package: str) -> Path:
    """Where an installed package lies, found without importing it. Raises ModuleNotFoundError."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is not installed")
    return Path(spec.submodule_search_locations[0])
