"""CIFAR-10, read by torchvision: 45,000 train, 5,000 monitor, the official 10,000 test."""

from dataclasses import dataclass
from typing import Any, ClassVar

from dp_common.tasks import _torchvision


@dataclass
class Cifar10(_torchvision.TorchvisionTask):
    """CIFAR-10, 32×32 colour, 10 classes; torchvision's files under data.root"""

    recipe: ClassVar[dict[str, Any]] = _torchvision.RECIPE | {"train.flip": True, "train.crop": 0.6}
    source: ClassVar[str] = "CIFAR10"
    unpacked: ClassVar[str] = "cifar-10-batches-py"
    official: ClassVar[list[str]] = ["c58f30108f718f92721af3b95e74349a"]
    classes: ClassVar[list[str]] = "airplane automobile bird cat deer dog frog horse ship truck".split()
    shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)
