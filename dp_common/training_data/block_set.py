"""The training set on disk: images are streamed from their shards in shuffled blocks, in memory that does not grow
with it.

An epoch visits every image once: row groups in an order of (seed, since, epoch), cut into windows of ``WINDOW``
groups, the images of a window in an order of (seed, since, epoch, window). An addition, at position ``since``, starts
epoch 0 anew.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dp_common.arrays import DecodedImages, Images, Indices, Labels
from dp_common.errors import Problem
from dp_common.real_images.splits import AnySplit
from dp_common.seeds import derive
from dp_common.training_data import shards
from dp_common.training_data.training_set import Chunk, real_chunk, stored_chunk

WINDOW = 64  # row groups of shards.ROW_GROUP images shuffled together: 4,096 images

Reader = Callable[[int], tuple[np.ndarray, int]]  # row of a row group -> (image uint8 [C, H, W], label)
Epoch = tuple[int, int]  # (position at which the set became what it is, number of the epoch since)


class BlockSet:
    """On disk: per row group of at most 64 images three integers are held, and the order of two windows of groups."""

    in_memory = False

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Empty it."""
        self.sources: list[Source] = []
        self.groups = np.empty((0, 3), np.int32)  # [source, row group in it, rows]
        self.newest = self.total = 0
        self.shards: list[tuple[Path, str]] = []
        self._orders: OrderedDict[Any, Any] = OrderedDict()
        self._windows: OrderedDict[Any, Any] = OrderedDict()

    def __len__(self) -> int:
        return self.total

    def add_shard(
        self, path: Path, digest: str, rows: int, new_round: bool = True, decoded: DecodedImages | None = None
    ) -> None:
        """See ``TrainingSet``; only the shard's footer is read here."""
        self.shards.append((path, digest))
        self._add(ShardSource(path, digest), shards.group_sizes(path, rows), new_round)

    def add_real(self, split: AnySplit, order: Indices, new_round: bool = True) -> None:
        """See ``TrainingSet``."""
        full, rest = divmod(len(order), shards.ROW_GROUP)
        sizes = [shards.ROW_GROUP] * full + [rest] * (rest > 0)
        self._add(SplitSource(split, np.asarray(order)), sizes, new_round)

    def _add(self, source: "Source", sizes: Sequence[int], new_round: bool) -> None:
        rows = sum(sizes)
        self.newest = rows if new_round else self.newest + rows
        added = np.array([(len(self.sources), number, size) for number, size in enumerate(sizes)], np.int32)
        self.sources.append(source)
        self.groups, self.total = np.concatenate([self.groups, added]), self.total + rows
        self._orders.clear()
        self._windows.clear()

    def draw(self, seed: int, positions: np.ndarray, since: int = 0, new_weight: float = 1.0) -> tuple[Images, Labels]:
        """See ``TrainingSet``; ``new_weight`` w, a whole number: an epoch visits the images of the newest addition w
        times.
        """
        images, labels = [], []
        for position in np.asarray(positions) - since:
            epoch, offset = divmod(int(position), self.epoch_length(new_weight))
            read, row = self._locate(seed, (since, epoch), offset, int(new_weight))
            image, label = read(row)
            images.append(image)
            labels.append(label)
        return np.stack(images), np.asarray(labels, np.int64)

    def epoch_length(self, new_weight: float = 1.0) -> int:
        """Images in an epoch. Raises Problem for a weight that is not a whole number of at least 1."""
        if new_weight != int(new_weight) or new_weight < 1:
            raise Problem(f"new_weight={new_weight}: a whole number of at least 1 with train.order=block")
        return self.total + (int(new_weight) - 1) * self.newest

    def _locate(self, seed: int, epoch: Epoch, offset: int, weight: int) -> tuple[Reader, int]:
        """The reader of a row group, and the row in it, of the image at ``offset`` of an epoch."""
        order, ends = self._order(seed, epoch, weight)
        window = int(np.searchsorted(ends, offset, "right")) // WINDOW
        first = int(ends[window * WINDOW - 1]) if window else 0
        slots, readers, edges = self._window(seed, epoch, window, order, weight)
        slot = int(slots[offset - first])
        group = int(np.searchsorted(edges, slot, "right"))
        return readers[group], slot - (int(edges[group - 1]) if group else 0)

    def _order(self, seed: int, epoch: Epoch, weight: int) -> tuple[np.ndarray, np.ndarray]:
        """Row groups of an epoch in their order, and where each ends: [G], [G]."""

        def make() -> tuple[np.ndarray, np.ndarray]:
            groups = np.arange(len(self.groups))
            if weight > 1:  # additions are whole groups: no group is part new
                newest = np.cumsum(self.groups[::-1, 2])[::-1] <= self.newest
                groups = np.concatenate([groups, *[groups[newest]] * (weight - 1)])
            order = shuffled(groups, seed, "groups", *epoch)
            return order, np.cumsum(self.groups[order, 2])

        return cached(self._orders, (seed, epoch, weight), make)

    def _window(
        self, seed: int, epoch: Epoch, window: int, order: np.ndarray, weight: int
    ) -> tuple[np.ndarray, list[Reader], np.ndarray]:
        """Order of a window's images, a reader of each of its groups, and where each group ends in it."""

        def make() -> tuple[np.ndarray, list[Reader], np.ndarray]:
            groups = self.groups[order[window * WINDOW : (window + 1) * WINDOW]]
            edges = np.cumsum(groups[:, 2])
            readers = [self.sources[source].open(group) for source, group, _ in groups.tolist()]
            return shuffled(np.arange(edges[-1]), seed, "window", *epoch, window), readers, edges

        return cached(self._windows, (seed, epoch, window, weight), make)

    def chunks(self) -> Iterator[Chunk]:
        """See ``TrainingSet``."""
        for source in self.sources:
            yield from source.chunks()

    def digest(self) -> str:
        """One hash over all images (of real ones: over their rows), from sums that the shards hold.

        Reading all images again would take hours.
        """
        h = hashlib.sha256()
        for source in self.sources:
            h.update(source.identity())
        h.update(b"%d" % (sum(shards.sum_in(path) for path, _ in self.shards) % 2**128))
        return h.hexdigest()[:32]


