"""A selection rule of a third party."""

from dataclasses import dataclass

import numpy as np

from dp_common import option


@dataclass
class Band:
    """keep the highest scores under the hardest share, which is dropped"""

    cut: float = option(0.1, "share that is dropped", low=0, high=0.9)

    def choose(self, scores, labels, uniforms, keep):
        order = np.argsort(-scores, kind="stable")
        first = min(int(self.cut * len(scores)), len(scores) - keep)
        return order[first : first + keep]
