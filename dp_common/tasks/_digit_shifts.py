"""Shifted test sets made of 8×8 digits by fixed, seeded transforms, so that robustness can be asked about without a
download.
"""

import numpy as np

from dp_common.real_images.kept_arrays import kept
from dp_common.real_images.splits import Split

VERSION = 1  # raised with every change to what a transform does


def rotation(images: np.ndarray) -> np.ndarray:
    """Each image [n, 1, 8, 8] uint8 turned by +20° or −20°, in turn."""
    from scipy.ndimage import rotate

    return np.stack(
        [rotate(image, 20 if row % 2 else -20, axes=(1, 2), reshape=False, order=1) for row, image in enumerate(images)]
    )


def noise(images: np.ndarray) -> np.ndarray:
    """Gaussian noise of a quarter of the range, seed 0."""
    shaken = images + np.random.default_rng(0).normal(0, 64, images.shape)
    return np.clip(np.round(shaken), 0, 255).astype(np.uint8)


def blur(images: np.ndarray) -> np.ndarray:
    """Gaussian blur of σ = 0.8 pixels."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(images, (0, 0, 0.8, 0.8))


def thickness(images: np.ndarray) -> np.ndarray:
    """Strokes half-way to their 2×2 grey dilation (even rows) or erosion (odd rows)."""
    from scipy.ndimage import grey_dilation, grey_erosion

    size = (1, 1, 2, 2)
    moved = np.where(
        np.arange(len(images))[:, None, None, None] % 2, grey_erosion(images, size), grey_dilation(images, size)
    )
    return ((images.astype(np.uint16) + moved) // 2).astype(np.uint8)


SHIFTS = {"rotation": rotation, "noise": noise, "blur": blur, "thickness": thickness}


def shifted(test: Split) -> dict[str, Split]:
    """The shifted sets of a test set, by name; kept, since the import of scipy takes half a second of every start."""
    made = kept("shifts", [test.images], [VERSION, *SHIFTS], lambda: [shift(test.images) for shift in SHIFTS.values()])
    return {name: Split(images, test.labels) for name, images in zip(SHIFTS, made, strict=True)}
