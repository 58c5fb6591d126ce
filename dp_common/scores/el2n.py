"""EL2N: length of the error vector (Paul et al. 2021, arXiv 2107.07075); higher: further from the label, more wanted.

    S = ‖p − onehot(y)‖₂        in [0, √2]: a bounded cousin of ``loss``

reproduces: the score; published: averaged over ten initial weights, early in training; ours: of the one learner as it
is, since candidates have no history.
"""

from torch import Tensor
from torch.nn.functional import one_hot

SMALLEST = 1e-12  # added under the root: the gradient of a length of exactly 0 is not a number


def score(logits: Tensor, labels: Tensor) -> Tensor:
    """‖p − onehot(label)‖ [B] of logits [B, C] and labels [B]."""
    error = logits.softmax(dim=1) - one_hot(labels, logits.shape[1])
    return (error.square().sum(dim=1) + SMALLEST).sqrt()
