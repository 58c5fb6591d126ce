"""The growing training set, in two orders: ``uniform``, in memory, drawn from with replacement; ``block``, streamed from its
shards in shuffled blocks, in memory that does not grow with it. One contract:

    add_shard(path, digest, rows, new_round, content=None)   a committed Parquet shard; ``content``: its rows, if at hand
    add_real(split, order, new_round)                        real images, in this order of rows
    draw(seed, positions, since, new_weight)                 the examples at these positions of training
    chunks()                                                 everything in it, piece by piece
    digest()                                                 what identifies it

The examples are a function of (seed, position, set): never of how many processes read them, nor of what was drawn before.
"""

import hashlib
from collections import OrderedDict

import numpy as np

from dp_common.errors import Problem
from dp_common.seeds import derive, uniforms
from dp_common.training_data import shards as store

WINDOW = 64  # row groups of store.ROW_GROUP images shuffled together: 4,096 images, about 60 MB of 256-pixel JPEGs


class TrainSet:
    """In memory: images uint8 [n, C, H, W], labels and indices [n]. ``newest`` of them came with the last addition."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.parts, self.shards, self.newest = [], [], 0

    def __len__(self):
        return sum(len(labels) for _, labels, _ in self.parts)

    def add_shard(self, path, digest, rows, new_round=True, content=None):
        self.add(*(content or store.rows(store.read_checked(path, digest))), new_round)
        self.shards.append((path, digest))

    def add_real(self, split, order, new_round=True):
        self.add(split.read(order), split.labels[order], order, new_round)

    def add(self, images, labels, indices, new_round=True):
        self.newest = len(labels) if new_round else self.newest + len(labels)
        self.parts.append((images, np.asarray(labels, np.int64), np.asarray(indices, np.int64)))

    def joined(self):
        """(images, labels, indices), each one array."""
        if len(self.parts) > 1:
            self.parts = [tuple(np.concatenate(column) for column in zip(*self.parts))]
        return self.parts[0]

    def draw(self, seed, positions, since=0, new_weight=1.0):
        """The examples at global ``positions`` of training: (images, labels). index = ⌊u(seed, position)·|D|⌋.

        With ``new_weight`` w ≠ 1 an image of the newest addition is drawn w times as often as an older one.
        """
        images, labels, _ = self.joined()
        old, new = len(labels) - self.newest, self.newest
        place = uniforms(seed, "examples", positions) * (old + new_weight * new)
        rows = np.where(place < old, place, old + (place - old) / new_weight).astype(np.int64)
        rows = np.minimum(rows, len(labels) - 1)
        return images[rows], labels[rows]

    def chunks(self):
        """(encoded, images, labels, indices) of each shard; encoded is None for images that are in none."""
        if self.shards:
            yield from stored_chunks(self.shards)
        else:
            yield from ((None, *part) for part in self.parts)

    def digest(self):
        """One hash over pixels, labels and indices in their order, however they are sharded."""
        return store.digest_of(*self.joined())


class BlockSet:
    """On disk: per row group of at most 64 images three integers are held, and a window of groups while it is being read.

    An epoch visits every image once: row groups in an order of (seed, since, epoch), cut into windows of ``WINDOW`` groups,
    the images of a window in an order of (seed, since, epoch, window). An addition, at position ``since``, starts epoch 0 anew.
    """

    def __init__(self):
        self.clear()

    def clear(self):
        self.sources, self.groups, self.newest = (
            [],
            np.empty((0, 3), np.int32),
            0,
        )  # groups: [source, group in it, rows]
        self.total, self.shards, self._orders, self._windows = 0, [], OrderedDict(), OrderedDict()

    def __len__(self):
        return self.total

    def add_shard(self, path, digest, rows, new_round=True, content=None):
        self.shards.append((path, digest))
        self._add(Shard(path), store.group_sizes(path, rows), new_round)

    def add_real(self, split, order, new_round=True):
        full, rest = divmod(len(order), store.ROW_GROUP)
        self._add(Rows(split, np.asarray(order)), [store.ROW_GROUP] * full + [rest] * (rest > 0), new_round)

    def _add(self, source, sizes, new_round):
        rows = sum(sizes)
        self.newest = rows if new_round else self.newest + rows
        added = np.array([(len(self.sources), number, size) for number, size in enumerate(sizes)], np.int32)
        self.sources.append(source)
        self.groups, self.total = np.concatenate([self.groups, added]), self.total + rows
        self._orders.clear()
        self._windows.clear()

    def draw(self, seed, positions, since=0, new_weight=1.0):
        """The examples at global ``positions``, the set being as it is since position ``since``: (images, labels).

        ``new_weight`` w, a whole number: an epoch visits the images of the newest addition w times.
        """
        images, labels = [], []
        for position in np.asarray(positions) - since:
            epoch, offset = divmod(int(position), self.epoch_length(new_weight))
            get, row = self._locate(seed, (since, epoch), offset, int(new_weight))
            image, label = get(row)
            images.append(image)
            labels.append(label)
        return np.stack(images), np.asarray(labels, np.int64)

    def epoch_length(self, new_weight=1.0):
        if new_weight != int(new_weight) or new_weight < 1:
            raise Problem(f"new_weight={new_weight}: a whole number of at least 1 with train.order=block")
        return self.total + (int(new_weight) - 1) * self.newest

    def _locate(self, seed, epoch, offset, weight):
        """(reader of a row group, row in it) of the image at ``offset`` of ``epoch``, which is (since, number)."""
        order, ends = self._order(seed, epoch, weight)
        window = int(np.searchsorted(ends, offset, "right")) // WINDOW
        first = int(ends[window * WINDOW - 1]) if window else 0
        within, gets, edges = self._window(seed, epoch, window, order, weight)
        slot = int(within[offset - first])
        group = int(np.searchsorted(edges, slot, "right"))
        return gets[group], slot - (int(edges[group - 1]) if group else 0)

    def _order(self, seed, epoch, weight):
        """Row groups of an epoch in their order, and where each ends: [G], [G]."""

        def made():
            groups = np.arange(len(self.groups))
            if weight > 1:
                fresh = (
                    np.cumsum(self.groups[::-1, 2])[::-1] <= self.newest
                )  # additions are whole groups: no group is part new
                groups = np.concatenate([groups, *[groups[fresh]] * (weight - 1)])
            order = shuffled(groups, seed, "groups", *epoch)
            return order, np.cumsum(self.groups[order, 2])

        return kept(self._orders, (seed, epoch, weight), made)

    def _window(self, seed, epoch, window, order, weight):
        """Order of a window's images, a reader of each of its groups, and where each group ends in it."""

        def made():
            mine = self.groups[order[window * WINDOW : (window + 1) * WINDOW]]
            edges = np.cumsum(mine[:, 2])
            gets = [self.sources[source].open(group) for source, group, _ in mine.tolist()]
            return shuffled(np.arange(edges[-1]), seed, "window", *epoch, window), gets, edges

        return kept(self._windows, (seed, epoch, window, weight), made)

    def chunks(self):
        if self.shards:
            yield from stored_chunks(self.shards)
        else:
            for source in self.sources:
                yield from ((None, *part) for part in source.parts())

    def digest(self):
        """One hash over all images (of real ones: over their rows), from sums that the shards hold, however they are sharded;
        reading all images again would take hours.
        """
        h = hashlib.sha256()
        for source in self.sources:
            h.update(source.identity())
        h.update(b"%d" % (sum(store.sum_in(path) for path, _ in self.shards) % 2**128))
        return h.hexdigest()[:32]


