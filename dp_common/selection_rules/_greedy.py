"""Choosing one after another: what rules share that build a set up, each time by what is in it already."""

from collections.abc import Callable

import numpy as np


def greedy(n: int, keep: int, costs: Callable[[int], np.ndarray], take: Callable[[int, int], None]) -> np.ndarray:
    """Rows of the cheapest candidate that is left, ``keep`` times over; equal costs: the lower row.

    Args:
        n: Candidates.
        keep: How many are chosen.
        costs: ``costs(size) -> [n]``, of adding each to the ``size`` that are chosen.
        take: ``take(row, size)`` adds a row to them.

    Returns:
        [keep], in the order in which they were chosen.
    """
    taken, chosen = np.zeros(n), []
    for size in range(keep):
        row = int(np.argmin(costs(size) + taken))
        take(row, size)
        taken[row] = np.inf
        chosen.append(row)
    return np.array(chosen, np.int64)
