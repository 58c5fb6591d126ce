"""Learnability: the learner's loss minus that of a reference that knows the real images; higher: worth learning.

    S = CE(f(x), y) − CE(f_ref(x), y)

What is hard for both, label noise and overlap of classes, is worth nothing: the reference's loss estimates the part
that no data can remove.

reproduces: RHO-LOSS (Mindermann et al. 2022, arXiv 2206.07137), and the score of LGD (Chan-Santiago & Shah 2026, arXiv
2604.00519), which guides by it; published: the difference, with a model trained on held-out or all real data as
reference; ours: where the teacher's density is known its exact posterior stands for the reference (equal priors), and
the two losses weigh the same. LGD weighs the second; its weight was not to be found.
"""

from torch import Tensor
from torch.nn.functional import cross_entropy

NEEDS = ("reference",)


def score(logits: Tensor, labels: Tensor, *, reference: Tensor) -> Tensor:
    """Difference of losses [B], nats, of logits [B, C] and of the reference's log-probabilities [B, C]."""
    return cross_entropy(logits, labels, reduction="none") - cross_entropy(reference, labels, reduction="none")