class Shard:
    """A Parquet shard as a source of row groups."""

    def __init__(self, path):
        self.path = str(path)

    def open(self, group):
        encoded, labels = store.read_group(self.path, group)
        return lambda row: (store.decode(encoded[row].as_py()), labels[row])

    def identity(self):
        return b""  # it holds a sum of its own


class Rows:
    """Rows of a real split as a source of groups of 64."""

    def __init__(self, split, order):
        self.split, self.order = split, order

    def open(self, group):
        rows = self.order[group * store.ROW_GROUP : (group + 1) * store.ROW_GROUP]
        return lambda row: (self.split.read(rows[row : row + 1])[0], self.split.labels[rows[row]])

    def parts(self):
        for start in range(0, len(self.order), store.ROW_GROUP):
            rows = self.order[start : start + store.ROW_GROUP]
            yield self.split.read(rows), self.split.labels[rows], rows

    def identity(self):
        return self.order.astype(np.int64).tobytes()


SETS = {"uniform": TrainSet, "block": BlockSet}


def stored_chunks(shards):
    for path, digest in shards:
        table = store.read_checked(path, digest)
        yield store.encoded_of(table), *store.rows(table)


def shuffled(values, seed, purpose, *position):
    return np.random.Generator(np.random.Philox(derive(seed, purpose, *position))).permutation(values)


def kept(cache, key, make, size=2):
    """cache[key], made if it is not there; the last ``size`` are kept."""
    if key not in cache:
        cache[key] = make()
        while len(cache) > size:
            cache.popitem(last=False)
    cache.move_to_end(key)
    return cache[key]
