"""Static generation: everything at once, then train."""

from dataclasses import dataclass


@dataclass
class Static:
    """all images before training, from the plain sampler: the baseline"""

    def run(self, lab):
        lab.generate(lab.budget.scale)
        yield "generated"
        while lab.learning:
            lab.train(lab.budget.seen // 50)
            yield "trained"
        lab.cooldown()
        yield "final"
