"""What it costs to reach an accuracy, and what accuracy a cost buys: curves read between their scales.

A curve is one arm and one replicate: a point per finished run, at its true cost, in the order of scale (a busy machine
may make a larger run the cheaper one; that is noise, and no reason to read the curve backwards). Between two points
the logarithm of the cost is linear in the accuracy. Nothing is read beyond the first or the last point; where a curve
does not cross the target it is censored.

Whoever says what an accuracy costs, in a table or in a figure, says it with these functions.
"""

from collections.abc import Sequence
from math import exp, log, nan
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from dp_common.errors import BadInput
from dp_common.persistence.meter import PRICED
from results.analysis.arms import rank
from results.analysis.comparisons import UNIT, Comparison, total_hours
from results.analysis.stats import t_interval

FEWEST = 4  # uncensored pairs below which a factor has no interval
HOURS = "hours"  # the cost axis that is no column of the runs
COLUMNS = ["arm", *UNIT, "cost", "reached", "bound", "whole", "points", "least", "most"]


class Curve(NamedTuple):
    """One arm and one replicate: a point per finished run, in the order of scale.

    Attributes:
        costs: [points], in the unit of the cost axis.
        accuracies: [points], fractions.
        hours: [points, phases], device hours of the priced phases that count; nan where they were not recorded.
        whole: are all runs planned for it finished?
    """

    arm: str
    seed: int
    split: int
    costs: np.ndarray
    accuracies: np.ndarray
    hours: np.ndarray
    whole: bool


class Cost(NamedTuple):
    """What an accuracy costs one arm: the geometric mean of the ``n`` replicates that cross it, with its 95 %
    t-interval.

    The interval is that of the logarithms; nan for n < 4. In no mean are the ``never`` replicates that do not reach it
    at any scale, the ``at_once`` ones that are above it at their smallest scale already (which cost at most
    ``bound``), and the ``unfinished`` ones. ``most``: the largest cost that was tried.
    """

    n: int
    mean: float
    low: float
    high: float
    never: int
    at_once: int
    unfinished: int
    bound: float
    most: float


class Speedup(NamedTuple):
    """How many times less an arm pays than a baseline for the same accuracy: the geometric mean of ``n`` pairs of
    equal replicate.

    With its 95 % t-interval (of the logarithms; nan for n < 4). ``censored`` pairs are in none of the three: in
    ``never`` of them the arm did not reach the target, in ``baseline_never`` the baseline did not (in both, perhaps),
    in the others one was there at its smallest scale. ``unfinished``: pairs with runs still to come, which are in no
    other count.
    """

    n: int
    factor: float
    low: float
    high: float
    censored: int
    never: int
    baseline_never: int
    unfinished: int


def cost_to_target(comparison: Comparison, target: float, cost_axis: str) -> pd.DataFrame:
    """What reaching an accuracy for the first time costs each replicate.

    Args:
        comparison: whose runs make the curves.
        target: the accuracy, a fraction.
        cost_axis: hours (device hours without the comparison's ``exclude``), or a column of the runs:
            images_generated, images_kept, iterations.

    Returns:
        A row per arm × replicate (``arm, seed, data.split``): ``cost``, nan if it is not ``reached`` or not ``whole``.
        ``bound``: the smallest scale is better than the target already, so that ``cost``, which is that scale's, is
        only an upper bound. ``whole``: all runs planned for the curve are finished. ``points`` of the curve, from
        ``least`` to ``most``.

    Raises:
        BadInput: the cost axis is no column, or hours are of several kinds of device.
    """
    found = []
    for curve in curves(comparison, cost_axis):
        cost, reached, bound = crossing(curve.costs, curve.accuracies, target) if curve.whole else (nan, False, False)
        least, most = (curve.costs.min(), curve.costs.max()) if len(curve.costs) else (nan, nan)
        place = (curve.arm, curve.seed, curve.split)
        found.append((*place, cost, reached, bound, curve.whole, len(curve.costs), least, most))
    return pd.DataFrame(found, columns=COLUMNS)


