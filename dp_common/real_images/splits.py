"""Splits of real data: images in memory or on disk, and how to draw some of them fairly."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from dp_common.arrays import Shape
from dp_common.config.specification import Data
from dp_common.progress import note
from dp_common.real_images.kept_pixels import KeptPixels, opened
from dp_common.seeds import derive, uniforms


@dataclass
class Split:
    """Real images in memory.

    Args:
        images: uint8 [n, C, H, W].
        labels: int64 [n].
        among: the labels its images are scored among (a shifted set may hold only some of the classes); None: all.
    """

    images: np.ndarray
    labels: np.ndarray
    among: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The images of these rows: uint8 [len(rows), C, H, W]."""
        return self.images[rows]


@dataclass
class LazySplit:
    """Real images on disk, decoded when asked for, or once.

    Args:
        one: decodes the image of a row: uint8 [C, H, W]; safe to call in threads and in forked processes.
        labels: int64 [n].
        among: as of ``Split``.
        identity: says what decides the images and their order; None: they cannot be kept.
        kept: where they are kept decoded; None: nowhere.
    """

    one: Callable[[int], np.ndarray]
    labels: np.ndarray
    among: np.ndarray | None = None
    identity: Callable[[], str] | None = None
    kept: KeptPixels | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The images of these rows: uint8 [len(rows), C, H, W]."""
        if self.kept:
            return self.kept.read(np.asarray(rows), self.one)
        return np.stack([self.one(int(row)) for row in rows])

    def keep(self, where: str, what: str, shape: Shape, says: bool = True) -> None:
        """Keep its images decoded from now on; arguments as of ``kept_pixels.opened``."""
        if self.identity and not self.kept:
            self.kept = opened(where, what, self.identity(), len(self), shape, says)


class ImageSource(Protocol):
    """Image files by row, wherever they lie.

    Attributes:
        labels: int64 [n].
        beside: a line for each kind of what lies there and is not read.
    """

    labels: np.ndarray
    beside: list[str]

    def name(self, row: int) -> str:
        """What an image is called."""
        ...

    def data(self, row: int) -> bytes:
        """Its file. Raises Problem where it cannot be read."""
        ...

    def one(self, row: int, shape: tuple[int, int, int]) -> np.ndarray:
        """It, as uint8 [C, H, W] of this shape. Raises Problem, also where it cannot be decoded."""
        ...


AnySplit: TypeAlias = Split | LazySplit


class RealData:
    """What a task has: ``data`` from the start, the splits from ``load`` on. To inherit, so that a type checker
    knows.
    """

    data: Data
    train: AnySplit
    monitor: AnySplit
    test: AnySplit
    shifted: Mapping[str, AnySplit]


def stratified(labels: np.ndarray, n: int, seed: int, purpose: str) -> np.ndarray:
    """Rows drawn in proportion to the classes, to within one image.

    Args:
        labels: int64 [N].
        n: how many rows.
        seed: of the split.
        purpose: what they are for; other purposes draw others.

    Returns:
        [n] int64, rising.
    """
    rank, chance = ranks(labels, seed, purpose)
    return np.sort(np.lexsort((chance, (rank + 0.5) / np.bincount(labels)[labels]))[:n])


def balanced(labels: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Rows of equally many images of each class, as far as there are.

    Args:
        labels: int64 [N].
        n: at most so many; 0: all.
        seed: of the split.

    Returns:
        int64, rising. Those of a larger ``n`` include those of a smaller one.
    """
    if not n or n >= len(labels):
        return np.arange(len(labels))
    rank, chance = ranks(labels, seed, "data-limit")
    return np.sort(np.lexsort((chance, rank))[:n])


def apart(train: AnySplit, *held: AnySplit) -> AnySplit:
    """``train`` without the images that a held-out split has too, pixel for pixel: real data hold some twice.

    Only where all are in memory; else ``train`` as it is. Says how many are left out.
    """
    if not isinstance(train, Split):
        return train
    seen: set[bytes] = set()
    for split in held:
        if not isinstance(split, Split):
            return train
        seen.update(pixel_digests(split.images))
    keep = np.array([digest not in seen for digest in pixel_digests(train.images)], bool)
    if keep.all():
        return train
    note(f"{(~keep).sum()} of {len(keep)} images for training or monitor are in a held-out set too, and left out")
    return Split(train.images[keep], train.labels[keep], train.among)


def pixel_digests(images: np.ndarray) -> list[bytes]:
    """A digest of the pixels of each image [n, C, H, W]."""
    return [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images]


def ranks(labels: np.ndarray, seed: int, purpose: str) -> tuple[np.ndarray, np.ndarray]:
    """Rank [n] of each row among its class in an order drawn by lot, and the lots [n], uniform in [0, 1)."""
    chance = uniforms(seed, purpose, np.arange(len(labels)))
    order = np.lexsort((chance, labels))
    counts = np.bincount(labels)
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank, chance


def real_order(seed: int, labels: np.ndarray, real: int, balance: str = "global") -> np.ndarray:
    """The rows of the first ``real`` of all real images, in an order of the seed's own.

    Args:
        seed: of the run.
        labels: int64 [n].
        real: how many rows.
        balance: ``global``: by lot; ``class``: by lot, and in turns the next of each class, as far as there are.

    Returns:
        [real] int64; those of a larger ``real`` begin with those of a smaller one.
    """
    order = np.random.Generator(np.random.Philox(derive(seed, "real"))).permutation(len(labels))
    if balance == "class":
        of_class = np.argsort(labels[order], kind="stable")
        counts = np.bincount(labels)
        turn = np.empty(len(labels), np.int64)
        turn[of_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
        order = order[np.lexsort((labels[order], turn))]
    return order[:real]
