"""Real images through timm's dataset readers, decoded to a task's shape; and fair splits of them.

python -m dp_common.real_images.image_files PATH      names the images of a set (listing.py) that cannot be decoded
"""

import io
import os
import sys
import tarfile
from pathlib import Path

import numpy as np

from dp_common.config.registry import one_line
from dp_common.errors import BadInput, Damaged, Problem
from dp_common.progress import Progress, note
from dp_common.real_images.listing import EXTENSIONS, LAYOUT, brief, hidden, listing, name_in_tar, tars_of
from dp_common.real_images.splits import LazySplit, Split

IN_MEMORY = (
    512 * 2**20
)  # bytes: a split that decodes to no more is decoded once and held, a larger one each time it is read


class Files:
    """The images of a set through timm's reader, sorted by name: ``labels`` [n] int64, ``one(row, shape)``.

    ``labels_of``: {class folder: label}; images in other folders are no part of it. May be used in forked processes: each
    opens tars for itself. Raises BadInput, whose message ends in ``hint`` where nothing is found.
    """

    def __init__(self, key, path, labels_of, hint=f"expected {LAYOUT}"):
        from timm.data.readers.img_extensions import add_img_extensions
        from timm.data.readers.reader_image_folder import ReaderImageFolder
        from timm.data.readers.reader_image_in_tar import ReaderImageInTar

        add_img_extensions(EXTENSIONS)
        self.key, self.path, self.tars = key, str(Path(path)), tars_of(key, path)
        try:  # timm's cache of large tars' contents is not asked for: it is written beside them and not renewed when they change
            self.reader = (
                ReaderImageInTar(self.path, class_map=labels_of, cache_tarinfo=False)
                if self.tars
                else ReaderImageFolder(self.path, class_map=labels_of)
            )
        except (RuntimeError, ValueError):  # what they raise where they find nothing
            raise BadInput(key, path, f"no images in {brief(labels_of, 'class folder')}; {hint}") from None
        names = [self._name(number) for number in range(len(self.reader))]
        self.rows = np.array(
            sorted((n for n in range(len(names)) if not hidden(names[n])), key=lambda n: (names[n], n)), np.int64
        )
        targets = self.reader.targets if self.tars else [label for _, label in self.reader.samples]
        self.labels = np.asarray(targets, np.int64)[self.rows]
        self.process = os.getpid()

    def __len__(self):
        return len(self.rows)

    def _name(self, number):
        sample = self.reader.samples[number][0]
        if not self.tars:
            return sample[len(self.path) + 1 :].replace(os.sep, "/")
        return name_in_tar(self.reader.samples[number][1] or self.path, sample.name, self.reader.root_is_tar)

    def name(self, row):
        return self._name(int(self.rows[row]))

    def one(self, row, shape):
        """uint8 [C, H, W]. Raises Damaged, naming the file."""
        if (
            self.tars and self.process != os.getpid()
        ):  # a file handle from before the fork has one position for all processes
            for state in [self.reader.tar_state] if self.reader.root_is_tar else self.reader.tar_state.values():
                state.reset()
            self.process = os.getpid()
        try:
            with self.reader[int(self.rows[row])][0] as file:
                data = file.read()
        except (OSError, tarfile.TarError) as error:
            raise Problem(f"{self.path}: {self.name(row)} cannot be read: {one_line(error)}") from error
        try:
            return decode(data, shape)
        except Exception as error:  # Pillow raises whatever a broken file leads it to
            raise Damaged(
                f"{self.path}: {self.name(row)} cannot be decoded ({one_line(error)[:100]}); "
                f"`python -m dp_common.real_images.image_files {self.path}` names all such files"
            ) from error

    def split(self, rows, shape, among=None, lazy=False):
        """These rows as a Split, decoded here and now, where that takes no more than IN_MEMORY; else, or if ``lazy``, a LazySplit.

        What cannot be decoded is left out of a Split, counted and named; more than 1 % of it, or all of a class, is BadInput.
        """
        if lazy or len(rows) * np.prod(shape) > IN_MEMORY:
            return LazySplit(lambda row: self.one(rows[row], shape), self.labels[rows], among)
        images, good, bad = np.empty((len(rows), *shape), np.uint8), [], []
        with Progress(None).task("read", len(rows)) as advance:
            for row in rows.tolist():
                try:
                    images[len(good)] = self.one(row, shape)
                    good.append(row)
                except Damaged:
                    bad.append(row)
                advance(1)
        lost = np.setdiff1d(self.labels[bad], self.labels[good])
        if len(lost) or len(bad) > len(rows) / 100:
            raise BadInput(
                self.key,
                self.path,
                f"of {len(rows)} images {brief(map(self.name, bad), 'image')} cannot be decoded"
                + (": no other of their class is left" if len(lost) else ", more than 1 %"),
            )
        if bad:
            note(
                f"{self.path}: of {len(rows)} images {brief(map(self.name, bad), 'image')} cannot be decoded and left out"
            )
        return Split(images[: len(good)], self.labels[good], among)


def decode(data, shape):
    """Bytes of an image file -> uint8 [C, H, W]: upright by its EXIF tag, 16 bits to 8, transparency onto white, RGB or grey, and
    of that the largest centred part of the shape's proportions, resized bicubically with antialiasing.
    """
    from PIL import Image, ImageOps

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


# ---------------------------------------------------------------------- fair splits: functions of labels and a seed


def main(path):
    known = listing("PATH", path)[0]
    files, bad = Files("PATH", path, {name: label for label, name in enumerate(known)}), 0
    for row in range(len(files)):
        try:
            files.one(row, (3, 8, 8))
        except Damaged as error:
            bad += 1
            print(str(error).partition(";")[0])
    print(f"{bad} of {len(files)} images cannot be decoded")
    return 1 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except Problem as problem:
        sys.exit(f"error: {problem}")
