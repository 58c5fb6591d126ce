"""Scores of images as they are stored."""

import numpy as np
import torch

from dp_common import seeds
from dp_common.config import registry


def score_images(score_name, learner, model, images, labels, indices, seed, clock):
    """Scores [n] float32 of stored images (uint8); a blind score costs no classifier evaluation."""
    module = registry.find("score", score_name).load()
    if getattr(module, "BLIND", False):
        return np.asarray(module.score(seeds.uniforms(seed, "score", indices)), np.float32)
    clock.count(classifier_evaluations=len(images))
    return module.score(learner.predict(images, model), torch.from_numpy(labels)).float().numpy()


class TopK:
    """The best ``keep`` of a stream of candidates, per class in equal shares or overall; ties go to the lower index.

    Holds encoded images of the present best only: candidates are never stored.
    """

    def __init__(self, keep, classes, balance):
        self.keep, self.classes, self.balance = keep, classes, balance
        self.scores, self.indices, self.labels, self.encoded = (
            np.empty(0, np.float32),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            [],
        )

    def offer(self, scores, indices, labels, encode):
        """``encode(row) -> bytes`` is called for those that enter."""
        scores, indices, labels = (
            np.concatenate(pair) for pair in ((self.scores, scores), (self.indices, indices), (self.labels, labels))
        )
        rows, old = best_rows(scores, indices, labels, self.keep, self.classes, self.balance), len(self.encoded)
        self.encoded = [self.encoded[row] if row < old else encode(row - old) for row in rows]
        self.scores, self.indices, self.labels = scores[rows], indices[rows], labels[rows]

    def by_index(self):
        """(encoded, indices, labels, scores) of the best so far, in order of index."""
        order = np.argsort(self.indices, kind="stable")
        return [self.encoded[row] for row in order], self.indices[order], self.labels[order], self.scores[order]


def best_rows(scores, indices, labels, keep, classes, balance):
    """The rows of the ``keep`` best, ascending. The best of parts, put together, hold the best of all."""
    order = np.lexsort((indices, -scores))
    if balance == "class":  # the best of each class, then the second of each, ...: equal shares as far as candidates go
        place = np.empty(len(order), np.int64)
        for label in range(classes):
            mine = order[labels[order] == label]
            place[mine] = np.arange(len(mine))
        order = np.lexsort((indices, -scores, place))
    return np.sort(order[:keep])
