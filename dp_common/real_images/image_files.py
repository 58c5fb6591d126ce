"""The images of a set (listing.py), found by class and decoded to a task's shape.

Of a tar its table of contents is held, and each image is read from where it lies: in any order, by any process.
"""

import hashlib
import io
import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from dp_common.config.registry import one_line
from dp_common.errors import BadInput, Damaged, Problem
from dp_common.progress import Progress, note
from dp_common.real_images.content import content
from dp_common.real_images.listing import LAYOUT, Entry, beside, brief, class_and_file, entries, is_folder, is_read
from dp_common.real_images.splits import AnySplit, LazySplit, Split

# Bytes: a split that decodes to no more is decoded once and held, a larger one each time it is read.
IN_MEMORY = 512 * 2**20
TEXT_LIMIT = 2**26  # bytes that a PNG's text may decompress to; it is not looked at


class Undecodable(Damaged):
    """An image that cannot be decoded: ``name`` in its set, and the ``reason`` the decoder gives."""

    def __init__(self, path: str, name: str, reason: str) -> None:
        self.path, self.name, self.reason = path, name, reason
        super().__init__(path, name, reason)

    def __str__(self) -> str:
        command = f"python -m benchmarks.check_images {self.path}"
        return f"{self.path}: {self.name} cannot be decoded ({self.reason}); `{command}` names all such files"


