"""Entropy of the learner's predicted class distribution, in nats (the paper's H)."""

from torch import Tensor


def score(logits: Tensor, labels: Tensor) -> Tensor:
    """H [B] of logits [B, C]."""
    log_p = logits.log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1)
