"""Keep those that score highest: generate, then prune."""

from numpy import ndarray

from dp_common.arrays import Labels, Scores


class Top:
    """keep the highest scores: what the learner finds hardest

    key = score.   reproduces: the pruning that Askari-Hemmat et al. 2025 (arXiv 2502.15588) compare with; published:
    the rule; ours: equal shares of classes, ties to the lower index.
    """

    def keys(self, scores: Scores, labels: Labels, uniforms: ndarray) -> ndarray:
        """The scores themselves."""
        return scores
