"""ImageNet-1k: 1,000 classes of ILSVRC 2012, with ImageNet-V2, -Sketch, -R and -A. Layout under data.root:
_imagenet.py.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from dp_common.tasks import _imagenet


@dataclass
class ImageNet1k(_imagenet.ImageNetTask):
    """ImageNet, 1,000 classes; real images under data.root, ViT-B as the paper trains it"""

    recipe: ClassVar[dict[str, Any]] = _imagenet.RECIPE | {
        "train.batch": 4096,
        "train.lr": 0.0016,
        "train.seen": 100_000 * 4096,  # the paper's
        "dp.patience": 1,
    }

    def wnids(self) -> list[str]:
        return _imagenet.timm_lines("imagenet_synsets.txt")
