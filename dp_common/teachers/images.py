"""Images that somebody has made already, so that any generator can be compared.

``images.path`` is a folder of class folders, as ``task=folder`` reads them, or Parquet, as ``benchmarks.export``
writes it. Image index i with label y is the ⌊i / classes⌋-th image of class y: by natural order of the file names, or
by order of the rows. So every image is dealt out once, and sets of different size are nested as ever. They are brought
to the task's shape as real images are; nothing is sampled, nothing can be guided, and a run's seed decides no image.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dp_common.config.options import option
from dp_common.contracts import Task, TeacherDefaults
from dp_common.errors import BadInput
from dp_common.progress import doing, note
from dp_common.real_images import listing
from dp_common.real_images.content import cue_of, remembered
from dp_common.real_images.listing import brief
from dp_common.real_images.splits import ImageSource
from dp_common.seeds import rank_of

if TYPE_CHECKING:
    import numpy as np
    import torch

KEY = "images.path"
WANTED = "a folder with one folder per class, a .tar of such folders, or Parquet as benchmarks.export writes it"


@dataclass
class Images(TeacherDefaults):
    """images that somebody has made already, by class and order: images.path=FOLDER or Parquet"""

    path: str = option("", f"{WANTED}: a file, or a folder of them", place=True)

    def prepare(self, task: Task, device: "torch.device | str") -> None:
        """Find the images; none is decoded. Raises BadInput where there is no such set, or it has other classes."""
        self.shape = (int(task.shape[0]), int(task.shape[1]), int(task.shape[2]))
        self.classes = list(task.classes)
        self.source = source_of(self.path, self.classes)
        for line in self.source.beside:
            note(f"{self.path}: {line}")
        self.rows = rows_by_class(self.source, len(self.classes))
        self.stored_counts = [len(rows) for rows in self.rows]
        self.refuse_overlap(task)

    def require_files(self, task: Task) -> None:
        """Raise BadInput where there is nothing at the path."""
        exists(self.path)

    def refuse_overlap(self, task: Task) -> None:
        """Raise BadInput if an image, as it is dealt out, is one that this run holds out as monitor or test.

        They are compared pixel by pixel where those are held in memory. Larger ones are not: to decode every image
        would take longer than the run.
        """
        from dp_common.real_images.splits import Split, pixel_digests

        held = [split for split in (task.monitor, task.test) if isinstance(split, Split)]
        digests = {digest for split in held for digest in pixel_digests(split.images)}
        if not digests:
            return

        def first_of_them() -> str:
            found = []
            with doing("comparing the teacher's images with monitor and test", sum(self.stored_counts)) as work:
                for row in (row for rows in self.rows for row in rows):
                    if pixel_digests(self.source.one(row, self.shape)[None])[0] in digests:
                        found.append(self.source.name(row))
                    work.advance(1)
            return brief(found, "image") if found else ""

        subject = hashlib.sha256(b"".join(sorted(digests)) + repr(self.shape).encode()).hexdigest()
        place = f"overlap {os.path.realpath(self.path)} {subject} {self.classes}"
        if found := remembered(place, cue(self.path), first_of_them):
            raise BadInput(KEY, self.path, f"{found} among them that this run holds out as monitor or test: leave out")

    def stored(self, indices: "np.ndarray", labels: "np.ndarray") -> "np.ndarray":
        """The images of these indices and labels: uint8 [n, C, H, W].

        Raises:
            BadInput: of a class there are not so many.
            Problem: a file cannot be read or decoded.
        """
        import numpy as np

        ranks = rank_of(indices, len(self.classes))
        for label, rank in zip(labels.tolist(), ranks.tolist(), strict=True):
            if rank >= len(self.rows[label]):
                have = f"holds {len(self.rows[label])} images of class {self.classes[label]}"
                raise BadInput(KEY, self.path, f"{have}; number {rank + 1} was asked for")
        rows = [self.rows[label][rank] for label, rank in zip(labels.tolist(), ranks.tolist(), strict=True)]
        return np.stack([self.source.one(row, self.shape) for row in rows])

    def fingerprint(self, task: Task) -> str:
        """Of the files of all images, class by class and in their order; in a folder or in Parquet it is the same."""
        classes = tuple(task.classes)
        exists(self.path)
        place = f"images {os.path.realpath(self.path)} {classes}"
        return remembered(place, cue(self.path), lambda: content(self.path, classes))


def exists(path: str) -> None:
    """Raise BadInput where there is nothing."""
    if not path:
        raise BadInput(KEY, None, f"teacher=images needs {WANTED}")
    if not Path(path).exists():
        raise BadInput(KEY, path, f"no such folder or file; expected {WANTED}")


def source_of(path: str, classes: Sequence[str]) -> ImageSource:
    """The images at ``path``. Raises BadInput."""
    exists(path)
    files = parquet_files(Path(path))
    if files:
        from dp_common.real_images.parquet_images import ParquetImages

        return ParquetImages(KEY, files, classes, listing.beside(beside_parquet(Path(path), files)))
    from dp_common.real_images.image_files import Files

    found = list(listing.listing(KEY, path).classes)
    label_of = {name: label for names in (listing.folder_names(classes), classes) for label, name in enumerate(names)}
    unknown = [name for name in found if name not in label_of]
    if unknown:
        raise BadInput(
            KEY, path, f"{listing.brief(unknown, 'class folder')} of no class; the task has {listing.first_of(classes)}"
        )
    return Files(KEY, path, {name: label_of[name] for name in found})


def parquet_files(path: Path) -> list[Path]:
    """The Parquet files at a path: it, those in it, or in its ``data``; none where it is something else."""
    if path.is_file():
        return [path] if path.suffix == ".parquet" else []
    for folder in (path, path / "data"):
        found = listing.children(KEY, folder) if folder.is_dir() else []
        if files := [folder / name for name, kind in found if name.endswith(".parquet") and not kind]:
            return files
    return []


def beside_parquet(path: Path, files: Sequence[Path]) -> list[listing.Entry]:
    """What lies beside them."""
    if path.is_file():
        return []
    of_set = {str(file.relative_to(path)) for file in files}
    found = (entry for entry in listing.walk(KEY, path) if entry.name not in of_set)
    return [entry._replace(kind=entry.kind or "other file") for entry in found]


def rows_by_class(source: ImageSource, classes: int) -> "list[list[int]]":
    """Rows of a source, class by class, in the order in which they are dealt out."""
    from dp_common.real_images.image_files import Files

    rows: list[list[int]] = [[] for _ in range(classes)]
    for row, label in enumerate(source.labels.tolist()):
        rows[label].append(row)
    if isinstance(source, Files):
        return [sorted(of_class, key=lambda row: listing.natural_key(source.name(row))) for of_class in rows]
    return rows


def cue(path: str) -> str:
    """What changes whenever the files there may have, which are then looked at again."""
    top = Path(path)
    files = [top] if top.is_file() else sorted(file for file in top.rglob("*") if file.is_file())
    return cue_of((str(file.relative_to(top)), file) for file in files)


def content(path: str, classes: tuple[str, ...]) -> str:
    """A digest of the images at ``path``, class by class and in their order."""
    source, digest = source_of(path, classes), hashlib.sha256()
    with doing(f"reading the images of {KEY}={path}", len(source.labels)) as work:
        for label, rows in enumerate(rows_by_class(source, len(classes))):
            for row in rows:
                digest.update(b"%d " % label + hashlib.sha256(source.data(row)).digest())
                work.advance(1)
    return digest.hexdigest()[:16]
