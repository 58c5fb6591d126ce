"""Small tensors for rules of guidance."""

import torch


def batch(n=4, seed=0):
    """Four of [n, 1, 2, 2]: x, x̂0, ε and a gradient."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 1, 2, 2, generator=generator) for _ in range(4)]
