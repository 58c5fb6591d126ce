"""One pool: ``<root>/pool/<key>/``, files of plain images that runs of a root share.

Images are kept as they are sampled, in blocks, with the seconds and counts that each block cost. A block that a call
cuts off is not the beginning of a whole one (a batch of another size may round otherwise): it is a block of its own.
A file holds consecutive blocks of one range of indices, and its name ends in the digest of its bytes, so that what is
truncated, or is not what was written, is noticed. Whoever makes blocks of a range holds a lock on it that ends with
the process; where a file system has no locks two may make the same, which harms nothing.
"""

import errno
import fcntl
import io
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dp_common.errors import BadInput, Damaged, Problem
from dp_common.files import digest, write_atomic
from dp_common.persistence.places import POOL
from dp_common.seeds import label_of

FOLDER, ABOUT, LOCK = "pool", POOL, ".lock"
LEAST = 256  # images of a range, at least: the files of a pool are not to be too many
RANGES = 64  # in a folder
STALE = 3600.0  # seconds after which the temporary file of a writer is that of one that was killed
SAID = {"task", "teacher", "seed", "device"}  # of what images are made of, what people are shown
FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Block:
    """Images ``start`` .. ``stop`` − 1, sampled at once, as files; and what they cost when they were made."""

    start: int
    stop: int
    encoded: list[bytes]
    seconds: float  # of one device, in the phase ``generate``
    counts: dict[str, int]  # of units of work
    means: dict[str, float] = field(default_factory=dict)  # of what was measured when they were new

    def record(self) -> dict[str, Any]:
        """All but the images."""
        costs = {"seconds": self.seconds, "counts": self.counts, "means": self.means}
        return {"start": self.start, "stop": self.stop, **costs}


