"""Entropy of the learner's predicted class distribution, in nats (the paper's H).

    S = −Σ_c p_c log p_c        in [0, log C]

reproduces: the score of Askari-Hemmat et al. 2025 (arXiv 2502.15588), for guidance and for pruning.
"""

from torch import Tensor


def score(logits: Tensor, labels: Tensor) -> Tensor:
    """H [B] of logits [B, C]."""
    log_p = logits.log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1)
