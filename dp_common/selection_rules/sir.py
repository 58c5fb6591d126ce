"""Sampling importance resampling: draw from guidance's own target Q ∝ exp(ωH)·P, instead of taking the top."""

from dataclasses import dataclass

import numpy as np

from dp_common import option
from dp_common.arrays import Labels, Scores

LEAST = 50  # effective candidates of a group, below which what is kept is not called a sample of Q


@dataclass
class Sir:
    """sample the target exp(omega score) P of guidance from the pool: random at omega=0, the top at a large omega

        key_i = ω H_i + g_i,     g_i = −log(−log u_i)     the Gumbel-top-k trick

    The ``keep`` largest keys are a sample without replacement with weights w ∝ exp(ωH) (Kool et al. 2019, arXiv
    1903.06059; resampling: Rubin 1987). Of each group ESS = (Σw)²/Σw² is measured. Below 50, or below the number kept,
    the sample is not one of Q, and the run says so.
    reproduces: nothing that we know of; published: the trick and ESS; ours: as an arm beside guidance. Its ω is that of
    guidance with dp.rule=score alone.
    """

    omega: float = option(3.0, "weight of the score, in its own unit; 0: random, large: top, below 0: towards easy")

    def keys(self, scores: Scores, labels: Labels, uniforms: np.ndarray) -> np.ndarray:
        """ω H plus each index's own Gumbel."""
        gumbel = -np.log(-np.log(np.maximum(uniforms, 2.0**-54)))
        return self.omega * np.asarray(scores, np.float64) + gumbel

    def measure(self, scores: Scores, groups: np.ndarray, keep: int) -> tuple[dict[str, float], str]:
        """ESS of each group; a note where what is kept cannot be called a sample of Q."""
        ess = {int(group): effective(self.omega * scores[groups == group]) for group in np.unique(groups)}
        least, share = min(ess, key=lambda group: ess[group]), keep / len(ess)
        found = {"ess": ess[least]} | {f"ess.{group}": value for group, value in ess.items()}
        if ess[least] >= max(LEAST, share):
            return found, ""
        short = sum(value < max(LEAST, share) for value in ess.values())
        return found, (
            f"sir: not a sample of Q in {short} of {len(ess)} groups: {ess[least]:.0f} effective candidates at least, "
            f"where {max(LEAST, share):.0f} are needed: a larger pool, or a smaller omega"
        )


def effective(log_weights: np.ndarray) -> float:
    """(Σw)²/Σw² of weights given by their logarithms, [n] -> at most n."""
    weights = np.exp(np.asarray(log_weights, np.float64) - np.max(log_weights))
    return float(weights.sum() ** 2 / (weights**2).sum())
