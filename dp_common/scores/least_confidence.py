"""Least confidence: one minus the highest class probability (Lewis & Gale 1994); higher: less sure, more wanted.

    S = 1 − max_c p_c        in [0, 1 − 1/C]

reproduces: the score as published for active learning; ours: to guide and to prune with it.
"""

from torch import Tensor


def score(logits: Tensor, labels: Tensor) -> Tensor:
    """1 − max p [B] of logits [B, C]."""
    return 1 - logits.softmax(dim=1).amax(dim=1)
