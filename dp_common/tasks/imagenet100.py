"""ImageNet-100: the 100 classes of ImageNet listed in imagenet100_wnids.txt, with their part of V2, Sketch, R and A.
Layout: _imagenet.py.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dp_common.tasks import _imagenet


@dataclass
class ImageNet100(_imagenet.ImageNetTask):
    """ImageNet, the usual 100 classes; real images under data.root, ViT-B as the paper trains it"""

    recipe: ClassVar[dict[str, Any]] = _imagenet.RECIPE | {
        "train.batch": 2048,
        "train.lr": 0.003,
        "train.seen": 50_000 * 2048,
    }  # the paper's

    def wnids(self) -> list[str]:
        return (Path(__file__).parent / "imagenet100_wnids.txt").read_text().split()
