"""Keep those that score lowest: keep easy."""

from numpy import ndarray

from dp_common.arrays import Labels, Scores


class Bottom:
    """keep the lowest scores: what the learner finds easiest

    key = −score.   reproduces: "keep easy" of Sorscher et al. 2022 (arXiv 2206.14486) and of the paper's theory;
    published: better than "keep hard" where data is scarce; ours: the score is that of the learner in training.
    """

    def keys(self, scores: Scores, labels: Labels, uniforms: ndarray) -> ndarray:
        """The scores, their order turned round."""
        return -scores
