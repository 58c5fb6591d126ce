"""The 1,797 real 8×8 handwritten digits that ship with scikit-learn: 897 for the teacher, 450 monitor, 450 test,
stratified.

Four shifted test sets are made from the test split by fixed, seeded transforms, so that robustness can be asked about
without a download.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dp_common.config.specification import Data
from dp_common.files import package_folder
from dp_common.real_images.splits import RealData, Split, balanced


@dataclass
class Digits(RealData):
    """1,797 real 8×8 handwritten digits, shipped with scikit-learn; no download"""

    recipe: ClassVar[dict[str, Any]] = {
        "teacher": "mixture",
        "learner": "vit-digits",
        "train.seen": 128_000,
        "train.batch": 128,
        "train.lr": 2e-3,
        "prune.oversample": 8,
    }
    classes: ClassVar[list[str]] = [str(digit) for digit in range(10)]
    shape: ClassVar[tuple[int, int, int]] = (1, 8, 8)
    data = Data()

    def load(self, split: int) -> None:
        """Split them by the seed ``split``; the shifted sets are made from test."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        data = load_digits()
        images = np.round(data.images[:, None] * (255 / 16)).astype(np.uint8)
        labels = data.target.astype(np.int64)
        rest, test = train_test_split(np.arange(len(labels)), test_size=450, stratify=labels, random_state=split)
        train, monitor = train_test_split(rest, test_size=450, stratify=labels[rest], random_state=split)
        parts = [rows[balanced(labels[rows], self.data.limit, split)] for rows in (train, monitor, test)]
        self.train, self.monitor, self.test = (Split(images[rows], labels[rows]) for rows in parts)
        self.shifted = {name: Split(shift(images[parts[2]]), self.test.labels) for name, shift in SHIFTS.items()}

    def fingerprint(self) -> str:
        """Of the file that ships with scikit-learn."""
        data = (package_folder("sklearn") / "datasets/data/digits.csv.gz").read_bytes()
        return hashlib.sha256(data).hexdigest()[:16]


def rotation(images: np.ndarray) -> np.ndarray:
    """Each image [n, 1, 8, 8] uint8 turned by +20° or −20°, in turn."""
    from scipy.ndimage import rotate

    return np.stack(
        [rotate(image, 20 if row % 2 else -20, axes=(1, 2), reshape=False, order=1) for row, image in enumerate(images)]
    )


def noise(images: np.ndarray) -> np.ndarray:
    """Gaussian noise of a quarter of the range, seed 0."""
    shaken = images + np.random.default_rng(0).normal(0, 64, images.shape)
    return np.clip(np.round(shaken), 0, 255).astype(np.uint8)


def blur(images: np.ndarray) -> np.ndarray:
    """Gaussian blur of σ = 0.8 pixels."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(images, (0, 0, 0.8, 0.8))


def thickness(images: np.ndarray) -> np.ndarray:
    """Strokes half-way to their 2×2 grey dilation (even rows) or erosion (odd rows)."""
    from scipy.ndimage import grey_dilation, grey_erosion

    size = (1, 1, 2, 2)
    moved = np.where(
        np.arange(len(images))[:, None, None, None] % 2, grey_erosion(images, size), grey_dilation(images, size)
    )
    return ((images.astype(np.uint16) + moved) // 2).astype(np.uint8)


SHIFTS = {"rotation": rotation, "noise": noise, "blur": blur, "thickness": thickness}
