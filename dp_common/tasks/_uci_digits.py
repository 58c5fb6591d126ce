"""The UCI handwritten digits, whole, as they lie beside this file (``uci_digits.md`` says whence).

Two sets: *optical*, 8×8 counts of ink (0..16) in 4×4 blocks of scanned 32×32 bitmaps, and *pen*, positions of a pen on
a tablet, other device and other writers, drawn here as strokes on the same grid and counted in the same blocks.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np

from dp_common.files import package_folder

GRID, BLOCK = 32, 4  # pixels of a bitmap's side, and of a block's
STROKE = 2.8  # radius of the pen, pixels; as the box below, chosen by ink and its profile, never by accuracy
BOX = (14.0, 26.4)  # width and height that a digit's strokes fill, pixels: optical digits are narrow


def file(name: str) -> Path:
    """Where one of the files lies: ``uci_optical.npz`` or ``uci_pen.npz``."""
    return package_folder("dp_common") / "tasks" / name


@lru_cache
def arrays(name: str) -> dict[str, np.ndarray]:
    """What is in one of the files."""
    with np.load(file(name)) as opened:
        return {key: opened[key] for key in opened.files}


def pixels(counts: np.ndarray) -> np.ndarray:
    """Counts 0..16 [n, 8, 8] as images: uint8 [n, 1, 8, 8], 255 where a block is full."""
    return np.round(counts[:, None] * (255 / BLOCK**2)).astype(np.uint8)


@lru_cache
def fingerprint() -> str:
    """Of both files."""
    return hashlib.sha256(file("uci_optical.npz").read_bytes() + file("uci_pen.npz").read_bytes()).hexdigest()[:16]


def draw(points: np.ndarray) -> np.ndarray:
    """Pen positions as counts of ink.

    Args:
        points: [n, P, 2], x to the right and y upwards, 0..100: the ends of strokes.

    Returns:
        uint8 [n, 8, 8], 0..16: in each block, pixels no farther than ``STROKE`` from a stroke.
    """
    centres = np.arange(GRID, dtype=np.float32) + 0.5
    grid = np.stack(np.meshgrid(centres, centres), -1).reshape(1, -1, 2)  # (x, y), y downwards
    scale = np.array([BOX[0], -BOX[1]], np.float32) / 100
    ends = GRID / 2 + (points.astype(np.float32) - 50) * scale
    drawn = []
    for start in range(0, len(ends), 512):
        part = ends[start : start + 512, :, None]
        inked = np.zeros((len(part), GRID * GRID), bool)
        for a, b in zip(np.moveaxis(part[:, :-1], 1, 0), np.moveaxis(part[:, 1:], 1, 0)):
            along, offset = b - a, grid - a
            length = np.maximum((along**2).sum(-1), 1e-9)
            share = np.clip((offset * along).sum(-1) / length, 0, 1)  # of the stroke, at the point nearest the pixel
            inked |= ((offset - share[..., None] * along) ** 2).sum(-1) < STROKE**2
        blocks = inked.reshape(-1, GRID // BLOCK, BLOCK, GRID // BLOCK, BLOCK)
        drawn.append(blocks.sum((2, 4)).astype(np.uint8))
    return np.concatenate(drawn)
