"""Keep the newest: a sliding window."""

import numpy as np

from dp_common.arrays import Labels, Scores


class Newest:
    """keep the images that were made last, whatever they score: a sliding window

    The ``keep`` last candidates, which come in order of index.
    reproduces: the window of continual learning; ours: as a way to hold a set at constant size.
    """

    def choose(self, scores: Scores, labels: Labels, uniforms: np.ndarray, keep: int) -> np.ndarray:
        """The last rows."""
        return np.arange(len(scores) - keep, len(scores))
