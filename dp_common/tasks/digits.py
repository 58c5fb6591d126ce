"""The UCI handwritten digits, whole: 2,823 for the teacher and 1,000 monitor images by 30 writers, and as test 1,797
by 13 other writers.

Shifted sets: ``pen``, 10,992 digits written with a pen on a tablet by 44 other writers, drawn on the same grid; and
four made from test by fixed, seeded transforms. ``data.split`` deals out teacher and monitor; test is always the same.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from dp_common.config.specification import Data
from dp_common.contracts import TaskDefaults
from dp_common.real_images.kept_arrays import kept
from dp_common.real_images.splits import RealData, Split, balanced
from dp_common.tasks import _uci_digits as uci
from dp_common.tasks._digit_shifts import shifted

MONITOR = 1000


@dataclass
class Digits(RealData, TaskDefaults):
    """5,620 real 8×8 handwritten digits (UCI), tested on writers of their own; no download"""

    recipe: ClassVar[dict[str, Any]] = {
        "teacher": "mixture",
        "learner": "cnn-digits",
        "train.seen": 128_000,
        "train.batch": 128,
        "train.lr": 2e-3,
        "prune.oversample": 8,
        "dp.omega": 0.1,
        "fresh.omega": 0.1,
        "refresh.omega": 0.1,
        "allocate.omega": 0.1,
        "mixture.components": 12,
    }
    classes: ClassVar[list[str]] = [str(digit) for digit in range(10)]
    shape: ClassVar[tuple[int, int, int]] = (1, 8, 8)
    data = Data()

    def load(self, split: int) -> None:
        """Deal out teacher and monitor by the seed ``split``; the shifted sets are the same for all of them."""
        optical, pen = uci.arrays("uci_optical.npz"), uci.arrays("uci_pen.npz")
        images, labels = uci.pixels(optical["train_images"]), optical["train_labels"].astype(np.int64)
        train, monitor = kept("split", [labels], [MONITOR, split], lambda: dealt_out(labels, split))
        self.train = limited(images[train], labels[train], self.data.limit, split)
        self.monitor = limited(images[monitor], labels[monitor], self.data.limit, split)
        test_labels = optical["test_labels"].astype(np.int64)
        self.test = limited(uci.pixels(optical["test_images"]), test_labels, self.data.limit, split)
        self.shifted = {
            "pen": limited(uci.pixels(pen["images"]), pen["labels"].astype(np.int64), self.data.limit, split)
        }
        self.shifted |= shifted(self.test)

    def sizes(self) -> dict[str, int]:
        """As they are dealt out; ``pen`` and four sets made of test are the shifted ones."""
        return {"train": 3823 - MONITOR, "monitor": MONITOR, "test": 1797, "shifted": 10_992 + 4 * 1797}

    def fingerprint(self) -> str:
        """Of both files of digits."""
        return uci.fingerprint()


def dealt_out(labels: np.ndarray, split: int) -> list[np.ndarray]:
    """Rows of teacher and monitor, stratified."""
    from sklearn.model_selection import train_test_split

    return train_test_split(np.arange(len(labels)), test_size=MONITOR, stratify=labels, random_state=split)


def limited(images: np.ndarray, labels: np.ndarray, limit: int, split: int) -> Split:
    """At most ``limit`` of the images [n, 1, 8, 8] and labels [n], classes in turn; 0: all."""
    rows = balanced(labels, limit, split)
    return Split(images[rows], labels[rows])
