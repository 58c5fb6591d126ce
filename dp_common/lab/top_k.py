"""The best of a stream of candidates, without holding the others."""

from collections.abc import Callable

import numpy as np

from dp_common.arrays import EncodedImages, Indices, Labels, Scores

Keys = Callable[[Scores, Labels, Indices], np.ndarray]


def the_scores(scores: Scores, labels: Labels, indices: Indices) -> np.ndarray:
    """Keys that are the scores themselves."""
    return scores


class TopK:
    """The best ``keep`` of a stream of candidates; ties go to the lower index.

    Holds encoded images of the present best only: candidates are never stored.

    Args:
        keep: How many, at most.
        classes: Number of classes.
        balance: ``class``: equal shares as far as candidates go; ``global``: the best overall.
        keys: ``keys(scores, labels, indices) -> [n]``: what is best is what has the largest key; the score itself
            where there is none.

    Attributes:
        positions: Of those that are held, in the order in which they were offered.
    """

    made_again = False

    def __init__(self, keep: int, classes: int, balance: str, keys: Keys = the_scores) -> None:
        self.keep, self.classes, self.balance, self.keys = keep, classes, balance, keys
        self.offered, self.positions = 0, np.empty(0, np.int64)
        self.scores: Scores = np.empty(0, np.float32)
        self.indices: Indices = np.empty(0, np.int64)
        self.labels: Labels = np.empty(0, np.int64)
        self.encoded: list[bytes] = []

    def offer(self, scores: Scores, indices: Indices, labels: Labels, encode: Callable[[int], bytes]) -> None:
        """Look at n more candidates, [n] each; ``encode(row)`` is called for those that enter, and only for them."""
        held = len(self.encoded)
        scores = np.concatenate([self.scores, scores])
        indices = np.concatenate([self.indices, indices])
        labels = np.concatenate([self.labels, labels])
        positions = np.concatenate([self.positions, np.arange(self.offered, self.offered + len(scores) - held)])
        self.offered += len(scores) - held
        keys = self.keys(scores, labels, indices)
        rows = best_rows(keys, indices, labels, self.keep, self.classes, self.balance)
        self.encoded = [self.encoded[row] if row < held else encode(row - held) for row in rows]
        self.scores, self.indices, self.labels = scores[rows], indices[rows], labels[rows]
        self.positions = positions[rows]

    def by_index(self) -> EncodedImages:
        """The best so far, in order of index."""
        order = np.argsort(self.indices, kind="stable")
        encoded = [self.encoded[row] for row in order]
        return EncodedImages(encoded, self.indices[order], self.labels[order], self.scores[order])


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
        self.encoded: list[bytes] = []

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
        self.parts.append((np.asarray(scores, np.float32), np.asarray(indices), np.asarray(labels)))
        if self.best is None:
            self.encoded += [encode(row) for row in range(len(scores))]
        else:
            self.best.offer(scores, indices, labels, encode)

    def by_index(self) -> EncodedImages:
        """All candidates in order of index; ``b""`` where the image is not held."""
        scores, indices, labels = self.columns()
        encoded = self.encoded
        if self.best is not None:
            encoded = [b""] * len(scores)
            for position, image in zip(self.best.positions, self.best.encoded):
                encoded[position] = image
        order = np.argsort(indices, kind="stable")
        return EncodedImages([encoded[row] for row in order], indices[order], labels[order], scores[order])


def best_rows(keys: np.ndarray, indices: Indices, labels: Labels, keep: int, classes: int, balance: str) -> np.ndarray:
    """The rows of the ``keep`` best of n candidates, ascending. The best of subsets together hold the best of all."""
    order = np.lexsort((indices, -keys))
    if balance == "class":  # the best of each class, then the second of each, ...: equal shares as far as candidates go
        rank_in_class = np.empty(len(order), np.int64)
        for label in range(classes):
            of_class = order[labels[order] == label]
            rank_in_class[of_class] = np.arange(len(of_class))
        order = np.lexsort((indices, -keys, rank_in_class))
    return np.sort(order[:keep])