def cost_of(reached: pd.DataFrame) -> Cost:
    """The Cost of one arm, from its rows of what ``cost_to_target`` made."""
    whole = reached[reached["whole"].astype(bool)]
    early, there = whole["bound"].astype(bool), whole["reached"].astype(bool)
    interval = t_interval(np.log(whole.loc[there & ~early, "cost"].to_numpy(float)))
    low, high = (interval.low, interval.high) if interval.n >= FEWEST else (nan, nan)
    return Cost(
        n=interval.n,
        mean=float(np.exp(interval.mean)),
        low=float(np.exp(low)),
        high=float(np.exp(high)),
        never=int((~there).sum()),
        at_once=int(early.sum()),
        unfinished=len(reached) - len(whole),
        bound=float(whole.loc[early, "cost"].max()),
        most=float(whole["most"].max()),
    )


def hours_to_target(comparison: Comparison, target: float) -> pd.DataFrame:
    """Where the hours go that an accuracy costs: a row per arm with its ``Cost`` in device hours, and how much of the
    mean each phase takes.

    A replicate's hours by phase are read between the two scales where its total is; so they add up to its cost. The
    phases of an arm are the mean's: its shares of the replicates' totals, averaged. They add up to ``mean``, and are
    nan where it is. Raises BadInput.
    """
    phases = [phase for phase in PRICED if phase not in comparison.exclude]
    reached = cost_to_target(comparison, target, HOURS)
    shares: dict[str, list[np.ndarray]] = {}
    for curve, row in zip(curves(comparison, HOURS), reached.itertuples()):
        if row.whole and row.reached and not row.bound:
            shares.setdefault(curve.arm, []).append(phase_shares(curve, target))
    found = []
    for arm in sorted(reached["arm"].unique(), key=rank):
        cost = cost_of(reached[reached["arm"] == arm])
        mean = np.mean(shares[arm], axis=0) if arm in shares else np.full(len(phases), nan)
        found.append({"arm": arm, **cost._asdict(), **dict(zip(phases, cost.mean * mean))})
    return pd.DataFrame(found, columns=["arm", *Cost._fields, *phases])


def phase_shares(curve: Curve, target: float) -> np.ndarray:
    """[phases] that add up to 1: how the hours of a curve are made up where it crosses the target."""
    cost, _, _ = crossing(curve.costs, curve.accuracies, target)
    last = int(np.flatnonzero(curve.accuracies >= target)[0])
    before, after = curve.costs[max(0, last - 1)], curve.costs[last]
    weight = 1.0 if after == before else (cost - before) / (after - before)
    hours = weight * curve.hours[last] + (1 - weight) * curve.hours[max(0, last - 1)]
    return hours / hours.sum()


def speedup(comparison: Comparison, arm: str, baseline: str, target: float, cost_axis: str) -> Speedup:
    """Speedup of ``arm`` over ``baseline`` at ``target``; arguments as in ``cost_to_target``."""
    return ratio(cost_to_target(comparison.only([arm, baseline]), target, cost_axis), arm, baseline)


def ratio(reached: pd.DataFrame, arm: str, baseline: str) -> Speedup:
    """Speedup from the frame that ``cost_to_target`` made."""
    both = reached[reached["arm"] == arm].merge(reached[reached["arm"] == baseline], on=UNIT, suffixes=("", "_base"))
    whole = both[both["whole"] & both["whole_base"]]
    crossed = whole[whole["reached"] & whole["reached_base"] & ~whole["bound"] & ~whole["bound_base"]]
    logs = np.log(crossed["cost_base"].to_numpy(float)) - np.log(crossed["cost"].to_numpy(float))
    interval = t_interval(logs)
    low, high = (interval.low, interval.high) if interval.n >= FEWEST else (nan, nan)
    return Speedup(
        n=interval.n,
        factor=float(np.exp(interval.mean)),
        low=float(np.exp(low)),
        high=float(np.exp(high)),
        censored=len(whole) - len(crossed),
        never=int((~whole["reached"]).sum()),
        baseline_never=int((~whole["reached_base"]).sum()),
        unfinished=len(both) - len(whole),
    )


