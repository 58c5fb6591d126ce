"""The ceiling: training on the teacher's own real images."""

from dataclasses import dataclass


@dataclass
class Real:
    """the teacher's own real training images, at most all of them: the ceiling"""

    def planned_work(self, budget):
        return {"generated": 0}

    def run(self, lab):
        lab.real(min(lab.budget.scale, lab.real_images))
        yield "loaded"
        while lab.learning:
            lab.train(lab.budget.seen // 50)
            yield "trained"
        lab.cooldown()
        yield "final"
