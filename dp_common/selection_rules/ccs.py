"""Coverage-centric selection: drop the hardest, then keep as evenly as can be over the range of scores."""

from dataclasses import dataclass

import numpy as np

from dp_common import option
from dp_common.arrays import Labels, Scores


@dataclass
class Ccs:
    """coverage-centric: cut the hardest, then keep evenly over strata of the score

    1. Hard cut: of M candidates the β·M with the highest scores are dropped, as far as ``keep`` remain.
    2. The range of the others is cut into strata of equal width.
    3. Budgets: strata by size, the smallest first; each gets min(size, remaining budget / remaining strata).
    4. Within a stratum, at random: the largest uniforms.

    β = 0 with one stratum is random selection.
    reproduces: Zheng et al. 2023 (arXiv 2210.15809); published: the four steps, 50 strata, β of .2 at 80 % pruned and
    .3 at 90 %; ours: the present learner's score, where theirs is accumulated over a training.
    """

    cut: float = option(0.2, "beta, share of the candidates with the highest scores that is dropped", low=0, high=0.99)
    strata: int = option(50, "parts of equal width that the range of scores is cut into", low=1)

    def choose(self, scores: Scores, labels: Labels, uniforms: np.ndarray, keep: int) -> np.ndarray:
        """The rows that are kept."""
        scores = np.asarray(scores, np.float64)
        remaining = max(keep, len(scores) - int(self.cut * len(scores)))
        left = np.sort(np.lexsort((np.arange(len(scores)), scores))[:remaining])
        low, high = scores[left].min(), scores[left].max()
        stratum = np.minimum((scores[left] - low) / ((high - low) or 1.0) * self.strata, self.strata - 1).astype(int)
        sizes = np.bincount(stratum, minlength=self.strata)
        kept = []
        for number, budget in enumerate(water_filling(sizes, keep)):
            members = left[stratum == number]
            kept.append(members[np.argsort(-uniforms[members], kind="stable")[:budget]])
        return np.concatenate(kept)


def water_filling(sizes: np.ndarray, budget: int) -> np.ndarray:
    """Shares of a budget, as even as the sizes allow: [k] integers, each at most its size, their sum the budget."""
    shares, order = np.zeros(len(sizes), int), np.argsort(sizes, kind="stable")
    for done, number in enumerate(order):
        shares[number] = min(int(sizes[number]), budget // (len(order) - done))
        budget -= shares[number]
    return shares
