"""One arm against another at equal price: errors where both have spent the same hours, read along their curves.

Of each replicate the logarithm of the error is linear in that of the price between neighbouring scales; nothing is read
beyond a curve's ends. Prices are chosen by what runs cost, never by what they got: evenly spaced, as factors, over the
range that every curve of both arms spans. So no curve is censored, and no target has to be chosen.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from results.analysis.comparisons import Comparison, replicates
from results.analysis.contrasts import POPULATION
from results.analysis.effects import share_of_errors
from results.analysis.stats import Estimate, over_seeds
from results.reading.correctness import column_of

PRICES = 3  # at which errors are compared


class EqualPrice(NamedTuple):
    """``estimate`` of the log error ratio, per replicate the mean over ``prices`` (device hours)."""

    prices: tuple[float, ...]
    estimate: Estimate


def at_equal_price(comparison: Comparison, arm: str, baseline: str, eval_set: str) -> EqualPrice | None:
    """ln(err of the baseline / err of the arm) at equal hours; above zero the arm makes fewer errors.

    Args:
        comparison: whose hours are of one device, measured or re-priced.
        arm: label.
        baseline: label.
        eval_set: ``population``, or a real set; on either the interval is over seeds.

    Returns:
        None where hours are of several devices, or the two arms share no range of prices.
    """
    if comparison.device is None:
        return None
    a, b = (curves(comparison, name, eval_set) for name in (arm, baseline))
    shared = sorted(set(a) & set(b))
    if not shared:
        return None
    ends = [side[unit][0][[0, -1]] for side in (a, b) for unit in shared]
    low, high = max(least for least, _ in ends), min(most for _, most in ends)
    if not low < high:
        return None
    prices = np.linspace(low, high, PRICES)
    effects = [np.interp(prices, *b[unit]) - np.interp(prices, *a[unit]) for unit in shared]
    return EqualPrice(tuple(np.exp(prices)), over_seeds(np.mean(effects, axis=1)))


def curves(comparison: Comparison, arm: str, eval_set: str) -> dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]:
    """{replicate: (log price, log error) in the order of price} of those that have two prices, all runs finished."""
    column, images = column_of(eval_set), "population_images" if eval_set == POPULATION else "test_images"
    runs = comparison.runs[comparison.runs["arm"] == arm]
    if column not in runs:
        return {}
    frame = runs.assign(price=comparison.hours[runs.index])
    found: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
    for unit in sorted(replicates(frame)):
        part = frame[(frame["seed"] == unit[0]) & (frame["data.split"] == unit[1])]
        usable = part[[column, images, "price"]].apply(pd.to_numeric, errors="coerce")
        if not (part["state"] == "done").all() or usable.isna().any(axis=None) or (usable["price"] <= 0).any():
            continue
        usable = usable.sort_values("price", kind="stable")
        if usable["price"].nunique() > 1:
            errors = share_of_errors(1 - usable[column].to_numpy(), usable[images].to_numpy())
            found[unit] = np.log(usable["price"].to_numpy()), np.log(errors)
    return found
