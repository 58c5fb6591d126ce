"""Randomness as a pure function of (seed, purpose, position), so that nothing depends on what was drawn before.

Strategies at equal seed share latents, labels and the uniforms that pick training examples; resume needs no generator
state; ranks need no coordination.
"""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def derive(seed: int, purpose: str, *position: int) -> int:
    """A 63-bit integer seed for one purpose at one position."""
    text = ":".join([str(seed), purpose, *map(str, position)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def uniforms(seed: int, purpose: str, positions: np.ndarray) -> np.ndarray:
    """Uniforms in [0, 1), one per position: [n] float64.

    SplitMix64 (Steele et al. 2014) as a counter-based generator.
    """
    z = np.uint64(derive(seed, purpose)) + GOLDEN * (positions.astype(np.uint64) + np.uint64(1))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)) * 2.0**-53


def normals(seed: int, purpose: str, indices: np.ndarray, shape: tuple[int, ...], step: int = 0) -> "torch.Tensor":
    """Gaussian noise, one generator per image: [n, *shape] float32 on the CPU, whatever device it is used on.

    ``step`` 0 is the starting latent; a stochastic sampler draws its further noise at steps 1, 2, ...
    """
    import torch

    out = torch.empty(len(indices), *shape)
    generator = torch.Generator()
    for image, index in zip(out.unbind(0), indices.tolist()):
        generator.manual_seed(derive(seed, purpose, index, step))
        image.normal_(generator=generator)
    return out


def label_of(indices: np.ndarray, classes: int) -> np.ndarray:
    """The class of each image index: every block of ``classes`` consecutive indices holds each class once, so sets of
    any size are balanced to within one image and sets of different size are nested.
    """
    return indices % classes


def rank_of(indices: np.ndarray, classes: int) -> np.ndarray:
    """How many images of its class come before each image index: 0 of the first block of ``classes``, then 1."""
    return indices // classes
