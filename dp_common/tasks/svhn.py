"""Street View House Numbers, cropped digits, read by torchvision: 68,257 train, 5,000 monitor, the official 26,032
test.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from dp_common.tasks import _torchvision


@dataclass
class Svhn(_torchvision.TorchvisionTask):
    """SVHN, 32×32 colour, 10 digits; torchvision's files under data.root"""

    recipe: ClassVar[dict[str, Any]] = _torchvision.RECIPE
    source: ClassVar[str] = "SVHN"
    unpacked: ClassVar[str] = "train_32x32.mat"
    official: ClassVar[list[str]] = ["e26dedcc434d2e4c54c9b2d4a06d8373", "eb5a983be6a315427106f1b164d9cef3"]
    classes: ClassVar[list[str]] = [str(digit) for digit in range(10)]
    shape: ClassVar[tuple[int, int, int]] = (3, 32, 32)
