"""Repulsion: keep away, in feature space, from the set's own images of the class; higher: fewer are near.

    S = −1/n Σ_j exp(−‖φ − φ_j‖²/h),      h = m / log(n + 1)        in [−1, 0]

φ: what the learner's last linear layer sees; φ_j: the n images of the class in the present set (256 of them by lot
where there are more); m: the median of ‖φ_i − φ_j‖² between two of these. Its gradient is −(2/h)(1/n) Σ_j w_j (φ_j − φ)
with w_j the exponentials: away from each, by how near it is. Diversity alone: the control of what hardness adds.

reproduces: the repulsive term of particle guidance (Corso et al. 2024, arXiv 2310.13102), with its kernel and its
bandwidth m / log(n − 1); published: between the images of one batch, by x_t itself or features of DINO; ours: from a
memory, the present set, so that an image does not depend on its batch, features of the learner, n + 1, the mean.
"""

import torch
from torch import Tensor

NEEDS = ("features", "peers")


def score(logits: Tensor, labels: Tensor, *, features: Tensor, peers: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """−(mean kernel) [B] of features [B, D]; peers: (features [C, n, D], which are there [C, n], medians [C])."""
    others, there, medians = peers
    own, rows = there[labels], torch.arange(len(labels), device=labels.device)
    n = own.sum(dim=1)
    # ‖φ − φ_j‖² by one product with all classes: to gather those of each image takes ten times as long
    products = (features @ others.flatten(0, 1).T).view(len(labels), *there.shape)[rows, labels]
    lengths = others.square().sum(dim=2)[labels]
    distances = (features.square().sum(dim=1, keepdim=True) + lengths - 2 * products).clamp_min(0)
    kernels = (-distances / (medians[labels] / (n + 1).log().clamp_min(0.5))[:, None]).exp()
    return -(kernels * own).sum(dim=1) / n.clamp_min(1)
