"""When has held-out accuracy stalled? Patience that grows with the set, and the check that it fits a budget."""

from dp_common.errors import BadInput


def patience_after(initial, size, first_size, growth):
    """T_k = max(1, round(T_0 (|D_k|/|D_0|)^γ)) evaluations. The paper says T_max grows with the set and gives no
    rule: γ is ours, and γ = 0 is fixed patience.
    """
    return max(1, round(initial * (size / first_size) ** growth))


class Plateau:
    """``reached(accuracy, size)`` is told every evaluation on monitor and says when the last T_k brought no new best.

    The best is of the whole run; the count starts anew when a plateau was reached.
    """

    def __init__(self, patience, growth=0.0):
        self.patience, self.growth = patience, growth
        self.best, self.waited, self.first_size = -1.0, 0, None

    def reached(self, accuracy, size):
        self.first_size = self.first_size or size
        self.waited = 0 if accuracy > self.best else self.waited + 1
        self.best = max(self.best, accuracy)
        if self.waited < patience_after(self.patience, size, self.first_size, self.growth):
            return False
        self.waited = 0
        return True


def interval_of(seen):
    """τ = seen/100 images between evaluations, whatever the size of the initial set: 80 evaluations in the stable
    phase. Ours: the paper does not say. (With N below it evaluating costs more than training; with seen/50 plateaus
    come too late.)
    """
    return max(1, seen // 100)


def check_fits(key, patience, growth, sizes, interval, budget):
    """Refuse a patience whose τ + Σ T_k·τ over the additions cannot come before the stable phase ends. ``sizes``: the
    set before each.
    """
    rounded = -(-interval // budget.batch) * budget.batch
    needed = rounded * (
        1 + sum(patience_after(patience, size, sizes[0], growth) for size in sizes)
    )  # the first evaluation is always a best
    if sizes and needed >= budget.stable:
        raise BadInput(
            key,
            patience,
            f"{len(sizes)} plateaus need {needed:,} images seen, the stable phase has {budget.stable:,}; "
            "lower it, or its growth, or the number of rounds",
        )
