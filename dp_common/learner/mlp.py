"""A multi-layer perceptron as a timm model, ``mlp_flat``: for images so small that neither patches nor convolutions say anything.

Importing this module registers it; ``learners.yaml`` names what is built from it.
"""

from math import prod

import torch
from timm.models import register_model


class Mlp(torch.nn.Module):
    """``depth`` hidden layers of ``width`` SiLU units on the flattened image; smooth, so that its entropy has a gradient everywhere."""

    def __init__(self, inputs, classes, width, depth):
        super().__init__()
        sizes = [inputs, *[width] * depth]
        hidden = [layer for a, b in zip(sizes, sizes[1:]) for layer in (torch.nn.Linear(a, b), torch.nn.SiLU())]
        self.layers, self.num_classes = (
            torch.nn.Sequential(torch.nn.Flatten(), *hidden, torch.nn.Linear(sizes[-1], classes)),
            classes,
        )

    def forward(self, images):
        return self.layers(images)


@register_model
def mlp_flat(
    pretrained=False,
    pretrained_cfg=None,
    pretrained_cfg_overlay=None,
    cache_dir=None,
    *,
    num_classes=1000,
    in_chans=3,
    img_size=(32, 32),
    width=64,
    depth=2,
):
    """Raises ValueError where pretrained weights are asked for: there are none. (The next three arguments timm gives to every model.)"""
    if pretrained:
        raise ValueError("mlp_flat has no pretrained weights")
    return Mlp(in_chans * prod(img_size), num_classes, width, depth)
