"""A multi-layer perceptron as a timm model, ``mlp_flat``: for images so small that neither patches nor convolutions
say anything.

Importing this module registers it; ``learners.yaml`` names what is built from it.
"""

from math import prod
from typing import Any

import torch
from timm.models import register_model


class Mlp(torch.nn.Module):
    """``depth`` hidden layers of ``width`` SiLU units on the flattened image.

    SiLU is smooth, so that the entropy has a gradient everywhere.
    """

    def __init__(self, inputs: int, classes: int, width: int, depth: int) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth]
        hidden = [layer for a, b in zip(sizes, sizes[1:]) for layer in (torch.nn.Linear(a, b), torch.nn.SiLU())]
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), *hidden, torch.nn.Linear(sizes[-1], classes))
        self.num_classes = classes

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits [B, classes] of images [B, C, H, W]."""
        return self.layers(images)


@register_model
def mlp_flat(
    pretrained: bool = False,
    pretrained_cfg: Any = None,
    pretrained_cfg_overlay: Any = None,
    cache_dir: Any = None,
    *,
    num_classes: int = 1000,
    in_chans: int = 3,
    img_size: tuple[int, int] = (32, 32),
    width: int = 64,
    depth: int = 2,
) -> Mlp:
    """The network for images of ``in_chans`` × ``img_size``. The first four arguments timm gives to every model.

    Raises:
        ValueError: Pretrained weights are asked for: there are none.
    """
    if pretrained:
        raise ValueError("mlp_flat has no pretrained weights")
    return Mlp(in_chans * prod(img_size), num_classes, width, depth)