def accuracy_at_cost(comparison: Comparison, amounts: Sequence[float], cost_axis: str) -> pd.DataFrame:
    """What accuracy each of some costs buys.

    Returns:
        A row per arm × ``amount``: ``n, mean, low, high`` of the accuracy, over the replicates whose curve spans it,
        of ``expected`` ones that the arm has. Arms with curves of one point are left out. Arguments as in
        ``cost_to_target``.
    """
    values: dict[str, list[list[float]]] = {}
    expected: dict[str, int] = {}
    for curve in curves(comparison, cost_axis):
        expected[curve.arm] = expected.get(curve.arm, 0) + 1
        if curve.whole and len(curve.costs) > 1:
            bought = [accuracy_at(curve.costs, curve.accuracies, amount) for amount in amounts]
            values.setdefault(curve.arm, []).append(bought)
    found = []
    for arm in sorted(values, key=rank):
        for amount, column in zip(amounts, np.array(values[arm]).T):
            interval = t_interval(column[~np.isnan(column)]).within(0, 1)
            found.append({"arm": arm, "amount": amount, "expected": expected[arm], **interval._asdict()})
    return pd.DataFrame(found, columns=["arm", "amount", "expected", "n", "mean", "low", "high"])


def curves(comparison: Comparison, cost_axis: str) -> list[Curve]:
    """The curves of a comparison, by arm and replicate.

    Runs that cost nothing have no place on a logarithmic axis and are left out, as real images are that nobody
    generated. Raises BadInput.
    """
    runs = comparison.runs
    phases = [f"gpu_hours.{phase}" for phase in PRICED if phase not in comparison.exclude]
    runs = runs.assign(cost=costs_of(comparison, cost_axis).where(runs["state"] == "done"))
    runs = runs.reindex(columns=list(dict.fromkeys([*runs.columns, *phases])))
    found = []
    for arm in comparison.arms:
        for unit, part in runs[runs["arm"] == arm].groupby(UNIT):
            points = part[part["cost"] > 0].sort_values("scale", kind="stable")
            seed, split = (int(str(value)) for value in cast(tuple[Any, ...], unit))
            costs, accuracies = points["cost"].to_numpy(float), points[comparison.column].to_numpy(float)
            whole = bool((part["state"] == "done").all())
            found.append(Curve(arm, seed, split, costs, accuracies, points[phases].to_numpy(float), whole))
    return found


def reached_by_all(runs: pd.DataFrame, column: str = "accuracy") -> float:
    """The highest accuracy that every replicate of one arm reaches, over the scales that all of them have.

    So it does not depend on which of them went further; nan where there is no such scale, or a run at one is not
    finished.
    """
    units = runs.groupby(UNIT).ngroups
    common = runs.groupby("scale").filter(lambda part: part.groupby(UNIT).ngroups == units)
    if not len(common) or (common["state"] != "done").any():
        return nan
    return float(common.groupby(UNIT)[column].max().min())


def costs_of(comparison: Comparison, cost_axis: str) -> pd.Series:
    """What each run cost, in the unit of ``cost_axis``. Raises BadInput."""
    if cost_axis == HOURS:
        if len(comparison.devices) > 1:
            raise BadInput(
                "hours",
                ", ".join(comparison.devices),
                "of several kinds of device do not compare; take the runs of one",
            )
        return total_hours(comparison.runs, comparison.exclude)
    if cost_axis not in comparison.runs:
        allowed = "hours, or a column of the runs, such as images_generated, images_kept, iterations"
        raise BadInput("cost axis", cost_axis, allowed)
    return comparison.runs[cost_axis].astype(float)


def crossing(costs: np.ndarray, accuracies: np.ndarray, target: float) -> tuple[float, bool, bool]:
    """(cost, reached, bound): where a curve is at ``target`` for the first time; see ``cost_to_target``."""
    there = np.flatnonzero(accuracies >= target)
    if not len(there):
        return nan, False, False
    first = there[0]
    if first == 0:
        return float(costs[0]), True, bool(accuracies[0] > target)
    before, after = accuracies[first - 1], accuracies[first]
    share = (target - before) / (after - before)
    return exp((1 - share) * log(costs[first - 1]) + share * log(costs[first])), True, False


def accuracy_at(costs: np.ndarray, accuracies: np.ndarray, cost: float) -> float:
    """The accuracy of a curve where it first costs so much, linear in the logarithm of the cost; nan outside of it."""
    there = np.flatnonzero(costs >= cost)
    if not len(there) or (there[0] == 0 and costs[0] > cost):
        return nan
    last = there[0]
    if costs[last] == cost:
        return float(accuracies[last])
    share = log(cost / costs[last - 1]) / log(costs[last] / costs[last - 1])
    return float((1 - share) * accuracies[last - 1] + share * accuracies[last])