class ImagePool:
    """The images of one key.

    Args:
        root: folder of runs.
        key: of all that decides the images (``key_of``).
        about: what the key is made of, for people.
        block: images that are sampled at once.
        classes: how many.
    """

    def __init__(self, root: str | Path, key: str, about: Mapping[str, Any], block: int, classes: int) -> None:
        self.folder, self.key, self.about, self.classes = Path(root) / FOLDER / key, key, about, classes
        self.range = block * -(-LEAST // block)  # images of a range
        self.format, self.quality = str(about.get("images.format", "png")), int(about.get("images.quality", 0))
        self.lock_file: Any = None

    # ------------------------------------------------------------------ reading

    def read(self, number: int, remove: bool = False) -> tuple[dict[tuple[int, int], Block], list[str]]:
        """What there is of a range.

        Args:
            number: of the range.
            remove: take damaged files away; for the holder of the lock.

        Returns:
            ({(start, stop): block}, what is wrong with files that are damaged, one line each).
        """
        found: dict[tuple[int, int], Block] = {}
        wrong = []
        for path in self.files_of(number):
            try:
                blocks = read_file(path, self.key)
            except FileNotFoundError:
                continue  # removed since it was listed
            except Damaged as damage:
                wrong.append(str(damage))
                if remove:
                    with suppress(OSError):  # what cannot be taken away is passed over
                        path.unlink()
                continue
            found |= {(block.start, block.stop): block for block in blocks if (block.start, block.stop) not in found}
        return found, wrong

    def said(self, number: int) -> set[tuple[int, int]]:
        """(start, stop) of the blocks that the files of a range say they hold; their images are not looked at."""
        found: set[tuple[int, int]] = set()
        for path in self.files_of(number):
            try:
                found |= {(record["start"], record["stop"]) for record in records_of(path, self.key)}
            except (Damaged, FileNotFoundError):
                continue  # whoever takes from it says so
        return found

    def files_of(self, number: int) -> list[Path]:
        """The files of a range, by name."""
        return [path for path in listed(self.folder_of(number)) if first_of(path.name) // self.range == number]

    def remove_temporaries(self, number: int) -> None:
        """Of writers that were killed, in the folder of a range; those of others that live are younger."""
        for path in self.folder_of(number).glob(".*.tmp"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE:
                    path.unlink()

    def folder_of(self, number: int) -> Path:
        """Where the files of a range are."""
        return self.folder / f"{number // RANGES:06d}"

    # ------------------------------------------------------------------ writing

    def write(self, blocks: Sequence[Block]) -> None:
        """Keep consecutive blocks of one range. Raises Problem where the disk is full."""
        data = file_of(blocks, self.key, self.classes)
        folder = self.folder_of(blocks[0].start // self.range)
        path = folder / f"{blocks[0].start:010d}-{blocks[-1].stop:010d}-{digest(data)[:16]}.parquet"
        with room_for(path):
            self.begin()
            folder.mkdir(exist_ok=True)
            write_atomic(path, data)

    def begin(self) -> None:
        """Make its folder, and say what is in it, unless that is said there."""
        if about_of(self.folder) is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomic(self.folder / ABOUT, json.dumps(self.about, indent=1).encode())

    # ------------------------------------------------------------------ one maker at a time

    def lock(self, number: int) -> bool:
        """Try to become the one who makes images of a range; True: it is this process, or nobody can tell."""
        with room_for(self.folder):
            self.begin()
            self.lock_file = self.lock_file or open(self.folder / LOCK, "ab")
        try:
            fcntl.lockf(self.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError as error:
            return error.errno not in (errno.EACCES, errno.EAGAIN)  # else: this file system has no locks
        return True

    def unlock(self, number: int) -> None:
        """Let others make images of a range."""
        try:
            fcntl.lockf(self.lock_file, fcntl.LOCK_UN, 1, number)
        except OSError:
            pass  # no locks here


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Within it, a disk that is full is a Problem that names ``path``; a folder that may not be written, BadInput."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            said = "free some space and give the same command again, it goes on from here; pool=no keeps none there"
            raise Problem(f"{path}: {error.strerror}; {said}") from error
        raise BadInput("pool", "yes", f"no: cannot write {path}: {error.strerror}") from error


def file_of(blocks: Sequence[Block], key: str, classes: int) -> bytes:
    """The bytes of a file of blocks: Parquet with image, index and label; the blocks' costs are in its metadata."""
    indices = np.arange(blocks[0].start, blocks[-1].stop)
    about = json.dumps({"key": key, "blocks": [block.record() for block in blocks]})
    table = pa.table(
        {
            "image": pa.array([data for block in blocks for data in block.encoded], pa.binary()),
            "index": indices,
            "label": label_of(indices, classes),
        }
    ).replace_schema_metadata({"pool": about})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="none", use_dictionary=False, write_statistics=["index", "label"])
    return buffer.getvalue()


def read_file(path: Path, key: str) -> list[Block]:
    """The blocks of a file. Raises Damaged: it is not what was written, or of another pool; FileNotFoundError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(f"{path}: cannot be read ({error.strerror})") from error
    return blocks_in(data, path, key)


def blocks_in(data: bytes, path: Path, key: str) -> list[Block]:
    """The blocks in the bytes of a file. Raises Damaged."""
    if digest(data)[:16] != path.stem.rpartition("-")[2]:
        raise Damaged(f"{path}: not what was written, its digest is another")
    try:
        table = pq.read_table(io.BytesIO(data))
        records = said_in(table.schema, path, key)
        images = table["image"].to_pylist()
    except (pa.ArrowInvalid, KeyError) as error:
        raise Damaged(f"{path}: no file of a pool") from error
    blocks, row = [], 0
    for record in records:
        n = record["stop"] - record["start"]
        blocks.append(Block(encoded=images[row : row + n], **record))
        row += n
    return blocks


def records_of(path: Path, key: str) -> list[dict[str, Any]]:
    """What a file says of its blocks, by its end alone. Raises Damaged: it ends otherwise, or is of another pool;
    FileNotFoundError.
    """
    try:
        schema = pq.read_schema(path)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowInvalid) as error:
        raise Damaged(f"{path}: not what was written ({str(error).partition('. ')[0]})") from error
    return said_in(schema, path, key)


def said_in(schema: pa.Schema, path: Path, key: str) -> list[dict[str, Any]]:
    """What the metadata of a file say of its blocks. Raises Damaged: nothing, or they are of another pool."""
    about = (schema.metadata or {}).get(b"pool")
    if about is None:
        raise Damaged(f"{path}: no file of a pool")
    found = json.loads(about)
    if found["key"] != key:
        raise Damaged(f"{path}: of another pool, {found['key']}")
    return list(found["blocks"])


def about_of(folder: Path) -> dict[str, Any] | None:
    """What the images of a pool are made of, as its folder says; None where it says nothing, or not that."""
    try:
        found = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.keys() >= SAID else None


def listed(folder: Path) -> list[Path]:
    """The files of images in a folder, by name; none where it is not there."""
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if name.endswith(".parquet")]
    except FileNotFoundError:
        return []
    except (PermissionError, NotADirectoryError) as error:
        raise BadInput("pool", "yes", f"no: cannot read {folder}: {error.strerror}") from error


def first_of(name: str) -> int:
    """The first image of a file, by its name; −1 of a name that no pool gives."""
    start = name.partition("-")[0]
    return int(start) if start.isdecimal() else -1


def files_in(folder: Path) -> Iterator[Path]:
    """All files of images in the folder of a pool."""
    yield from (path for path in sorted(folder.glob("*/*.parquet")) if first_of(path.name) >= 0)
