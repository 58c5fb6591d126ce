"""Splits of real data: images in memory or on disk, and how to draw some of them fairly."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dp_common.progress import note
from dp_common.seeds import uniforms


@dataclass
class Split:
    """Real images in memory: images [n, C, H, W] uint8, labels [n] int64.

    ``among``: the labels its images are scored among (a shifted set may hold only some of the classes); None: all.
    """

    images: np.ndarray
    labels: np.ndarray
    among: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def read(self, rows):
        """The images of these rows: uint8 [len(rows), C, H, W]."""
        return self.images[rows]


@dataclass
class LazySplit:
    """Real images on disk, decoded when asked for: ``one(row) -> uint8 [C, H, W]``, safe to call in forked processes."""

    one: Callable
    labels: np.ndarray
    among: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def read(self, rows):
        return np.stack([self.one(int(row)) for row in rows])


def stratified(labels, n, seed, purpose):
    """``n`` rows drawn in proportion to the classes, to within one image: [n] int64, rising."""
    rank, chance = ranks(labels, seed, purpose)
    return np.sort(np.lexsort((chance, (rank + 0.5) / np.bincount(labels)[labels]))[:n])


def balanced(labels, n, seed):
    """At most ``n`` rows (0: all), equally many of each class as far as there are: int64, rising. Larger n include smaller."""
    if not n or n >= len(labels):
        return np.arange(len(labels))
    rank, chance = ranks(labels, seed, "data-limit")
    return np.sort(np.lexsort((chance, rank))[:n])


def apart(train, *held):
    """``train`` without the images that a held-out split has too, pixel for pixel: real data hold some twice. Only where all are in memory."""
    if not all(isinstance(split, Split) for split in (train, *held)):
        return train
    marks = lambda split: [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in split.images]
    seen = {mark for split in held for mark in marks(split)}
    keep = np.array([mark not in seen for mark in marks(train)], bool)
    if keep.all():
        return train
    note(f"{(~keep).sum()} of {len(keep)} images for training or monitor are in a held-out set too, and left out")
    return Split(train.images[keep], train.labels[keep], train.among)


def ranks(labels, seed, purpose):
    """The place of each row among its class in an order drawn by lot, and the lots [n]."""
    chance = uniforms(seed, purpose, np.arange(len(labels)))
    order = np.lexsort((chance, labels))
    counts = np.bincount(labels)
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank, chance
