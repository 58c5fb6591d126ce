"""BALD: mutual information of the class and the model, by how several answers differ; higher: they disagree more.

    S = H(p̄) − mean_k H(p_k),      p̄ = mean_k p_k

Entropy is this part, which data can remove, plus the mean entropy of each answer, which it cannot. ``heads.source``
says whose answers.

reproduces: Houlsby et al. 2011 (arXiv 1112.5745), Gal et al. 2017 (arXiv 1703.02910); published: the score, over
Bayesian or dropout samples, to choose what is labelled; ours: over snapshots or epistemic heads, and to guide by it.
"""

from torch import Tensor

from dp_common.scores.entropy import score as entropy

NEEDS = ("heads",)


def score(logits: Tensor, labels: Tensor, *, heads: Tensor) -> Tensor:
    """H(p̄) − mean H(p_k) [B], nats, of heads [B, K, C]."""
    log_mean = heads.log_softmax(dim=2).exp().mean(dim=1).clamp_min(1e-12).log()
    each = entropy(heads.flatten(0, 1), labels).view(heads.shape[:2])
    return entropy(log_mean, labels) - each.mean(dim=1)
