"""Cross-entropy of the learner on the label the image was made for, in nats: what it gets wrong, and label noise.

    S = −log p_y

reproduces: a criterion of arXiv 2310.00158, the paper's predecessor, which guides by it; ours: to prune with it.
"""

from torch import Tensor
from torch.nn.functional import cross_entropy


def score(logits: Tensor, labels: Tensor) -> Tensor:
    """−log p(label) [B] of logits [B, C]."""
    return cross_entropy(logits, labels, reduction="none")