class Files:
    """The images of a set, sorted by name. May be used in threads and in forked processes.

    Args:
        key: the word of the command line that gave ``path``, for errors.
        path: a folder or a .tar.
        labels_of: {class folder: label}; images in other folders are no part of it.
        hint: how the message ends where nothing is found.

    Attributes:
        labels: [n] int64.
        beside: a line for each kind of what is there and not read.

    Raises:
        BadInput: no image is found, or the set cannot be listed.
    """

    def __init__(
        self, key: str, path: str | Path, labels_of: Mapping[str, int], hint: str = f"expected {LAYOUT}"
    ) -> None:
        self.key, self.path, self._classes = key, str(Path(path)), list(labels_of)
        names: list[str] = []
        places: list[tuple[int, int, int]] = []  # of those in tars: which tar, offset and bytes in it
        tars: dict[Path, int] = {}
        aside: list[Entry] = []
        for entry in entries(key, path):
            if not is_read(entry):
                aside += [] if is_folder(entry) else [entry]
            elif class_and_file(entry.name)[0] in labels_of:
                names.append(entry.name)
                if entry.tar:
                    places.append((tars.setdefault(entry.tar, len(tars)), entry.offset, entry.size))
        self.beside = beside(aside)
        if not names:
            raise BadInput(key, path, f"no images in {brief(labels_of, 'class folder')}; {hint}")
        order = sorted(range(len(names)), key=names.__getitem__)
        self._names, self._tars = [names[n] for n in order], list(tars)
        self._places = np.array(places, np.int64)[order] if places else None
        self.labels = np.array([labels_of[class_and_file(name)[0]] for name in self._names], np.int64)

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, row: int) -> str:
        """The path of an image in its set, such as cat/1.png."""
        return self._names[row]

    def data(self, row: int) -> bytes:
        """The file of an image. Raises Problem where it cannot be read."""
        try:
            if self._places is None:
                return Path(self.path, self.name(row)).read_bytes()
            number, offset, size = self._places[row].tolist()
            with open(self._tars[number], "rb") as file:  # for itself: threads and forks would share a position
                file.seek(offset)
                data = file.read(size)
            if len(data) < size:
                raise OSError(f"{self._tars[number]} has become shorter")
            return data
        except OSError as error:
            raise Problem(f"{self.path}: {self.name(row)} cannot be read: {one_line(error)}") from error

    def one(self, row: int, shape: tuple[int, int, int]) -> np.ndarray:
        """One image as uint8 [C, H, W] of this shape.

        Raises:
            Problem: its file cannot be read.
            Undecodable: it is none, or a broken one.
        """
        data = self.data(row)
        try:
            return decode(data, shape)
        except Exception as error:  # Pillow raises whatever a broken file leads it to
            raise Undecodable(self.path, self.name(row), reason(data, error)) from error

    def split(
        self,
        rows: np.ndarray,
        shape: tuple[int, int, int],
        among: np.ndarray | None = None,
        lazy: bool = False,
    ) -> AnySplit:
        """These rows as a split: in memory, decoded here and now, where that takes no more than IN_MEMORY.

        What cannot be decoded is left out of it, counted and named: found by decoding, or, in a split that is decoded
        as it is read, by decoding what does not look whole. (Damage in the middle of such a file is found when it is
        read.)

        Args:
            rows: [n] int64.
            shape: (C, H, W) of its images.
            among: the labels they are scored among; None: all.
            lazy: decode them when they are read, however few they are.

        Raises:
            BadInput: more than 1 % of them, or all of a class, cannot be decoded.
        """
        if lazy or len(rows) * np.prod(shape) > IN_MEMORY:
            known = content(self.key, self.path, self._classes)
            suspects = known.suspects  # all others have the end they promise
            doubted = [row for row in rows.tolist() if self.name(row) in suspects] if suspects else []
            bad = {row: error for row in doubted if (error := self._broken(row, shape))}
            good = np.setdiff1d(rows, list(bad)) if bad else rows
            self._judge(len(rows), good, bad)
            identity = partial(self._identity, known.classes, good)
            return LazySplit(partial(self._one_of, good, shape), self.labels[good], among, identity)
        images = np.empty((len(rows), *shape), np.uint8)
        kept: list[int] = []
        bad = {}
        with Progress(None).task("read", len(rows)) as advance:
            for row in rows.tolist():
                try:
                    images[len(kept)] = self.one(row, shape)
                    kept.append(row)
                except Undecodable as error:
                    bad[row] = error
                advance(1)
        good = np.array(kept, np.int64)
        self._judge(len(rows), good, bad)
        return Split(images[: len(good)], self.labels[good], among)

    def _one_of(self, rows: np.ndarray, shape: tuple[int, int, int], number: int) -> np.ndarray:
        """The image of the row that stands at a place."""
        return self.one(rows[number], shape)

    def _identity(self, classes: Mapping[str, list[int]], rows: np.ndarray) -> str:
        """What decides the images of these rows: the content of the set, and their names."""
        digest = hashlib.sha256(json.dumps(sorted(classes.items())).encode())
        for row in rows.tolist():
            digest.update(self.name(row).encode("utf-8", "surrogateescape") + b"\0")
        return digest.hexdigest()

    def _broken(self, row: int, shape: tuple[int, int, int]) -> Undecodable | None:
        """Why an image cannot be decoded, if it cannot."""
        try:
            self.one(row, shape)
        except Undecodable as error:
            return error
        return None

    def _judge(self, n: int, good: np.ndarray, bad: dict[int, Undecodable]) -> None:
        """Refuse a split of which too much is broken; else say what is left out."""
        if not bad:
            return
        named = brief((f"{error.name}: {error.reason}" for error in bad.values()), "image")
        lost = np.setdiff1d(self.labels[list(bad)], self.labels[good])
        if len(lost) or len(bad) > n / 100:
            why = ": no other of their class is left" if len(lost) else ", more than 1 %"
            raise BadInput(self.key, self.path, f"of {n} images {named} cannot be decoded{why}")
        note(f"{self.path}: of {n} images {named} cannot be decoded and left out")


def reason(data: bytes, error: Exception) -> str:
    """Why these bytes do not decode, in few words."""
    from PIL import UnidentifiedImageError

    if not data:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return "of no format that Pillow knows"
    return one_line(error)[:100]


def decode(data: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """The bytes of an image file as uint8 [C, H, W] of this shape.

    Upright by its EXIF tag, 16 bits to 8, transparency onto white, RGB or grey, and of that the largest centred part
    of the shape's proportions, resized bicubically with antialiasing.

    Raises:
        Exception: of whatever kind Pillow raises for a broken file; ValueError for pixels that have no 8 bits.
    """
    from PIL import Image, ImageOps, PngImagePlugin

    PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = TEXT_LIMIT
    with Image.open(io.BytesIO(data)) as file:
        image = ImageOps.exif_transpose(file)
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int64)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError("pixels of more than 16 bits")
        image = Image.fromarray((deep >> 8).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels")
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = ImageOps.fit(image.convert({1: "L", 3: "RGB"}[shape[0]]), (shape[2], shape[1]), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.atleast_3d(np.asarray(image)).transpose(2, 0, 1))


if __name__ == "__main__":
    sys.exit(
        f"error: this command is called `python -m benchmarks.check_images {' '.join(sys.argv[1:]) or 'PATH'}` now"
    )
