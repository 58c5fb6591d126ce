"""A third party's strategy: the smallest that does something."""


class Idea:
    """half at once, half after half of the budget"""

    def run(self, lab):
        lab.generate(lab.budget.scale - lab.budget.scale // 2)
        yield "first half"
        while lab.learning:
            lab.train(lab.budget.seen // 10)
            yield "trained"
            if lab.room and 2 * lab.seen >= lab.budget.seen:
                lab.generate(lab.room)
                yield "second half"
        lab.cooldown()
        yield "final"
