"""The best of a stream of candidates, without holding the others.

What is held of an image is its file, or the place where its file was put away (an ``int``): see ``unsaved``.
"""

from collections.abc import Callable

import numpy as np

from dp_common.arrays import EncodedImages, Indices, Labels, Scores

Keys = Callable[[Scores, Labels, Indices], np.ndarray]
AWAY = b""  # stands for the file of an image that is put away, or made again
PENDING = 64  # candidates that enter before the best are found anew; more where many are kept (see ``TopK.settle``)


def the_scores(scores: Scores, labels: Labels, indices: Indices) -> np.ndarray:
    """Keys that are the scores themselves."""
    return scores


class TopK:
    """The best ``keep`` of a stream of candidates; ties go to the lower index.

    Holds encoded images of the present best only, and a few that were when they came: candidates are never stored.
    Candidates that cannot enter are turned away by a bound for each class, and the best found anew now and then, so
    that what a block of candidates costs does not grow with ``keep``.

    Args:
        keep: How many, at most.
        classes: Number of classes.
        balance: ``class``: equal shares as far as candidates go; ``global``: the best overall.
        keys: ``keys(scores, labels, indices) -> [n]``: what is best is what has the largest key; the score itself
            where there is none.
    """

    made_again = False

    def __init__(self, keep: int, classes: int, balance: str, keys: Keys = the_scores) -> None:
        self.keep, self.classes, self.balance, self.keys = keep, classes, balance, keys
        self.offered = self.held_bytes = 0
        self._columns = columns(np.empty(0, np.float32))
        self._encoded: list[bytes] = []
        self._pending: list[tuple[np.ndarray, ...]] = []  # columns of candidates that entered since
        self._pending_encoded: list[bytes] = []
        self._bounds: np.ndarray | None = None  # [classes] keys below which nothing enters; None: all do

    def offer(self, scores: Scores, indices: Indices, labels: Labels, encode: Callable[[int], bytes]) -> None:
        """Look at n more candidates, [n] each; ``encode(row)`` is called for those that may enter only."""
        scores, indices, labels = np.asarray(scores, np.float32), np.asarray(indices), np.asarray(labels)
        positions = np.arange(self.offered, self.offered + len(scores))
        self.offered += len(scores)
        found = columns(scores, self.keys(scores, labels, indices), indices, labels, positions)
        if self._bounds is not None:
            rows = np.flatnonzero(found[1] >= self._bounds[labels])
        elif len(self._encoded) + len(self._pending_encoded) or len(scores) <= self.keep:
            rows = np.arange(len(scores))
        else:  # the first that come are more than are kept
            rows = best_rows(found[1], indices, labels, self.keep, self.classes, self.balance)
        if not len(rows):
            return
        entered = [encode(row) for row in rows.tolist()]
        self._pending.append(tuple(column[rows] for column in found))
        self._pending_encoded += entered
        self.held_bytes += sum(map(len, entered))
        if len(self._encoded) + len(self._pending_encoded) < self.keep:
            return
        if self._bounds is None or len(self._pending_encoded) >= max(PENDING, self.keep // 8):
            self.settle()

    def settle(self) -> None:
        """Find the best anew, and the bounds below which nothing enters any more."""
        if not self._pending:
            return
        whole = [np.concatenate(column) for column in zip(self._columns, *self._pending)]
        encoded = self._encoded + self._pending_encoded
        scores, keys, indices, labels, _ = whole
        rows = best_rows(keys, indices, labels, self.keep, self.classes, self.balance)
        self._columns, self._encoded = tuple(column[rows] for column in whole), [encoded[row] for row in rows.tolist()]
        self._pending, self._pending_encoded = [], []
        self.held_bytes = sum(map(len, self._encoded))
        if len(rows) == self.keep:
            self._bounds = bounds(self._columns[1], self._columns[3], self.classes, self.balance)

    @property
    def scores(self) -> Scores:
        """[n] of the best so far."""
        return self._settled()[0]

    @property
    def indices(self) -> Indices:
        """[n] of the best so far."""
        return self._settled()[2]

    @property
    def labels(self) -> Labels:
        """[n] of the best so far."""
        return self._settled()[3]

    @property
    def positions(self) -> np.ndarray:
        """[n] of the best so far, in the order in which all were offered."""
        return self._settled()[4]

    @property
    def encoded(self) -> list[bytes]:
        """Their files; ``AWAY`` for those that are put away."""
        self.settle()
        return self._encoded

    def _settled(self) -> tuple[np.ndarray, ...]:
        self.settle()
        return self._columns

    def by_index(self) -> EncodedImages:
        """The best so far, in order of index."""
        order = np.argsort(self.indices, kind="stable")
        encoded = [self.encoded[row] for row in order.tolist()]
        return EncodedImages(encoded, self.indices[order], self.labels[order], self.scores[order])

    def unsaved(self) -> EncodedImages:
        """Those of the best whose files are held, in order of index: what has entered since ``put_away``."""
        encoded, indices, labels, scores = self.by_index()
        rows = np.array([row for row, data in enumerate(encoded) if data != AWAY], np.int64)
        fresh = [encoded[row] for row in rows.tolist()]
        return EncodedImages(fresh, indices[rows], labels[rows], np.asarray(scores)[rows])

    def put_away(self) -> None:
        """What ``unsaved`` returned is stored: the files are not held any longer."""
        self.settle()
        self._encoded, self.held_bytes = [AWAY] * len(self._encoded), 0


class Pool:
    """All candidates of a stream by their scores, and few of their images, for rules that look at all scores.

    Args:
        best: Holds the images of the present best, by a rule that streams; None: the rule chooses in the end. Then of
            candidates no image is held, and only those that are at hand anyway are encoded.
    """

    def __init__(self, best: TopK | None = None) -> None:
        self.best, self.made_again = best, best is None
        self.parts: list[tuple[Scores, Indices, Labels]] = [
            (np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64))
        ]
        self.encoded: dict[int, bytes] = {}  # by position, of those that are at hand; without ``best``
        self.saved = 0  # candidates of which ``unsaved`` has told
        self._held_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Of files that are held."""
        return self._held_bytes if self.best is None else self.best.held_bytes

    @property
    def indices(self) -> Indices:
        """Of all candidates."""
        return self.columns()[1]

    def columns(self) -> tuple[Scores, Indices, Labels]:
        """Of all candidates, in the order in which they came."""
        if len(self.parts) > 1:
            scores, indices, labels = (np.concatenate(column) for column in zip(*self.parts))
            self.parts = [(scores, indices, labels)]
        return self.parts[0]

    def offer(self, scores: Scores, indices: Indices, labels: Labels, encode: Callable[[int], bytes]) -> None:
        """See ``TopK``; without a rule that streams every image is encoded, ``b""`` where it is not at hand."""
        scores = np.asarray(scores, np.float32)
        first = sum(len(part[0]) for part in self.parts)
        self.parts.append((scores, np.asarray(indices), np.asarray(labels)))
        if self.best is not None:
            return self.best.offer(scores, indices, labels, encode)
        at_hand = {first + row: data for row in range(len(scores)) if (data := encode(row)) != AWAY}
        self.encoded |= at_hand
        self._held_bytes += sum(map(len, at_hand.values()))

    def by_index(self) -> EncodedImages:
        """All candidates in order of index; ``AWAY`` where the image is not held."""
        return self._from(0)

    def unsaved(self) -> EncodedImages:
        """The candidates that came since ``put_away``, in order of index, with the files that are held."""
        return self._from(self.saved)

    def _from(self, first: int) -> EncodedImages:
        scores, indices, labels = (column[first:] for column in self.columns())
        held = self.encoded if self.best is None else dict(zip(self.best.positions.tolist(), self.best.encoded))
        order = np.argsort(indices, kind="stable")
        encoded = [held.get(first + row, AWAY) for row in order.tolist()]
        return EncodedImages(encoded, indices[order], labels[order], scores[order])

    def put_away(self) -> None:
        """What ``unsaved`` returned is stored: its files are not held any longer."""
        self.saved, self.encoded, self._held_bytes = len(self.columns()[0]), {}, 0
        if self.best is not None:
            self.best.put_away()


def columns(scores: Scores, *others: np.ndarray) -> tuple[np.ndarray, ...]:
    """(scores, keys, indices, labels, positions) of candidates; of none where only the scores are given."""
    none = np.empty(0, np.int64)
    return (scores, *others) if others else (scores, np.empty(0), none, none, none)


def best_rows(keys: np.ndarray, indices: Indices, labels: Labels, keep: int, classes: int, balance: str) -> np.ndarray:
    """The rows of the ``keep`` best of n candidates, ascending. The best of subsets together hold the best of all."""
    if balance != "class":
        return np.sort(np.lexsort((indices, -keys))[:keep])
    # the best of each class, then the second of each, ...: equal shares as far as candidates go
    order = np.lexsort((indices, -keys, rank_in_class(keys, indices, labels, classes)))
    return np.sort(order[:keep])


def rank_in_class(keys: np.ndarray, indices: Indices, labels: Labels, classes: int) -> np.ndarray:
    """[n]: how many candidates of its class are better."""
    order = np.lexsort((indices, -keys, labels))
    counts = np.bincount(labels, minlength=classes)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rank


def bounds(keys: np.ndarray, labels: Labels, classes: int, balance: str) -> np.ndarray:
    """[classes]: keys below which no further candidate is among the best, where these are as many as are kept.

    With r of a class kept and R of the class with most: one of a class with r = R has to beat the worst of its own
    class; one with r = R − 1 that, or the worst of all that are R-th of their class; of others, whatever comes enters.
    """
    worst = np.full(classes, np.inf)
    if balance != "class":
        return np.full(classes, keys.min())
    np.minimum.at(worst, labels, keys)
    counts = np.bincount(labels, minlength=classes)
    most = counts.max()
    last = np.where(counts == most, worst, np.inf).min()  # the R-th of a class is its worst
    worst[counts == most - 1] = np.minimum(worst, last)[counts == most - 1]
    worst[counts < most - 1] = -np.inf
    return worst
