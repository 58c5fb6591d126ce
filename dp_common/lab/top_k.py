"""The best of a stream of candidates, without holding the others."""

from collections.abc import Callable

import numpy as np

from dp_common.arrays import EncodedImages, Indices, Labels, Scores


class TopK:
    """The best ``keep`` of a stream of candidates; ties go to the lower index.

    Holds encoded images of the present best only: candidates are never stored.

    Args:
        keep: How many, at most.
        classes: Number of classes.
        balance: ``class``: equal shares as far as candidates go; ``global``: the best overall.
    """

    def __init__(self, keep: int, classes: int, balance: str) -> None:
        self.keep, self.classes, self.balance = keep, classes, balance
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
        rows = best_rows(scores, indices, labels, self.keep, self.classes, self.balance)
        self.encoded = [self.encoded[row] if row < held else encode(row - held) for row in rows]
        self.scores, self.indices, self.labels = scores[rows], indices[rows], labels[rows]

    def by_index(self) -> EncodedImages:
        """The best so far, in order of index."""
        order = np.argsort(self.indices, kind="stable")
        encoded = [self.encoded[row] for row in order]
        return EncodedImages(encoded, self.indices[order], self.labels[order], self.scores[order])


def best_rows(scores: Scores, indices: Indices, labels: Labels, keep: int, classes: int, balance: str) -> np.ndarray:
    """The rows of the ``keep`` best of n candidates, ascending. The best of subsets together hold the best of all."""
    order = np.lexsort((indices, -scores))
    if balance == "class":  # the best of each class, then the second of each, ...: equal shares as far as candidates go
        rank_in_class = np.empty(len(order), np.int64)
        for label in range(classes):
            of_class = order[labels[order] == label]
            rank_in_class[of_class] = np.arange(len(of_class))
        order = np.lexsort((indices, -scores, rank_in_class))
    return np.sort(order[:keep])
