"""Strategies that each break one rule of the contract, for the kit to find."""

import inspect
import random


class Short:
    """never cools down"""

    def run(self, lab):
        lab.generate(lab.budget.scale)
        lab.train(lab.budget.seen // 10)
        yield "done"


class Untrained:
    """ends when its images are there"""

    def run(self, lab):
        lab.generate(lab.budget.scale)
        yield "done"


class Chance:
    """draws from a generator that is not the lab's"""

    def run(self, lab):
        lab.generate(lab.budget.scale)
        yield "generated"
        while lab.learning:
            lab.train(random.randrange(64, 512))
            yield "trained"
        lab.cooldown()
        yield "final"


class Greedy:
    """asks for more than there is room"""

    def run(self, lab):
        lab.generate(lab.budget.scale + 1)
        yield "generated"
        lab.cooldown()
        yield "final"


class Peeking:
    """reads the test set from outside the lab"""

    def run(self, lab):
        frame = inspect.currentframe()
        while "task" not in frame.f_locals:
            frame = frame.f_back
        lab.generate(lab.budget.scale - int(frame.f_locals["task"].test.labels[0]))
        yield "generated"
        lab.train(lab.budget.seen // 5)
        yield "trained"
        lab.cooldown()
        yield "final"


class Seedless:
    """makes the same data whatever the seed"""

    def run(self, lab):
        lab._run.models.sampler.spec.seed = 0
        lab.generate(lab.budget.scale)
        yield "generated"
        while lab.learning:
            lab.train(lab.budget.seen // 5)
            yield "trained"
        lab.cooldown()
        yield "final"
