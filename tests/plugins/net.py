"""Learners of a third party: one that keeps the contract, and some that each break one rule of it."""

import torch


class Net(torch.nn.Module):
    """one hidden layer on the flattened image"""

    def __init__(self, classes, shape, width=16, depth=1):
        super().__init__()
        sizes = [shape[0] * shape[1] * shape[2], *[width] * depth]
        hidden = [layer for a, b in zip(sizes, sizes[1:]) for layer in (torch.nn.Linear(a, b), torch.nn.Tanh())]
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), *hidden, torch.nn.Linear(sizes[-1], classes))

    def forward(self, images):
        return self.layers(images)


def as_function(classes, shape, width=16):
    """Net again, made by a function"""
    return Net(classes, shape, width=width)


class Flat(Net):
    """forgets the batch"""

    def forward(self, images):
        return super().forward(images).mean(0)


class Coupled(Net):
    """looks at its batch"""

    def forward(self, images):
        return super().forward(images - images.mean(0))


class Rounded(Net):
    """cuts the gradient"""

    def forward(self, images):
        return super().forward(images.round())


class Unseeded(Net):
    """draws weights that do not follow from torch's seed"""

    def __init__(self, classes, shape):
        super().__init__(classes, shape)
        import os

        torch.nn.init.constant_(self.layers[-1].weight, int.from_bytes(os.urandom(2), "little") / 2**16)


class Forgetful(Net):
    """keeps a part of itself out of its state"""

    def __init__(self, classes, shape):
        super().__init__(classes, shape)
        self.scale = torch.rand(classes)

    def forward(self, images):
        return super().forward(images) * self.scale


class Asleep(Net):
    """has weights that no training moves"""

    def __init__(self, classes, shape):
        super().__init__(classes, shape)
        self.requires_grad_(False)
        self.bias = torch.nn.Parameter(torch.zeros(classes))

    def forward(self, images):
        return super().forward(images) + 0 * self.bias


class Nothing:
    """makes no network"""

    def __init__(self, classes, shape):
        pass
