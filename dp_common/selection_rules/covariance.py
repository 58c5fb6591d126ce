"""Covariance matching: keep what spreads, in feature space, as the real images of the class do."""

from dataclasses import dataclass

import numpy as np

from dp_common import BadInput, option
from dp_common.arrays import Labels, Scores
from dp_common.selection_rules._greedy import greedy

Features = np.ndarray  # float32 [n, D], what the learner's last linear layer sees


@dataclass
class Covariance:
    """match the covariance of k real images a class in feature space; whatever the scores; sees real images: I2

    1. PCA on the features of the class's real images, d of its directions; C: their covariance there.
    2. S = ∅; ``keep`` times: add the candidate x that makes ‖cov(S ∪ x) − C‖_F smallest. With n = |S| + 1, the mean m
       of S and v = x − m:

           cov(S ∪ x) = (|S|/n) cov(S) + (|S|/n²) v vᵀ

    reproduces: Rezaei et al. 2026 (arXiv 2510.08123); published: the greedy algorithm, d = 32, on features of CLIP;
    their theory: a shift of the covariance matters, one of the mean does not; ours: features of the present learner,
    and a first image that is nearest to the real mean, where all are equal.
    """

    NEEDS = ("features", "real")
    real_per_class: int = option(32, "k, real images of each class that are matched", low=2)
    dimensions: int = option(16, "d, directions of the real images that are looked at; at most k - 1", low=1)

    def __post_init__(self) -> None:
        if self.dimensions >= self.real_per_class:
            most = f"at most real_per_class - 1, {self.real_per_class - 1}: so many directions k images have"
            raise BadInput("dimensions", self.dimensions, most)

    def choose(
        self,
        scores: Scores,
        labels: Labels,
        uniforms: np.ndarray,
        keep: int,
        *,
        features: Features,
        real: Features,
    ) -> np.ndarray:
        """The rows that are kept."""
        centred = real.astype(np.float64) - real.mean(0)
        directions = np.linalg.svd(centred, full_matrices=False)[2][: self.dimensions].T
        points, target = (features - real.mean(0)) @ directions, np.cov((centred @ directions).T, bias=True)
        target = np.atleast_2d(target)
        mean, spread = np.zeros(len(target)), np.zeros_like(target)

        def costs(size: int) -> np.ndarray:
            away = points - mean
            squares = (away**2).sum(1)
            if not size:
                return squares
            rest, weight = size / (size + 1) * spread - target, size / (size + 1) ** 2
            # ‖rest + weight v vᵀ‖² without what is the same for all
            return 2 * weight * ((away @ rest) * away).sum(1) + (weight * squares) ** 2

        def take(row: int, size: int) -> None:
            v = points[row] - mean
            spread[:] = size / (size + 1) * spread + size / (size + 1) ** 2 * np.outer(v, v)
            mean[:] = mean + v / (size + 1)

        return greedy(len(points), keep, costs, take)
