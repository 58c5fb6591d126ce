"""Variance of several answers' probabilities, summed over classes; higher: they disagree more.

    S = Σ_c Var_k p_kc          in [0, 1]: bounded and smooth

reproduces: nothing exactly; published: LTG (arXiv 2502.01980) guides by the variance of epistemic heads at every step,
by one forward pass; its equations, number of heads and weight were not to be found, so that this sum, and the heads
of ``heads.source=epistemic``, are ours.
"""

from torch import Tensor

NEEDS = ("heads",)


def score(logits: Tensor, labels: Tensor, *, heads: Tensor) -> Tensor:
    """Σ_c Var_k [B] of heads [B, K, C]; the variance divides by K."""
    return heads.softmax(dim=2).var(dim=1, unbiased=False).sum(dim=1)
