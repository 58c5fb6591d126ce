"""Real images that are looked at again and again, kept decoded on disk: to decode 50,000 JPEGs takes minutes of a core,
and patience wants them after every interval.

One file holds a split, a record an image: a digest of the pixels, then the pixels. Whoever finds a record missing
decodes the image and writes it, whole, at its place; whoever reads one looks at its digest first. So nobody has to
make the file before it is used, ranks and runs fill it together, and what was cut off, never written, half written or
written by somebody else is decoded, as if there were no file. It is named by the content of the images, by their names
and order, the shape, and the libraries that decode them. A cache is no result: where it cannot be written, that is said
once, and images are decoded as they are read.

It never takes the last of a disk, which the run itself is to be written to, too: it is begun where twice its size is
free, and as it grows as much as its size has to stay free, whoever else writes there; else it is given up, and its room
given back.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dp_common.arrays import Flags, Images, Indices, Shape
from dp_common.progress import note
from dp_common.real_images.content import cache_folder

VERSION = 1  # of the file, and of what decoding means
DIGEST = 16  # bytes
AT_ONCE = 256  # records of one call of the system, which takes 1,024 buffers
AUTO, NEVER = "auto", "no"  # what ``decoded=`` may be beside a folder
SUFFIX = ".pixels"
LOOK = 64  # records after which it is looked whether there is room for more
ROOM = 2  # times the size of a file has to be free where it is begun
SEP = "; decoded=FOLDER puts them elsewhere, decoded=no keeps none"


class KeptPixels:
    """The decoded images of a split, as far as they are kept. May be used by threads and by forked processes.

    Args:
        path: of the file, which is made if it is not there.
        rows: images of the split.
        shape: (C, H, W) of each, uint8.

    Raises:
        OSError: it can be neither made nor read.
    """

    def __init__(self, path: Path, rows: int, shape: Shape) -> None:
        self.path, self.rows, self.shape = path, rows, shape
        self.record, self.asked = DIGEST + int(np.prod(shape)), 0
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.descriptor, self.writes = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), True
        except OSError:  # somebody else's
            self.descriptor, self.writes = os.open(path, os.O_RDONLY | os.O_CLOEXEC), False

    def __reduce__(self) -> tuple[Any, ...]:
        return KeptPixels, (self.path, self.rows, self.shape)

    def read(self, rows: Indices, one: Callable[[int], np.ndarray]) -> Images:
        """The images of these rows, uint8 [n, C, H, W]; ``one(row)`` decodes what is not there, which is then kept."""
        images = np.empty((len(rows), *self.shape), np.uint8)
        for place in np.flatnonzero(~self.fill(images, rows)).tolist():
            row = int(rows[place])
            images[place] = one(row)
            self.keep(row, images[place])
        return images

    def fill(self, images: Images, rows: Indices) -> Flags:
        """Put what is there into ``images``, and say which that is: [n] bool."""
        digests, there = np.empty((len(rows), DIGEST), np.uint8), np.zeros(len(rows), bool)
        for some in runs_of(rows):
            buffers = [part for place in some for part in (digests[place], images[place])]
            try:
                whole = os.preadv(self.descriptor, buffers, int(rows[some[0]]) * self.record) // self.record
            except OSError:
                continue  # as if nothing were there
            for place in some[:whole]:
                there[place] = digests[place].tobytes() == self.digest(int(rows[place]), images[place])
        return there

    def holds(self, rows: Indices) -> bool:
        """Does it seem to hold all these rows? Says so of rows whose pixels turn out to be damaged, too."""
        try:
            return all(any(os.pread(self.descriptor, DIGEST, row * self.record)) for row in rows.tolist())
        except OSError:
            return False

    def keep(self, row: int, image: np.ndarray) -> None:
        """Keep an image, unless that cannot be done, which is said once."""
        if not self.writes:
            return
        try:
            if not os.fstat(self.descriptor).st_nlink:  # another process has removed it: the disk is full
                self.writes = False
                return
            if self.asked % LOOK == 0 and self.free() < self.rows * self.record:
                self.writes = False
                self.give_up(f"less than {self.rows * self.record / 1e9:.1f} GB are left free there", full=True)
                return
            self.asked += 1
            pixels = np.ascontiguousarray(image).data
            written = os.pwritev(self.descriptor, [self.digest(row, image), pixels], row * self.record)
            if written != self.record:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self.writes = False
            self.give_up(str(error.strerror), full=error.errno in (errno.ENOSPC, errno.EDQUOT))

    def free(self) -> int:
        """Bytes that are free where it lies."""
        disk = os.fstatvfs(self.descriptor)
        return disk.f_bavail * disk.f_frsize

    def give_up(self, why: str, full: bool) -> None:
        """Make room where a disk is full: what else is to be written there matters more. Says so, once in all."""
        if full:
            try:
                os.unlink(self.path)
            except OSError:
                return  # another process was here first, and has said so
        note(f"{self.path}: {why}; its images are decoded as they are read{SEP}")

    def digest(self, row: int, image: np.ndarray) -> bytes:
        """Of an image at its place: another's, or another file's, is not it."""
        key = f"{row} {self.path.stem}".encode()[:64]
        return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=DIGEST, key=key).digest()


def runs_of(rows: Indices) -> Iterator[range]:
    """Places in ``rows`` at which consecutive rows stand, so many at once as can be read by one call."""
    start = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or place - start == AT_ONCE or rows[place] != rows[place - 1] + 1:
            yield range(start, place)
            start = place


def folder_of(where: str) -> Path | None:
    """The folder that ``decoded=`` means; None: nothing is kept."""
    if where == NEVER:
        return None
    folder = cache_folder() / "deliberate-practice-bench" / "decoded" if where == AUTO else Path(where)
    return folder if folder.is_absolute() or where != AUTO else None  # nobody's home


def opened(where: str, what: str, identity: str, rows: int, shape: Shape, says: bool = True) -> KeptPixels | None:
    """The file of a split, made if there is room for it; None where nothing is kept.

    Args:
        where: ``decoded=``.
        what: a word for the split, to say what is being made.
        identity: of its images and their order.
        rows: how many they are.
        shape: (C, H, W) of each.
        says: say that it is made, or why it is not.
    """
    folder = folder_of(where)
    if folder is None:
        return None
    path = folder / f"{name_of(identity, shape)}{SUFFIX}"
    needed = rows * (DIGEST + int(np.prod(shape)))
    tell = note if says else (lambda text: None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        begun = path.exists()
        if not begun and shutil.disk_usage(folder).free < ROOM * needed:
            tell(
                f"{folder}: too little room to keep {needed / 1e9:.1f} GB of decoded images of {what}; "
                f"they are decoded as they are read{SEP}"
            )
            return None
        found = KeptPixels(path, rows, shape)
    except OSError as error:
        tell(f"{folder}: {error.strerror}; images of {what} are decoded as they are read{SEP}")
        return None
    if not begun:
        tell(f"{path}: {rows:,} decoded images of {what} are kept here, {needed / 1e9:.1f} GB{SEP}")
    return found


def name_of(identity: str, shape: Shape) -> str:
    """32 hexadecimal digits of what decides the pixels."""
    from PIL import __version__, features

    codecs = [features.version(codec) for codec in ("libjpeg_turbo", "jpg", "webp", "libtiff")]
    made_by = [VERSION, __version__, *codecs, identity, list(shape)]
    return hashlib.sha256(json.dumps(made_by).encode()).hexdigest()[:32]
