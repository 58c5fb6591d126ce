"""The growing training set, in memory, drawn from uniformly with replacement."""

import numpy as np

from dp_common.seeds import uniforms


class TrainSet:
    """Images uint8 [n, C, H, W] and labels [n]. ``newest`` of them came with the last addition."""

    def __init__(self):
        self.parts, self.newest = [], 0

    def __len__(self):
        return sum(len(labels) for _, labels, _ in self.parts)

    def add(self, images, labels, indices, new_round=True):
        self.newest = len(labels) if new_round else self.newest + len(labels)
        self.parts.append((images, np.asarray(labels, np.int64), np.asarray(indices, np.int64)))

    def clear(self):
        self.parts, self.newest = [], 0

    def joined(self):
        """(images, labels, indices), each one array."""
        if len(self.parts) > 1:
            self.parts = [tuple(np.concatenate(column) for column in zip(*self.parts))]
        return self.parts[0]

    def draw(self, seed, positions, new_weight=1.0):
        """The examples at global ``positions`` of training: (images, labels). index = ⌊u(seed, position)·|D|⌋.

        With ``new_weight`` w ≠ 1 an image of the newest addition is drawn w times as often as an older one.
        """
        images, labels, _ = self.joined()
        old, new = len(labels) - self.newest, self.newest
        place = uniforms(seed, "examples", positions) * (old + new_weight * new)
        rows = np.where(place < old, place, old + (place - old) / new_weight).astype(np.int64)
        rows = np.minimum(rows, len(labels) - 1)
        return images[rows], labels[rows]
