"""The task of the first results: only the 1,797 digits that ship with scikit-learn, 897 for the teacher, 450 monitor,
450 test, stratified. All writers are in all splits. ``digits`` has taken its place; it stays for old numbers and for
quick tests.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dp_common.config.specification import Data
from dp_common.contracts import TaskDefaults
from dp_common.files import package_folder
from dp_common.real_images.splits import RealData, Split, balanced
from dp_common.tasks._digit_shifts import shifted


@dataclass
class Digits1797(RealData, TaskDefaults):
    """the 1,797 digits that ship with scikit-learn, the task of the first results"""

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
        self.shifted = shifted(self.test)

    def sizes(self) -> dict[str, int]:
        """As they are dealt out; the four shifted sets are made of test."""
        return {"train": 897, "monitor": 450, "test": 450, "shifted": 4 * 450}

    def fingerprint(self) -> str:
        """Of the file that ships with scikit-learn."""
        data = (package_folder("sklearn") / "datasets/data/digits.csv.gz").read_bytes()
        return hashlib.sha256(data).hexdigest()[:16]
