"""k-centre: keep what is furthest, in feature space, from all that is there."""

import numpy as np

from dp_common.arrays import Labels, Scores
from dp_common.selection_rules._greedy import greedy

Features = np.ndarray  # float32 [n, D], what the learner's last linear layer sees


class KCentre:
    """keep what is furthest from the set and from what is kept, in the learner's features, whatever the scores

    ``keep`` times: add the candidate whose nearest neighbour, in the present set and among those kept, is furthest.
    Where the set has none of the class, the first is the one that scores highest. Ties go to the lower index.
    reproduces: Sener & Savarese 2018 (arXiv 1708.00489); published: the greedy algorithm, for active learning; ours:
    on a pool of generated images, within a class.
    """

    NEEDS = ("features", "present")

    def choose(
        self,
        scores: Scores,
        labels: Labels,
        uniforms: np.ndarray,
        keep: int,
        *,
        features: Features,
        present: Features,
    ) -> np.ndarray:
        """The rows that are kept."""
        lengths = (features**2).sum(1)
        nearest = np.full(len(features), np.inf)
        for start in range(0, len(present), 1024):
            distances = squared_distances(features, lengths, present[start : start + 1024])
            np.minimum(nearest, distances.min(1), out=nearest)

        def costs(size: int) -> np.ndarray:
            return -nearest if size or len(present) else -np.asarray(scores, np.float64)

        def take(row: int, size: int) -> None:
            np.minimum(nearest, squared_distances(features, lengths, features[row : row + 1])[:, 0], out=nearest)

        return greedy(len(features), keep, costs, take)


def squared_distances(points: Features, lengths: np.ndarray, others: Features) -> np.ndarray:
    """[n, m] of [n, D], their squared lengths [n], and [m, D]."""
    return np.maximum(lengths[:, None] + (others**2).sum(1)[None] - 2 * (points @ others.T), 0.0)