class Source(Protocol):
    """Where row groups come from."""

    def open(self, group: int) -> Reader:
        """The reader of one row group; images are read when they are asked for."""

    def identity(self) -> bytes:
        """What a digest of the set has to know of it."""

    def chunks(self) -> Iterator[Chunk]:
        """All its images. Raises Damaged."""


class ShardSource:
    """A Parquet shard as a source of row groups."""

    def __init__(self, path: Path, digest: str) -> None:
        self.path, self.digest = str(path), digest

    def open(self, group: int) -> Reader:
        """The reader of one row group, image by image. Raises Damaged."""
        read = shards.reader_of(self.path, group)

        def decoded(row: int) -> tuple[np.ndarray, int]:
            data, label = read(row)
            return shards.decode(data), label

        return decoded

    def identity(self) -> bytes:
        """Nothing: it holds a sum of its own."""
        return b""

    def chunks(self) -> Iterator[Chunk]:
        """Its one table."""
        return stored_chunk(Path(self.path), self.digest)


class SplitSource:
    """Rows of a real split as a source of groups of 64."""

    def __init__(self, split: AnySplit, order: Indices) -> None:
        self.split, self.order = split, order

    def open(self, group: int) -> Reader:
        """The reader of one group; an image is read when it is asked for."""
        rows = self.order[group * shards.ROW_GROUP : (group + 1) * shards.ROW_GROUP]
        return lambda row: (self.split.read(rows[row : row + 1])[0], self.split.labels[rows[row]])

    def chunks(self) -> Iterator[Chunk]:
        """Group by group."""
        for start in range(0, len(self.order), shards.ROW_GROUP):
            yield from real_chunk(self.split, self.order[start : start + shards.ROW_GROUP])

    def identity(self) -> bytes:
        """Its rows in their order."""
        return self.order.astype(np.int64).tobytes()


def shuffled(values: np.ndarray, seed: int, purpose: str, *position: int) -> np.ndarray:
    """``values`` in an order that is a function of seed, purpose and position."""
    return np.random.Generator(np.random.Philox(derive(seed, purpose, *position))).permutation(values)


def cached(cache: OrderedDict[Any, Any], key: Any, make: Callable[[], Any], size: int = 2) -> Any:
    """cache[key], made if it is not there; the last ``size`` are kept."""
    if key not in cache:
        cache[key] = make()
        while len(cache) > size:
            cache.popitem(last=False)
    cache.move_to_end(key)
    return cache[key]
