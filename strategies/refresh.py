"""Refresh: a set of constant size, in which images that were guided to be hard take the place of others.

Is the value of deliberate practice in the hard images that are there at the end, or in the path? Its set never loses
an image; this one has ``scale`` images throughout, and at each plateau P leave and P guided ones come:

    drop=oldest     a sliding window                  (rule newest)
    drop=easiest    the lowest scores by the learner  (rule top)
    drop=random     replay: any may leave             (rule lot)

reproduces: nothing exactly; published: replay and windows of continual learning, "keep hard" of data pruning; ours: as
arms beside dp. It makes scale + rounds · P images where dp makes scale: compare at images made, or hours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from dp_common import BadInput, Budget, Lab, option
from dp_common.lab.patience import check_schedule, interval_of, planned_training
from strategies.dp import DeliberatePractice


@dataclass
class Refresh(DeliberatePractice):
    """constant size: at plateaus the oldest, the easiest or any images give way to as many guided ones"""

    drop: str = option("easiest", "which images give way", choices=("oldest", "easiest", "random"))
    section: ClassVar[str] = "refresh"

    def resolve_defaults(self, budget: Budget) -> None:
        """P and τ where none are given. Raises BadInput for a set that is not constant, or a schedule too short."""
        if self.initial not in (0, budget.scale):
            raise BadInput("refresh.initial", self.initial, f"0 or scale, {budget.scale}: the size is constant")
        self.initial, self.interval = budget.scale, self.interval or interval_of(budget.seen)
        self.per_round = self.per_round or max(1, budget.scale // (self.rounds + 1))
        if self.per_round >= budget.scale:
            raise BadInput("refresh.per_round", self.per_round, f"below scale, {budget.scale}")
        if self.at and self.rounds > 1:
            raise BadInput("refresh.at", self.at, f"0 with {self.rounds} rounds")
        self.additions = self.rounds
        check_schedule("refresh", self, [budget.scale] * self.rounds, budget)

    def planned_work(self, budget: Budget) -> dict[str, float]:
        """What comes in is guided; with drop=easiest what is there is scored."""
        guided, scored = self.rounds * self.per_round, self.rounds * budget.scale * (self.drop == "easiest")
        images = {"generated": budget.scale, "guided": guided} if self.omega else {"generated": budget.scale + guided}
        work = {"scored": scored, "gradients_per_image": 1 / self.every}
        return images | work | planned_training(self.interval, budget)

    def wants(self, lab: Lab, made: int) -> bool:
        """As many exchanges as rounds."""
        return made < self.rounds

    def practise(self, lab: Lab, number: int) -> Iterator[str]:
        """P images leave, and P guided ones come."""
        lab.select(0, lab.size - self.per_round, replace=True, **self.kept(number + 1))
        yield "dropped"
        self.add(lab, self.per_round, number)
        yield "practised"

    def kept(self, turn: int) -> dict[str, Any]:
        """What stays, as arguments of ``select``."""
        if self.drop == "easiest":
            return {"score": self.score}
        if self.drop == "oldest":
            return {"score": "random", "rule": "newest"}
        return {"score": "random", "rule": "lot", "parameters": {"turn": turn}}
