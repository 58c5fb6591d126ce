"""Hardness: how unlikely an image's features are among those of its class in the present set; higher: rarer.

    S = ½ (φ − μ_y)ᵀ Σ⁻¹ (φ − μ_y) + ½ log det Σ          −log N(φ; μ_y, Σ), but for a constant

φ: what the learner's last linear layer sees; μ_y: its mean over the present set's images of class y; Σ: one
covariance within classes, shrunk by a tenth of its mean variance.

reproduces: Sehwag et al. 2022 (low-density sampling, arXiv 2203.17260), and a criterion of arXiv 2310.00158;
published: a Gaussian per class in feature space; ours: the present set, one shrunk covariance for all classes.
``nll`` is the same of the images themselves, where their density is known.
"""

from torch import Tensor

NEEDS = ("features", "moments")


def score(logits: Tensor, labels: Tensor, *, features: Tensor, moments: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """−log N [B] of features [B, D], nats, without the constant; moments: (means [C, D], precision, log det Σ)."""
    means, precision, log_det = moments
    away = features - means[labels]
    return ((away @ precision) * away).sum(dim=1) / 2 + log_det / 2
