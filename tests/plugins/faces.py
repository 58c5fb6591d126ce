"""Tasks of a third party: one that keeps the contract, and some that each break one rule of it, for the kit to find."""

from dataclasses import dataclass

import numpy as np

from dp_common import Split, option


@dataclass
class Faces:
    """two kinds of noise that one can tell apart"""

    shade: int = option(100, "of the brighter kind", low=1, high=255)

    classes = ("dark", "bright")
    shape = (1, 4, 4)

    def load(self, split):
        rng = np.random.default_rng(split)
        self.train, self.monitor, self.test = (self.draw(rng, n) for n in (300, 100, 100))

    def draw(self, rng, n):
        labels = np.arange(n) % 2
        images = rng.integers(0, 256 - self.shade, (n, *self.shape)) + self.shade * labels[:, None, None, None]
        return Split(images.astype(np.uint8), labels)

    def fingerprint(self):
        return f"faces {self.shade}"


class Floats(Faces):
    """images between 0 and 1"""

    def draw(self, rng, n):
        split = super().draw(rng, n)
        return Split(split.images / 255, split.labels)


class FromOne(Faces):
    """counts labels from 1"""

    def draw(self, rng, n):
        split = super().draw(rng, n)
        return Split(split.images, split.labels + 1)


class Sideways(Faces):
    """channels last"""

    def draw(self, rng, n):
        split = super().draw(rng, n)
        return Split(split.images.transpose(0, 2, 3, 1), split.labels)


class Leaking(Faces):
    """tests on what it trains on"""

    def load(self, split):
        super().load(split)
        self.test = Split(self.train.images[:100], self.train.labels[:100])


class Restless(Faces):
    """splits anew each time"""

    def load(self, split):
        super().load(np.random.SeedSequence().entropy % 2**32)


class Missing(Faces):
    """has no monitor"""

    def load(self, split):
        super().load(split)
        del self.monitor
