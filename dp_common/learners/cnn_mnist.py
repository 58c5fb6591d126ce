"""A convolutional learner of 28-pixel digits: it halves them at once, which makes it five times cheaper than
``cnn-digits`` there.

Normalised by groups of channels, each image by itself: parts of a batch and ranks change nothing but rounding.
"""

from torch.nn import Conv2d, Flatten, GroupNorm, Linear, Module, Sequential, SiLU


def cnn_mnist(classes: int, shape: tuple[int, int, int], width: int = 16) -> Module:
    """CNN of four 3x3 convolutions, two of them strided, 0.09 M parameters, for 28x28 images"""
    channels, height, across = shape
    wide, layers = 4 * width, list[Module]()
    for inside, outside, stride in ((channels, width, 2), (width, 2 * width, 1), (2 * width, wide, 2), (wide, wide, 1)):
        layers += [Conv2d(inside, outside, 3, stride, 1, bias=False), GroupNorm(8, outside), SiLU()]
    features = wide * -(-height // 4) * -(-across // 4)
    return Sequential(*layers, Flatten(), Linear(features, classes))
