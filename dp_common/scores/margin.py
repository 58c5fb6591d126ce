"""Minus the gap between the two highest class probabilities: 0 on the decision boundary, -1 where it is sure.

    S = p_(2) − p_(1)        in [−1, 0]

reproduces: the margin of active learning (Scheffer et al. 2001); ours: to guide and to prune with it.
"""

from torch import Tensor


def score(logits: Tensor, labels: Tensor) -> Tensor:
    """The second highest probability minus the highest, [B], of logits [B, C]."""
    top = logits.softmax(dim=1).topk(2, dim=1).values
    return top[:, 1] - top[:, 0]
