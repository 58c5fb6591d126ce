"""When has held-out accuracy stalled? Patience that grows with the set, and the check that it fits a budget."""

from collections.abc import Sequence

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


def interval_of(seen: int) -> int:
    """τ = seen/100 images between evaluations, whatever the initial set: 80 evaluations in the stable phase.

    Ours: the paper does not say. (With N below it evaluating costs more than training; with seen/50 plateaus come too
    late.)
    """
    return max(1, seen // 100)


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
    interval = -(-interval // budget.batch) * budget.batch  # whole iterations
    evaluations = sum(patience_after(patience, size, sizes[0], growth) for size in sizes)
    needed = interval * (1 + evaluations)  # the first evaluation is always a best
    if sizes and needed >= budget.stable:
        raise BadInput(
            key,
            patience,
            f"{len(sizes)} plateaus need {needed:,} images seen, the stable phase has {budget.stable:,}; "
            "lower it, or its growth, or the number of rounds",
        )
