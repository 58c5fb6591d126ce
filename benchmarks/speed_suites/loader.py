"""Training images from disk: Parquet shards in block order, beside torchvision's ImageFolder.

With a DataLoader of as many worker processes, on the same JPEG files (224 pixels, quality 95), as they are and with the
ViT recipe's augmentation.
"""

import atexit
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.speed_suites import Item, Setting
from dp_common.config.specification import Train
from dp_common.device import start_method

RUN_KEYS = False
NAMES = ("loader.block", "loader.imagefolder", "loader.block.augmented", "loader.imagefolder.augmented")
IMAGES, CHUNK, SIZE, PAGES = 4096, 64, 224, 2


def items(setting: Setting) -> dict[str, Item]:
    """One epoch of each reader, plain and augmented."""
    import numpy as np

    from dp_common.arrays import EncodedImages
    from dp_common.training_data import loading, shards
    from dp_common.training_data.augmentation import augment_of
    from dp_common.training_data.block_set import BlockSet

    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    root = Path(folder.name)
    labels = np.arange(IMAGES) % 10
    encoded = [shards.encode(image, "jpeg") for image in pictures(256)]
    trainset = BlockSet()
    for first in range(0, IMAGES, IMAGES // PAGES):
        indices = np.arange(first, first + IMAGES // PAGES)
        path, data = root / f"{first}.parquet", [encoded[i % len(encoded)] for i in indices]
        digest = shards.write(
            path,
            EncodedImages(data, indices, labels[indices]),
            [str(n) for n in range(10)],
            shards.Origin(seed=0, round=0, strategy="static"),
            format="jpeg",
        )
        trainset.add_shard(path, digest, len(indices), first == 0)
    for index in range(IMAGES):
        of_class = root / "images" / str(labels[index])
        of_class.mkdir(parents=True, exist_ok=True)
        (of_class / f"{index}.jpeg").write_bytes(encoded[index % len(encoded)])

    def block(augment: Any) -> None:
        examples = loading.Examples(trainset, 0, augment=augment)
        for _ in loading.stream(
            examples, [(first, first + CHUNK) for first in range(0, IMAGES, CHUNK)], setting.workers
        ):
            pass

    vit = Train(crop=0.08, flip=True, randaugment=9)
    return {
        "loader.block": Item("images", IMAGES, partial(block, None), "loader.imagefolder"),
        "loader.imagefolder": Item("images", IMAGES, partial(image_folder, root / "images", None, setting.workers)),
        "loader.block.augmented": Item(
            "images", IMAGES, partial(block, augment_of(0, vit, (3, SIZE, SIZE))), "loader.imagefolder.augmented"
        ),
        "loader.imagefolder.augmented": Item(
            "images", IMAGES, partial(image_folder, root / "images", vit, setting.workers)
        ),
    }


def image_folder(root: Path, train: Train | None, workers: int) -> None:
    """One epoch by torchvision's own means."""
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    steps = []
    if train:
        steps = [
            v2.RandomResizedCrop(SIZE, scale=(train.crop, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandAugment(num_ops=2, magnitude=train.randaugment),
        ]
    for _ in DataLoader(
        ImageFolder(root, v2.Compose([*steps, v2.PILToTensor()])),
        CHUNK,
        shuffle=True,
        num_workers=workers,
        multiprocessing_context=start_method(),
    ):
        pass


def pictures(n: int) -> Iterator[Any]:
    """Smooth coloured noise, of about the JPEG size of a photograph: n arrays uint8 [3, SIZE, SIZE]."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    for _ in range(n):
        coarse = gaussian_filter(rng.normal(size=(3, SIZE, SIZE)), (0, 12, 12))
        fine = gaussian_filter(rng.normal(size=(3, SIZE, SIZE)), (0, 1.2, 1.2))
        image = coarse / coarse.std() + 0.25 * fine / fine.std()
        yield np.clip(128 + 48 * image, 0, 255).astype(np.uint8)
