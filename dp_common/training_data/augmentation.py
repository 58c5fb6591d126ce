"""Augmentation of training images, by torchvision but for the cheapest.

Padding and random crop, random resized crop, mirror and RandAugment of single images; Mixup or CutMix of pairs. All
randomness is a function of (seed, global position), never of batches, processes or ranks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dp_common.arrays import Images, Shape
from dp_common.config.specification import PAIRS, Train
from dp_common.seeds import derive, uniforms


@dataclass(frozen=True)
class Augment:
    """``augment(images uint8 [n, C, H, W], positions [n]) -> the same``, each image by the chance of its own
    position.
    """

    seed: int
    size: tuple[int, ...]  # (H, W)
    crop: float
    flip: bool
    randaugment: int
    pad: int = 0

    def __call__(self, images: Images, positions: np.ndarray) -> Images:
        if self.pad:
            images = padded_crop(images, positions, self.pad, self.seed)
        if self.crop == 1 and not self.flip and not self.randaugment:
            return images
        return self.one_by_one(images, positions)

    def one_by_one(self, images: Images, positions: np.ndarray) -> Images:
        """What torchvision does to single images."""
        import torch
        from PIL import Image

        transform, out, channels = self.transform(), np.empty_like(images), images.shape[1]
        with torch.random.fork_rng(devices=[]):
            for row, position in enumerate(positions.tolist()):
                # of the CPU alone: torch.manual_seed seeds every device there is, which takes a hundred times as long
                torch.default_generator.manual_seed(derive(self.seed, "augment-image", position))
                pixels = images[row, 0] if channels == 1 else np.ascontiguousarray(images[row].transpose(1, 2, 0))
                # As a PIL image: RandAugment is 4.5 times as fast as on tensors.
                changed = np.asarray(transform(Image.fromarray(pixels)))
                out[row] = changed if channels == 1 else changed.transpose(2, 0, 1)
        return out

    def transform(self) -> Any:
        """torchvision's transform of one PIL image, whose chance is torch's global generator."""
        from torchvision.transforms import v2

        steps = [v2.RandomResizedCrop(self.size, scale=(self.crop, 1.0), antialias=True)] if self.crop < 1 else []
        steps += [v2.RandomHorizontalFlip()] if self.flip else []
        steps += [v2.RandAugment(num_ops=2, magnitude=self.randaugment)] if self.randaugment else []
        return v2.Compose(steps)


def augment_of(seed: int, train: Train, shape: Shape) -> Augment | None:
    """The Augment of a recipe for images of ``shape``, or None where it has none."""
    if train.crop == 1 and not train.flip and not train.randaugment and not train.pad:
        return None
    return Augment(seed, tuple(shape[1:]), train.crop, train.flip, train.randaugment, train.pad)


def padded_crop(images: Images, positions: np.ndarray, pad: int, seed: int) -> Images:
    """Crops of their own size, anywhere in images with ``pad`` pixels of 0 around: moves of up to ``pad`` pixels.

    Args:
        images: uint8 [n, C, H, W].
        positions: [n], each image's own chance.
        pad: Pixels on each side.
        seed: The run's.
    """
    height, width = images.shape[2:]
    wide = np.pad(images, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    down, right = (
        (uniforms(seed, f"pad-{way}", positions) * (2 * pad + 1)).astype(np.int64) for way in ("down", "right")
    )
    windows = np.lib.stride_tricks.sliding_window_view(wide, (height, width), axis=(2, 3))
    return windows[np.arange(len(images)), :, down, right]


def mixed(images: Any, labels: Any, first: int, seed: int, train: Train, classes: int) -> tuple[Any, Any]:
    """Mixed images and soft labels: per block of ``PAIRS`` positions Mixup (λ ~ Beta(α, α)) or CutMix.

    Args:
        images: Floats [n, C, H, W], a tensor.
        labels: [n] int64, a tensor.
        first: Position of the first; the others follow it.
        seed: The run's.
        train: Says which is on; by even lot where both are.
        classes: Number of classes.

    Returns:
        Tensors [n, C, H, W] and [n, classes].
    """
    import torch
    from torchvision.transforms import v2

    kinds = [v2.MixUp(alpha=train.mixup, num_classes=classes)] if train.mixup else []
    kinds += [v2.CutMix(alpha=train.cutmix, num_classes=classes)] if train.cutmix else []
    blocks = []
    with torch.random.fork_rng(devices=[]):
        for start in range(0, len(images), PAIRS):
            torch.default_generator.manual_seed(
                derive(seed, "mix", first + start)
            )  # a device's drop-path keeps its own
            kind = kinds[int(torch.randint(len(kinds), ()))]
            blocks.append(kind(images[start : start + PAIRS], labels[start : start + PAIRS]))
    mixed_images, soft_labels = (torch.cat(column) for column in zip(*blocks))
    return mixed_images, soft_labels
