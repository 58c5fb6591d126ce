"""k-centre: keep what is furthest, in feature space, from all that is there."""

import numpy as np

from dp_common.arrays import Labels, Scores

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
        nearest = np.full(len(features), np.inf)
        for start in range(0, len(present), 1024):
            nearest = np.minimum(nearest, squared_distances(features, present[start : start + 1024]).min(1))
        chosen = [] if len(present) else [int(np.argmax(scores))]
        for row in chosen:
            nearest = np.minimum(nearest, squared_distances(features, features[row : row + 1])[:, 0])
            nearest[row] = -1
        while len(chosen) < keep:
            row = int(np.argmax(nearest))
            nearest = np.minimum(nearest, squared_distances(features, features[row : row + 1])[:, 0])
            nearest[row] = -1  # taken
            chosen.append(row)
        return np.array(chosen)


def squared_distances(points: Features, others: Features) -> np.ndarray:
    """[n, m] of [n, D] and [m, D]."""
    products = points @ others.T
    return np.maximum((points**2).sum(1)[:, None] + (others**2).sum(1)[None] - 2 * products, 0.0)
