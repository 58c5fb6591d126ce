"""The ceiling: training on the teacher's own real images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dp_common import BadInput, Budget, Lab


@dataclass
class Real:
    """the teacher's own real training images, at most all of them: the ceiling"""

    def check_real(self, counts: Sequence[int]) -> None:
        """Raises BadInput where there are none."""
        if not sum(counts):
            raise BadInput("strategy", "real", "trains on real images, and the task has none to train on")

    def planned_work(self, budget: Budget) -> dict[str, float]:
        """Nothing is made."""
        return {"generated": 0}

    def run(self, lab: Lab) -> Iterator[str]:
        """All real images, then the whole budget."""
        lab.real(min(lab.budget.scale, lab.real_images))
        yield "loaded"
        while lab.learning:
            lab.train(lab.budget.seen // 50)
            yield "trained"
        lab.cooldown()
        yield "final"
