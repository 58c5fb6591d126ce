"""A problem one can look at: points of a plane, three arms of a spiral that overlap, each a known Gaussian mixture.

A point is an image of 1×2 pixels: x and y, from −1 to 1 in 256 steps, as images are stored. With the mixture teacher
and ``probe=truth`` everything can be drawn: the density, the points that guidance made, the boundary of the learner
by round.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dp_common.config.specification import Data
from dp_common.contracts import TaskDefaults
from dp_common.real_images.splits import RealData, Split, balanced

ARMS, CENTRES = 3, 6  # arms of the spiral, Gaussians of each
TURN = 3.2  # radians from the first centre of an arm to its last
INNER, OUTER = 0.15, 0.65  # distance of the first and last centre from the middle
SD = 0.08  # of each Gaussian, in both directions
SIZES = {"train": 200, "monitor": 200, "test": 1000}  # points of each class


@dataclass
class Plane(RealData, TaskDefaults):
    """points of a plane in three overlapping spiral arms, a known Gaussian mixture; no download, seconds a run"""

    recipe: ClassVar[dict[str, Any]] = {
        "teacher": "mixture",
        "mixture.components": CENTRES,
        "mixture.jitter": 0.0,
        "mixture.schedule": "linear",
        "sampler.steps": 50,
        "learner": "mlp-plane",
        "train.seen": 64_000,
        "train.batch": 128,
        "train.lr": 5e-3,
        "prune.oversample": 8,
    }
    classes: ClassVar[list[str]] = ["east", "north-west", "south-west"]  # where each arm starts
    shape: ClassVar[tuple[int, int, int]] = (1, 1, 2)
    data = Data()

    def load(self, split: int) -> None:
        """Draw train, monitor and test, each by itself from the one density, by the seed ``split``.

        In 256 × 256 cells two points of different splits may look alike.
        """
        rng = np.random.default_rng(split)
        parts = {name: draw(rng, n) for name, n in SIZES.items()}
        self.train, self.monitor, self.test = (
            Split(*(column[balanced(labels, self.data.limit, split)] for column in (images, labels)))
            for images, labels in parts.values()
        )
        self.shifted = {}

    def sizes(self) -> dict[str, int]:
        """As they are drawn."""
        return {name: ARMS * SIZES[name] for name in ("monitor", "test")}

    def fingerprint(self) -> str:
        """Of the density's constants."""
        return hashlib.sha256(repr((ARMS, CENTRES, TURN, INNER, OUTER, SD, SIZES)).encode()).hexdigest()[:16]


def centres() -> np.ndarray:
    """Means of the Gaussians, all of weight 1/CENTRES in their class and of covariance SD²·I: [ARMS, CENTRES, 2]."""
    along = np.linspace(0, 1, CENTRES)
    angle = 2 * np.pi * np.arange(ARMS)[:, None] / ARMS + TURN * along
    return (INNER + (OUTER - INNER) * along)[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """``n`` points of each class: (images uint8 [ARMS·n, 1, 1, 2], labels)."""
    labels = np.arange(ARMS * n) % ARMS
    points = centres()[labels, rng.integers(CENTRES, size=len(labels))] + SD * rng.normal(size=(len(labels), 2))
    return np.round((points.clip(-1, 1) + 1) * 127.5).astype(np.uint8)[:, None, None], labels
