"""Static generation: everything at once, then train.

reproduces: the paper's first baseline, and that of all papers compared here; ours: the budget, equal at every scale.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dp_common import Lab


@dataclass
class Static:
    """all images before training, from the plain sampler: the baseline"""

    def run(self, lab: Lab) -> Iterator[str]:
        """The scale at once, then the whole budget."""
        lab.generate(lab.budget.scale)
        yield "generated"
        while lab.learning:
            lab.train(lab.budget.seen // 50)
            yield "trained"
        lab.cooldown()
        yield "final"
