"""A fresh learner on deliberate practice's final set: what the images are worth without the path.

The loop of dp runs until its set is complete, image for image that of dp at equal seed and keys. Then a learner with
the seed's own initial weights trains on that set for the whole budget, as ``static`` does on its own.

reproduces: nothing that we know of; ours: the arm. Both learners are paid for. For the final set of a run that is
there already: export it, and train on it by ``teacher=images strategy=static``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dp_common import Budget, Lab
from dp_common.lab.patience import planned_training
from strategies.dp import DeliberatePractice


@dataclass
class Fresh(DeliberatePractice):
    """dp until its set is complete, then a fresh learner on that set: the images without the path"""

    section: ClassVar[str] = "fresh"

    def planned_work(self, budget: Budget) -> dict[str, float]:
        """Two learners are trained; the first at most until its last addition would come by even spacing."""
        first = budget.stable / budget.seen * self.additions / (self.additions + 1)
        return super().planned_work(budget) | planned_training(self.interval, budget, first)

    def run(self, lab: Lab) -> Iterator[str]:
        """dp's loop, then static's."""
        for word in super().run(lab):
            yield word
            if not lab.room or not lab.learning:
                break
        lab.restart()
        yield "fresh learner"
        while lab.learning:
            lab.train(self.interval)
            yield "trained"
        lab.cooldown()
        yield "final"
