"""Fashion-MNIST, read by torchvision: 55,000 train, 5,000 monitor, the official 10,000 test."""

from dataclasses import dataclass
from typing import Any, ClassVar

from dp_common.tasks import _torchvision


@dataclass
class FashionMnist(_torchvision.TorchvisionTask):
    """Fashion-MNIST, 28×28 grey, 10 kinds of clothing; torchvision's files under data.root"""

    recipe: ClassVar[dict[str, Any]] = _torchvision.RECIPE | {"train.flip": True}
    source: ClassVar[str] = "FashionMNIST"
    unpacked: ClassVar[str] = "FashionMNIST"
    unchecked: ClassVar[list[str]] = _torchvision.IDX
    official: ClassVar[list[str]] = [
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ]
    classes: ClassVar[list[str]] = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]
    shape: ClassVar[tuple[int, int, int]] = (1, 28, 28)
