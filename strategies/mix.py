"""Real images beside generated ones: k of each class, the rest of the scale from the plain sampler.

reproduces: the mixed rows of Chamfer Guidance (Dall'Asen et al. 2025) in what is mixed; published: k of 2 to 32, the
generated images guided by exemplars; ours: plain ones, and every image drawn as often.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dp_common import BadInput, Budget, Lab, option


@dataclass
class Mix:
    """k real training images of each class beside generated ones, all before training"""

    real_per_class: int = option(10, "k, real images of each class; 0: none, which is static", low=0)

    def resolve_defaults(self, budget: Budget) -> None:
        """Nothing is filled in. Raises BadInput for more real images than the scale."""
        if self.real_per_class * budget.classes > budget.scale:
            most = f"at most scale / classes, {budget.scale // budget.classes}"
            raise BadInput("mix.real_per_class", self.real_per_class, most)

    def check_real(self, counts: Sequence[int]) -> None:
        """Raises BadInput for more real images of a class than there are."""
        if self.real_per_class > min(counts):
            most = f"at most {min(counts)}, the teacher's real training images of class {counts.index(min(counts))}"
            raise BadInput("mix.real_per_class", self.real_per_class, most)

    def planned_work(self, budget: Budget) -> dict[str, float]:
        """All but the real images are generated."""
        return {"generated": budget.scale - self.real_per_class * budget.classes}

    def run(self, lab: Lab) -> Iterator[str]:
        """Real ones, generated ones, then the whole budget."""
        if self.real_per_class:
            lab.real(self.real_per_class * lab.budget.classes, balance="class")
            yield "real"
        if lab.room:
            lab.generate(lab.room)
            yield "generated"
        while lab.learning:
            lab.train(lab.budget.seen // 50)
            yield "trained"
        lab.cooldown()
        yield "final"
