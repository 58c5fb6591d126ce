"""MNIST, read by torchvision: 55,000 train, 5,000 monitor, the official 10,000 test."""

from dataclasses import dataclass
from typing import Any, ClassVar

from dp_common.tasks import _torchvision


@dataclass
class Mnist(_torchvision.TorchvisionTask):
    """MNIST, 28×28 grey, 10 digits; torchvision's files under data.root"""

    recipe: ClassVar[dict[str, Any]] = _torchvision.RECIPE
    source: ClassVar[str] = "MNIST"
    unpacked: ClassVar[str] = "MNIST"
    unchecked: ClassVar[list[str]] = _torchvision.IDX
    official: ClassVar[list[str]] = [
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ]
    classes: ClassVar[list[str]] = [str(digit) for digit in range(10)]
    shape: ClassVar[tuple[int, int, int]] = (1, 28, 28)
