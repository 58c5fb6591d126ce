"""Keep by lot, and by another lot each time: replay."""

from dataclasses import dataclass

import numpy as np

from dp_common import option
from dp_common.arrays import Labels, Scores
from dp_common.seeds import uniforms as hashed


@dataclass
class Lot:
    """keep any, by a lot that is drawn anew at each turn: replay

    key = a uniform of (turn, the index's own uniform). ``score=random`` with ``top`` draws the same lot each time, so
    that what stayed once would stay again.
    reproduces: random replay of continual learning; ours: as a way to hold a set at constant size.
    """

    turn: int = option(0, "which of the lots", low=0)

    def keys(self, scores: Scores, labels: Labels, uniforms: np.ndarray) -> np.ndarray:
        """Uniforms of this turn."""
        return hashed(self.turn, "lot", (np.asarray(uniforms) * 2.0**53).astype(np.uint64))
