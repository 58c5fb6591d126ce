"""Deliberate Practice (Askari-Hemmat et al., ICML 2025, arXiv 2502.15588).

Train until held-out accuracy stalls; steer the sampler up the gradient of the learner's own entropy; add; go on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from dp_common import BadInput, Budget, Guidance, Lab, option
from dp_common.diffusion.guidance import THROUGH
from dp_common.lab.patience import Additions, check_schedule, interval_of, planned_training

FEEDBACK = ("current", "first")


@dataclass
class DeliberatePractice:
    """train to a plateau, add images guided to what the learner finds hard, go on; omega=0 is the growing control"""

    score: str = option("entropy", "score whose gradient guides", plugin="score", guides=True)
    omega: float = option(0.05, "guidance weight; 0: grow without guidance; below 0: towards easy images")
    rule: str = option("relative", "how the gradient moves a step", plugin="guidance rule")
    through: str = option("denoiser", "what is differentiated: decoder and network, or decoder alone", choices=THROUGH)
    every: int = option(5, "guide one step in this many", low=1, at_most="sampler.steps")
    rounds: int = option(3, "K, plateaus at which images are added, where N or P follow from it", low=1)
    initial: int = option(0, "N, images before training; 0: scale / (K + 1)", low=0)
    per_round: int = option(0, "P, images added at a plateau; 0: (scale - N) / K", low=0)
    interval: int = option(0, "tau, images seen between evaluations on monitor; 0: seen / 100", low=0)
    patience: int = option(3, "T_0, evaluations without a new best that make a plateau", low=1)
    patience_growth: float = option(1.0, "gamma: patience grows as (set / initial set)^gamma; 0: fixed", low=0)
    schedule: str = option("patience", "add at plateaus, or at even spacing", choices=("patience", "even"))
    deadline: str = option("even", "a plateau is waited for up to even spacing, or for ever", choices=("even", "none"))
    at: float = option(0.0, "with one round: share of the budget at which it comes; 0: by schedule", low=0, high=0.8)
    feedback: str = option("current", "the learner that guides: now, or at the first plateau", choices=FEEDBACK)
    new_weight: float = option(1.0, "how many times as often an image of the newest addition is drawn", above=0)
    anneal: float = option(1.0, "omega is multiplied by it from each addition to the next; 1: stays", above=0)
    section: ClassVar[str] = "dp"  # of its keys; its variants have their own

    def resolve_defaults(self, budget: Budget) -> None:
        """N, P and τ where none are given. Raises BadInput for plateaus that cannot come in time."""
        self.initial = self.initial or max(1, budget.scale // (self.rounds + 1))
        if self.initial > budget.scale:
            raise BadInput(f"{self.section}.initial", self.initial, f"at most scale, {budget.scale}")
        self.per_round = self.per_round or max(1, -(-(budget.scale - self.initial) // self.rounds))
        self.interval = self.interval or interval_of(budget.seen)
        self.additions = -(-(budget.scale - self.initial) // self.per_round)
        sizes = [self.initial + k * self.per_round for k in range(self.additions)]
        if self.at and self.additions > 1:
            raise BadInput(f"{self.section}.at", self.at, f"0 with {self.additions} rounds")
        check_schedule(self.section, self, sizes, budget)

    def planned_work(self, budget: Budget) -> dict[str, float]:
        """All but the initial images are guided."""
        guided = budget.scale - self.initial if self.omega else 0
        images = {"generated": budget.scale - guided, "guided": guided, "gradients_per_image": 1 / self.every}
        return images | planned_training(self.interval, budget)

    def planned_guidance(self) -> Guidance:
        """What steers the first addition, and all where ω is not annealed."""
        frozen = self.feedback == "first"
        return Guidance(self.score, self.omega, self.rule, self.through, self.every, frozen)

    def steer(self, lab: Lab, number: int) -> Guidance:
        """What steers addition ``number``, from 0; where the first learner is to guide, it is kept at the first."""
        if self.feedback == "first" and not number:
            lab.freeze()
        return replace(self.planned_guidance(), omega=self.omega * self.anneal**number)

    def add(self, lab: Lab, n: int, number: int) -> None:
        """``n`` images more."""
        lab.generate(n, guidance=self.steer(lab, number))

    def wants(self, lab: Lab, made: int) -> bool:
        """Is another addition to come after ``made``?"""
        return lab.room > 0

    def practise(self, lab: Lab, number: int) -> Iterator[str]:
        """Addition ``number``, from 0."""
        self.add(lab, min(self.per_round, lab.room), number)
        yield "practised"

    def run(self, lab: Lab) -> Iterator[str]:
        """Algorithm 1 of the paper."""
        additions = Additions(self, lab.budget)
        lab.generate(self.initial)
        yield "initial"
        while lab.learning:
            accuracy = lab.train(self.interval, new_weight=self.new_weight)
            yield "trained"
            if lab.learning and self.wants(lab, additions.made) and additions.due(accuracy, lab.size, lab.seen):
                yield from self.practise(lab, additions.made - 1)
        lab.cooldown()
        yield "final"
