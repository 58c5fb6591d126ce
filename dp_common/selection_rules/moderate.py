"""Moderate: keep those nearest to the median score, neither easy nor hard."""

import numpy as np

from dp_common.arrays import Labels, Scores


class Moderate:
    """keep the scores nearest to the median: neither easy nor hard

    The ``keep`` smallest |score − median of the group|, ties to the lower index.
    reproduces: Xia et al. 2023 (Moderate coreset, ICLR); published: nearest to the median *distance to the class's
    centre in feature space*; ours: the score in the place of that distance.
    """

    def choose(self, scores: Scores, labels: Labels, uniforms: np.ndarray, keep: int) -> np.ndarray:
        """The rows that are kept."""
        scores = np.asarray(scores, np.float64)
        return np.argsort(np.abs(scores - np.median(scores)), kind="stable")[:keep]
