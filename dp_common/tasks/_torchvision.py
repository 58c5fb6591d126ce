"""Small data sets that torchvision downloads, checks and reads, from ``data.root``; nothing is downloaded here.

The official training set is split into train and monitor, the official test set is test.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dp_common.config.options import option
from dp_common.config.registry import one_line
from dp_common.contracts import TaskDefaults
from dp_common.errors import BadInput
from dp_common.real_images import splits
from dp_common.real_images.splits import RealData, Split

# How the constructor is asked for train and test, where it is not by train=True and train=False.
PARTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {"SVHN": ({"split": "train"}, {"split": "test"})}
TEST = {"SVHN": 26_032}  # images of the official test set, where it is not 10,000
IDX = [f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1")]  # of MNIST
RECIPE: dict[str, Any] = {  # ours, a start: about 100 epochs of 50,000 images; the paper has no data set of this size
    "teacher": "unet",
    "learner": "resnet-small",
    "train.seen": 20_000 * 256,
    "train.batch": 256,
    "train.lr": 1e-3,
    "train.label_smoothing": 0.1,
    "train.ema": 0.999,
}


@dataclass
class TorchvisionTask(RealData, TaskDefaults):
    """What these tasks share.

    Each adds ``source``, the name in torchvision.datasets; ``unpacked``, what there is under ``data.root`` of what
    torchvision has got; ``official``, the MD5 sums torchvision checks its files by;
    ``unchecked``, files that it takes as they are once they are unpacked; ``classes`` and ``shape``.
    """

    monitor_images: int = option(5_000, "images of the official training set that patience looks at", low=1)
    reads: ClassVar[tuple[str, ...]] = ("data.root",)
    source: ClassVar[str] = ""
    unpacked: ClassVar[str] = ""
    official: ClassVar[list[str]] = []
    unchecked: ClassVar[list[str]] = []
    classes: ClassVar[list[str]] = []
    shape: ClassVar[tuple[int, int, int]] = (0, 0, 0)

    @property
    def prompts(self) -> list[str]:
        """The class names, without underscores."""
        return [name.replace("_", " ") for name in self.classes]

    def sizes(self) -> dict[str, int]:
        """The official test set; monitor as it is asked for."""
        return {"monitor": self.monitor_images, "test": TEST.get(self.source, 10_000)}

    def fingerprint(self) -> str:
        """Of the official files, by the sums torchvision knows them by: there without the data.

        Of files that torchvision reads without looking at their sums, of their content, where they are there.
        """
        known = [self.source, self.official, self.classes]
        files = [Path(self.data.root) / self.source / "raw" / name for name in self.unchecked]
        if files and all(file.is_file() for file in files):
            known.append([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]

    def require_files(self) -> None:
        """Raise BadInput where the folder or file that torchvision unpacks to is not there."""
        path = Path(self.data.root) / self.unpacked
        if not path.exists():
            raise BadInput(
                "data.root",
                self.data.root,
                f"torchvision's {self.source} is not there: no {path}; get it by: {self._download()}",
            )

    def load(self, split: int) -> None:
        """Read the official parts and draw monitor from the training part by the seed ``split``.

        Raises:
            BadInput: the files are not there or not whole, or monitor asks for too many.
        """
        train_part, test_part = PARTS.get(self.source, ({"train": True}, {"train": False}))
        (images, labels), (test_images, test_labels) = self._read(**train_part), self._read(**test_part)
        if self.monitor_images > len(labels) // 2:
            section = type(self).__module__.rpartition(".")[2]
            raise BadInput(
                f"{section}.monitor_images", self.monitor_images, f"at most half of the {len(labels)} training images"
            )
        monitor = splits.stratified(labels, self.monitor_images, split, "data-monitor")
        rest = np.setdiff1d(np.arange(len(labels)), monitor)

        def cut(images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Split:
            rows = rows[splits.balanced(labels[rows], self.data.limit, split)]
            return Split(images[rows], labels[rows])

        self.test = cut(test_images, test_labels, np.arange(len(test_labels)))
        self.monitor = splits.apart(cut(images, labels, monitor), self.test)
        self.train = splits.apart(cut(images, labels, rest), self.test, self.monitor)
        self.shifted = {}

    def _read(self, **part: Any) -> tuple[np.ndarray, np.ndarray]:
        """(images uint8 [n, C, H, W], labels int64 [n]) of one official part. Raises BadInput."""
        from torchvision import datasets

        try:
            data = getattr(datasets, self.source)(self.data.root, download=False, **part)
        except (RuntimeError, ValueError, AssertionError, OSError, EOFError) as error:
            why = one_line(error).partition(". ")[0][:80]
            raise BadInput(
                "data.root",
                self.data.root,
                f"torchvision's {self.source} is not there, or not whole ({why}); get it by: {self._download()}",
            ) from error
        images = np.asarray(data.data)
        labels = np.asarray(data.labels if hasattr(data, "labels") else data.targets).astype(np.int64)
        images = (
            images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2) if images.shape[3] == 3 else images
        )
        theirs = getattr(data, "classes", self.classes)
        if (
            images.shape[1:] != self.shape
            or not np.array_equal(np.unique(labels), np.arange(len(self.classes)))
            or (self.source.startswith("CIFAR") and list(theirs) != self.classes)
        ):
            raise BadInput(
                "data.root",
                self.data.root,
                f"this is not {self.source}: {len(images)} images of shape {images.shape[1:]} of "
                f"{len(np.unique(labels))} classes; get it by: {self._download()}",
            )
        return np.ascontiguousarray(images), labels

    def _download(self) -> str:
        """The command that gets it."""
        root, source = str(self.data.root), self.source
        call = f"{source}({root!r}, download=True)"
        if source in PARTS:
            call = f"[{source}({root!r}, part, download=True) for part in ('train', 'test')]"
        return f'python -c "from torchvision.datasets import {source}; {call}"'
