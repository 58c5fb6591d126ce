"""What decides a teacher's weights: the keys of its training, and their defaults by size of the images."""

from dataclasses import dataclass
from typing import Any

from dp_common.config.options import option
from dp_common.errors import BadInput


@dataclass
class Training:
    """What decides the weights.

    The defaults are those for images of up to 16 pixels; ``SIZES`` has those for larger ones.
    """

    steps: int = option(4000, "iterations", low=1)
    batch: int = option(64, "images per iteration", low=1)
    lr: float = option(1e-3, "peak learning rate of Adam; linear warm-up, then a cosine to 0", above=0)
    warmup: int = option(200, "iterations of warm-up", low=0)
    clip_grad: float = option(1.0, "gradient norm limit, 0 for none", low=0)
    ema: float = option(
        0.999,
        "decay of the averaged weights, which are the ones kept; lower in the first iterations",
        low=0,
        high=0.99999,
    )
    label_dropout: float = option(
        0.1, "share of training images shown without their class, for classifier-free guidance", low=0, high=1
    )
    channels: str = option("32,64", "width at each resolution, the finest first")
    layers_per_block: int = option(1, "residual blocks at each resolution", low=1)
    attention: str = option("1", "resolutions with self-attention, 0 the finest; empty: none but the middle")
    dropout: float = option(0.0, "dropout in the residual blocks", low=0, high=0.9)
    prediction: str = option(
        "v", "what the network predicts: the noise, or v = √ᾱ ε − √(1−ᾱ) x0", choices=("epsilon", "v")
    )
    schedule: str = option("sd", "noise schedule", choices=("sd", "linear", "cosine"))
    precision: str = option(
        "fp32", "arithmetic of training (bf16: autocast); the weights are fp32", choices=("fp32", "bf16")
    )
    flip: bool = option(False, "mirror every other image by lot")
    seed: int = option(0, "decides initial weights, batches and noise", low=0)
    threads: int = option(1, "CPU threads; more round differently", low=1, high=1024)


# (up to so many pixels, its defaults). At 28 for a few thousand grey images and minutes of a GPU, 2.2 MB as bf16; at 32
# after the CIFAR-10 model of Ho et al. 2020. Untuned beyond 16 pixels.
SIZES: tuple[tuple[int, dict[str, Any]], ...] = (
    (16, {}),
    (
        28,
        {
            "steps": 6_000,
            "batch": 256,
            "warmup": 300,
            "channels": "32,64,64",
            "attention": "2",
            "dropout": 0.1,
        },
    ),
    (
        32,
        {
            "steps": 100_000,
            "batch": 128,
            "lr": 2e-4,
            "warmup": 5_000,
            "ema": 0.9999,
            "channels": "128,256,256,256",
            "layers_per_block": 2,
            "dropout": 0.1,
            "precision": "bf16",
        },
    ),
    (
        10**9,
        {
            "steps": 300_000,
            "batch": 256,
            "lr": 1e-4,
            "warmup": 5_000,
            "ema": 0.9999,
            "channels": "128,256,384,512",
            "layers_per_block": 2,
            "attention": "2,3",
            "dropout": 0.1,
            "precision": "bf16",
        },
    ),
)


def defaults_for(shape: tuple[int, int, int]) -> dict[str, Any]:
    """The defaults for images [C, H, W]: those of ``SIZES``, with as many levels as they can be halved to (28x28:
    three at most).
    """
    values = next(dict(values) for size, values in SIZES if max(shape[1:]) <= size)
    channels = values.get("channels", Training.channels).split(",")
    while len(channels) > 1 and any(side % 2 ** (len(channels) - 1) for side in shape[1:]):
        channels = channels[:-1]
    levels = values.get("attention", Training.attention).split(",")
    return values | {
        "channels": ",".join(channels),
        "attention": ",".join(level for level in levels if int(level) < len(channels)),
    }


def whole_numbers(key: str, text: str) -> list[int]:
    """The numbers of a key such as channels=32,64. Raises BadInput."""
    try:
        return [int(number) for number in text.split(",")] if text else []
    except ValueError:
        raise BadInput(key, text, "whole numbers with commas between, such as 32,64") from None
