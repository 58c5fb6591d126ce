"""Cross-entropy of the learner on the label the image was made for, in nats: what it gets wrong, and label noise."""

from torch import Tensor
from torch.nn.functional import cross_entropy


def score(logits: Tensor, labels: Tensor) -> Tensor:
    """−log p(label) [B] of logits [B, C]."""
    return cross_entropy(logits, labels, reduction="none")
