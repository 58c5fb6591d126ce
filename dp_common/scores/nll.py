"""Minus the exact log-density of an image given its label, where the teacher's density is known; higher: rarer.

    S = −log p(x | y)          nats

The true counterpart of ``hardness``: it asks nothing of the learner, so that what it gains is gained by width alone.
Guidance by it with the rule ``score`` and weight ω aims at p^(1−ω): a temperature by another way.

reproduces: nothing that we know of; published: low-density sampling in feature space (Sehwag et al. 2022, arXiv
2203.17260); ours: the density itself.
"""

from torch import Tensor

NEEDS = ("density",)


def score(logits: Tensor, labels: Tensor, *, density: Tensor) -> Tensor:
    """The densities [B], nats, with their sign turned round."""
    return -density
