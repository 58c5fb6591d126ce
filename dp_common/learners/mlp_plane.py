"""A multi-layer perceptron for images so small that neither patches nor convolutions say anything."""

from itertools import pairwise
from math import prod

from torch import Tensor
from torch.nn import Flatten, Linear, Module, Sequential, SiLU


class MlpPlane(Module):
    """MLP of two hidden layers of 64, 5 k parameters, for points of a plane or images of a few pixels

    SiLU units on the flattened image: smooth, so that its entropy has a gradient everywhere.

    Args:
        classes: logits of an image.
        shape: (channels, height, width) of the images.
        width: units of a hidden layer.
        depth: hidden layers.
    """

    def __init__(self, classes: int, shape: tuple[int, int, int], width: int = 64, depth: int = 2) -> None:
        super().__init__()
        sizes = [prod(shape), *[width] * depth]
        hidden = [layer for a, b in pairwise(sizes) for layer in (Linear(a, b), SiLU())]
        self.layers = Sequential(Flatten(), *hidden, Linear(sizes[-1], classes))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [B, classes] of images [B, *shape]."""
        return self.layers(images)
