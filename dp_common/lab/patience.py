"""When is the next addition due? At a plateau of held-out accuracy, at even spacing, at the latest by a deadline; and
the check that all of them come within a budget.
"""

import math
from collections.abc import Sequence
from typing import Protocol

from dp_common.config.specification import Budget
from dp_common.errors import BadInput


def patience_after(initial: int, size: int, first_size: int, growth: float) -> int:
    """T_k = max(1, round(T_0 (|D_k|/|D_0|)^γ)) evaluations.

    The paper says T_max grows with the set and gives no rule: γ is ours, and γ = 0 is fixed patience.
    """
    return max(1, round(initial * (size / first_size) ** growth))


class Plateau:
    """Says when the last T_k evaluations on monitor brought no new best.

    The best is of the whole run; the count starts anew when a plateau was reached.

    Args:
        patience: T_0, evaluations.
        growth: γ.
    """

    def __init__(self, patience: int, growth: float = 0.0) -> None:
        self.patience, self.growth = patience, growth
        self.best, self.waited = -1.0, 0
        self.first_size = 0  # of the training set at the first evaluation

    def reached(self, accuracy: float, size: int) -> bool:
        """Is this evaluation, with ``size`` images in the set, the end of a plateau? Asked after each of them."""
        self.first_size = self.first_size or size
        self.waited = 0 if accuracy > self.best else self.waited + 1
        self.best = max(self.best, accuracy)
        if self.waited < patience_after(self.patience, size, self.first_size, self.growth):
            return False
        self.waited = 0
        return True


class Paced(Protocol):
    """A strategy that adds images in the loop: the keys, and what it derives from them, that say when."""

    schedule: str  # patience: at plateaus; even: at even spacing of the stable phase
    patience: int  # T_0, evaluations
    patience_growth: float  # γ
    deadline: str  # even: a plateau that does not come is waited for no longer than ``deadline_of``; none: for ever
    at: float  # instead of a schedule: the share of the budget at which the one addition comes; 0: by schedule
    interval: int  # τ, images seen between evaluations
    additions: int  # how many there are to be


def deadline_of(last: int, stable: int, missing: int) -> float:
    """Images seen at which the next addition comes at the latest: at even spacing of what is left.

    Args:
        last: Images seen at the last addition.
        stable: Images of the stable phase.
        missing: Additions still to make, this one among them.
    """
    return last + (stable - last) / (missing + 1)


class Additions:
    """Says when the next addition is due. All it knows it is told, so that it repeats itself in a replay."""

    def __init__(self, strategy: Paced, budget: Budget) -> None:
        self.strategy, self.budget = strategy, budget
        self.plateau = Plateau(strategy.patience, growth=strategy.patience_growth)
        self.made, self.last = 0, 0  # additions, and images seen at the last one

    def due(self, accuracy: float, size: int, seen: int) -> bool:
        """Is one due? Asked after each evaluation on monitor; who hears yes makes one.

        Args:
            accuracy: On monitor.
            size: Images in the training set.
            seen: Images that the learner has seen.
        """
        if not self._is_due(accuracy, size, seen):
            return False
        self.made, self.last = self.made + 1, seen
        return True

    def _is_due(self, accuracy: float, size: int, seen: int) -> bool:
        planned, stable = self.strategy.additions, self.budget.stable
        if self.strategy.at:
            return seen >= self.strategy.at * self.budget.seen
        if self.strategy.schedule == "even":
            return seen >= stable * (self.made + 1) / (planned + 1)
        if self.plateau.reached(accuracy, size):
            return True
        if self.strategy.deadline == "none" or seen < deadline_of(self.last, stable, planned - self.made):
            return False
        self.plateau.waited = 0  # as after a plateau
        return True


def interval_of(seen: int) -> int:
    """τ = seen/100 images between evaluations, whatever the initial set: 80 evaluations in the stable phase.

    Ours: the paper does not say. (With N below it evaluating costs more than training; with seen/50 plateaus come too
    late.)
    """
    return max(1, seen // 100)


def planned_training(interval: int, budget: Budget, thrown_away: float = 0.0) -> dict[str, float]:
    """What a strategy plans that trains by ``interval`` images and looks at monitor after each stretch.

    Args:
        interval: images between evaluations; the last ones are at the end of the stable phase and of the cool-down.
        budget: of the run.
        thrown_away: share of the budget that another learner sees before, by the same intervals.

    Returns:
        Images ``seen`` and ``evaluations``.
    """
    stretch = whole_iterations(interval, budget)
    before = math.ceil(thrown_away * budget.seen / stretch)
    return {"seen": budget.seen + before * stretch, "evaluations": before + -(-budget.stable // stretch) + 1}


def whole_iterations(images: int, budget: Budget) -> int:
    """So many images seen, or a few more: as ``lab.train`` takes them."""
    return -(-images // budget.batch) * budget.batch


def check_fits(key: str, patience: int, growth: float, sizes: Sequence[int], interval: int, budget: Budget) -> None:
    """Refuse a patience whose τ + Σ T_k·τ over the additions cannot come before the stable phase ends.

    Args:
        key: Of the patience, to be named.
        patience: T_0, evaluations.
        growth: γ.
        sizes: Images in the set before each addition.
        interval: τ, images.
        budget: Of the run.

    Raises:
        BadInput: It does not fit.
    """
    interval = whole_iterations(interval, budget)
    evaluations = sum(patience_after(patience, size, sizes[0], growth) for size in sizes)
    needed = interval * (1 + evaluations)  # the first evaluation is always a best
    if sizes and needed >= budget.stable:
        raise BadInput(
            key,
            patience,
            f"{len(sizes)} plateaus need {needed:,} images seen, the stable phase has {budget.stable:,}; "
            "lower it, its growth or the number of additions, raise train.seen, or let a deadline "
            f"({key.partition('.')[0]}.deadline=even) or a schedule (even) bring what plateaus do not",
        )


def evaluations_before(strategy: Paced, budget: Budget) -> int:
    """Evaluations on monitor before the first addition, at the fewest: where accuracy never grows."""
    interval = whole_iterations(strategy.interval, budget)
    schedule, number = Additions(strategy, budget), 1
    while number * interval < budget.stable and not schedule.due(accuracy=0.0, size=1, seen=number * interval):
        number += 1
    return number


def check_schedule(section: str, strategy: Paced, sizes: Sequence[int], budget: Budget) -> None:
    """Refuse a schedule by which the scale cannot be reached.

    Args:
        section: Of the strategy's keys.
        strategy: Its keys, as they are resolved.
        sizes: Images in the set before each addition.
        budget: Of the run.

    Raises:
        BadInput: Plateaus without a deadline cannot come in time, or evaluations are fewer than the additions.
    """
    if strategy.at:
        return
    if strategy.schedule == "patience" and strategy.deadline == "none":
        check_fits(f"{section}.patience", strategy.patience, strategy.patience_growth, sizes, strategy.interval, budget)
        return
    interval = whole_iterations(strategy.interval, budget)
    schedule = Additions(strategy, budget)
    for seen in range(interval, budget.stable, interval):  # no plateau ever comes; where one does, all comes earlier
        if schedule.made < len(sizes):
            schedule.due(accuracy=float(seen), size=sizes[schedule.made], seen=seen)
    if schedule.made < len(sizes):
        raise BadInput(
            f"{section}.interval",
            strategy.interval,
            f"{schedule.made} of {len(sizes)} additions come before the stable phase of {budget.stable:,} images seen "
            "ends, one at an evaluation at most; lower it, or the number of additions, or raise train.seen",
        )
