"""Generate, then prune: make many, keep what the learner finds most informative, or what another rule keeps.

In the loop; or, ``initial=0``, plainly: a pool, scored by a learner of a random tenth, the best kept, a fresh learner.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dp_common import BadInput, Budget, Lab, option
from dp_common.lab.patience import Additions, check_schedule, interval_of, planned_training
from dp_common.lab.selection_rule import parameters_of, selection_rule

AUTO = -1


@dataclass
class Prune:
    """generate a pool, keep the images that score highest; score=random is the control"""

    score: str = option("entropy", "score by which images are kept", plugin="score")
    rule: str = option("top", "which of the scored images are kept", plugin="selection rule")
    rule_args: dict[str, Any] = option({}, "the rule's own parameters, prune.rule_args.NAME=VALUE")
    oversample: float = option(4.0, "candidates per image kept", low=1)
    balance: str = option("class", "keep as many of each class, or the best overall", choices=("class", "global"))
    initial: int = option(AUTO, "images before training; -1: scale / 4; 0: the plain workflow", low=AUTO)
    rounds: int = option(3, "times at which images are added", low=1)
    schedule: str = option("patience", "add at plateaus, or at even spacing", choices=("patience", "even"))
    deadline: str = option("even", "a plateau is waited for up to even spacing, or for ever", choices=("even", "none"))
    at: float = option(0.0, "with one round: share of the budget at which it comes; 0: by schedule", low=0, high=0.8)
    interval: int = option(0, "images seen between evaluations on monitor; 0: seen / 100", low=0)
    patience: int = option(3, "evaluations without a new best that make a plateau", low=1)
    patience_growth: float = option(1.0, "patience grows as (set / initial set)^gamma; 0: fixed", low=0)
    scorer_seen: float = option(0.2, "plain workflow: share of seen that trains the scorer", above=0, high=0.8)

    def resolve_defaults(self, budget: Budget) -> None:
        """The initial set, τ, the rule's parameters. Raises BadInput for plateaus that cannot come in time."""
        chosen_by = selection_rule(self.rule, self.rule_args, "prune")
        self.rule_args, self.made_again = parameters_of(chosen_by), not chosen_by.streams
        self.initial = max(1, budget.scale // 4) if self.initial == AUTO else self.initial
        # in the plain workflow the random tenth joins the candidates
        self.how = (self.score, self.balance, not self.initial, self.rule, self.rule_args)
        if self.initial > budget.scale:
            raise BadInput("prune.initial", self.initial, f"at most scale, {budget.scale}")
        self.interval = self.interval or interval_of(budget.seen)
        self.per_round = max(1, -(-(budget.scale - self.initial) // self.rounds))
        if self.at and self.rounds > 1:
            raise BadInput("prune.at", self.at, f"0 with {self.rounds} rounds")
        sizes = list(range(self.initial, budget.scale, self.per_round)) if self.initial else []
        self.additions = len(sizes)
        check_schedule("prune", self, sizes, budget)

    def planned_work(self, budget: Budget) -> dict[str, float]:
        """Every candidate is made and scored; what a rule chooses that looks at all scores is made again."""
        pool, again = (round((budget.scale - self.initial) * times) for times in (self.oversample, self.made_again))
        made = {"generated": self.initial + pool + again, "scored": pool, "candidates": pool, "unshared": again}
        return made | planned_training(self.interval, budget, self.scorer_seen * (not self.initial))

    def run(self, lab: Lab) -> Iterator[str]:
        """Either workflow, then the rest of the budget."""
        yield from self.in_the_loop(lab) if self.initial else self.plain(lab)
        while lab.learning:
            lab.train(self.interval)
            yield "trained"
        lab.cooldown()
        yield "final"

    def in_the_loop(self, lab: Lab) -> Iterator[str]:
        """At each plateau the best of new candidates are added."""
        additions = Additions(self, lab.budget)
        lab.generate(self.initial)
        yield "initial"
        while lab.learning and lab.room:
            accuracy = lab.train(self.interval)
            yield "trained"
            if additions.due(accuracy, lab.size, lab.seen) and lab.learning:
                keep = min(self.per_round, lab.room)
                lab.select(round(keep * self.oversample), keep, *self.how)
                yield "pruned"

    def plain(self, lab: Lab) -> Iterator[str]:
        """The best of one pool, by a learner that is then thrown away."""
        pool = round(lab.budget.scale * self.oversample)
        tenth = min(max(1, pool // 10), lab.budget.scale)
        lab.generate(tenth)
        yield "tenth"
        while lab.seen < self.scorer_seen * lab.budget.seen:
            lab.train(self.interval)
            yield "trained scorer"
        lab.select(pool - tenth, lab.budget.scale, *self.how)
        yield "pruned"
        lab.restart()
        yield "fresh learner"
