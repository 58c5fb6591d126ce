"""The growing training set, in two orders that keep one contract, ``TrainingSet``.

``uniform`` (here) is in memory and drawn from with replacement; ``block`` (block_set.py) is streamed from its shards
in shuffled blocks, in memory that does not grow with it. The examples are a function of (seed, position, set): never
of how many processes read them, nor of what was drawn before.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from dp_common.arrays import DecodedImages, Images, Indices, Labels
from dp_common.real_images.splits import AnySplit
from dp_common.seeds import uniforms
from dp_common.training_data import shards

Chunk = tuple[list[bytes] | None, DecodedImages]  # image files, None where the images are in no shard; what they hold


class TrainingSet(Protocol):
    """What both orders do. ``newest`` images came with the last addition."""

    newest: int
    in_memory: bool  # does it take images that are at hand? Else it reads them from their shards when they are drawn

    def __len__(self) -> int: ...

    def clear(self) -> None:
        """Empty it."""

    def add_shard(
        self, path: Path, digest: str, rows: int, new_round: bool = True, decoded: DecodedImages | None = None
    ) -> None:
        """Add a committed Parquet shard of so many rows.

        Args:
            path: The file.
            digest: Of its bytes, as the ledger has it.
            rows: How many images it holds.
            new_round: Does it begin an addition? Else it belongs to the one before.
            decoded: Its images, where they are at hand.

        Raises:
            Damaged: The file is not what the ledger says.
        """

    def add_real(self, split: AnySplit, order: Indices, new_round: bool = True) -> None:
        """Add these rows of a real split, in this order."""

    def draw(self, seed: int, positions: np.ndarray, since: int = 0, new_weight: float = 1.0) -> tuple[Images, Labels]:
        """The examples at these positions of training, which are images seen.

        Args:
            seed: The run's.
            positions: [n] int64, global.
            since: The position at which the set became what it is.
            new_weight: How many times as often an image of the newest addition is drawn as an older one.
        """

    def chunks(self) -> Iterator[Chunk]:
        """Everything in it, in the order in which it came: shard by shard, and real images between them."""

    def digest(self) -> str:
        """What identifies the images in it, however they are cut into shards: 32 hexadecimal digits."""


class TrainSet:
    """In memory, drawn from uniformly with replacement: index = ⌊u(seed, position)·|D|⌋."""

    in_memory = True

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Empty it."""
        self.arrays: list[DecodedImages] = []
        self.sources: list[Callable[[], Iterator[Chunk]]] = []
        self.newest = 0

    def __len__(self) -> int:
        return sum(len(decoded.labels) for decoded in self.arrays)

    def add_shard(
        self, path: Path, digest: str, rows: int, new_round: bool = True, decoded: DecodedImages | None = None
    ) -> None:
        """See ``TrainingSet``; the shard is read here unless it is at hand."""
        self.add(decoded or shards.decoded_of(shards.read_checked(path, digest)), new_round)
        self.sources[-1] = partial(stored_chunk, path, digest)

    def add_real(self, split: AnySplit, order: Indices, new_round: bool = True) -> None:
        """See ``TrainingSet``; the rows are read here."""
        self.add(DecodedImages(split.read(order), split.labels[order], order), new_round)
        self.sources[-1] = partial(real_chunk, split, order)

    def add(self, decoded: DecodedImages, new_round: bool = True) -> None:
        """Add images that are at hand."""
        images, labels, indices = decoded
        self.newest = len(labels) if new_round else self.newest + len(labels)
        self.arrays.append(DecodedImages(images, np.asarray(labels, np.int64), np.asarray(indices, np.int64)))
        self.sources.append(partial(iter, [(None, self.arrays[-1])]))

    def joined(self) -> DecodedImages:
        """All its images, each column one array."""
        if len(self.arrays) > 1:
            self.arrays = [DecodedImages(*(np.concatenate(column) for column in zip(*self.arrays)))]
        return self.arrays[0]

    def draw(self, seed: int, positions: np.ndarray, since: int = 0, new_weight: float = 1.0) -> tuple[Images, Labels]:
        """See ``TrainingSet``; ``new_weight`` is any number above 0, and ``since`` plays no part."""
        images, labels, _ = self.joined()
        old, new = len(labels) - self.newest, self.newest
        at = uniforms(seed, "examples", positions) * (old + new_weight * new)
        rows = np.where(at < old, at, old + (at - old) / new_weight).astype(np.int64)
        rows = np.minimum(rows, len(labels) - 1)
        return images[rows], labels[rows]

    def chunks(self) -> Iterator[Chunk]:
        """See ``TrainingSet``."""
        for chunks in self.sources:
            yield from chunks()

    def digest(self) -> str:
        """One hash over pixels, labels and indices in their order."""
        return shards.digest_of(*self.joined())


def stored_chunk(path: Path, digest: str) -> Iterator[Chunk]:
    """The images of a shard. Raises Damaged."""
    table = shards.read_checked(path, digest)
    yield shards.encoded_of(table), shards.decoded_of(table)


def real_chunk(split: AnySplit, rows: Indices) -> Iterator[Chunk]:
    """Rows of a real split."""
    yield None, DecodedImages(split.read(rows), np.asarray(split.labels[rows], np.int64), np.asarray(rows, np.int64))
