"""What it costs to reach an accuracy, and what accuracy a cost buys: curves read between their scales.

A curve is one arm and one replicate: a point per finished run, at its true cost. Between two points the logarithm of the cost is
linear in the accuracy. Nothing is read beyond the first or the last point; where a curve does not cross the target it is censored.
"""

from math import exp, log, nan
from typing import NamedTuple

import numpy as np
import pandas as pd

from dp_common.errors import BadInput
from results.analysis.arms import rank
from results.analysis.cells import total_hours
from results.analysis.comparisons import UNIT
from results.analysis.stats import t_interval

FEWEST = 4  # uncensored pairs below which a factor has no interval


class Speedup(NamedTuple):
    """How many times less an arm pays than a baseline for the same accuracy: the geometric mean of ``n`` pairs of equal replicate, with
    its 95 % t-interval (of the logarithms; nan for n < 4). ``censored`` pairs are in none of the three: in ``never`` of them the arm
    did not reach the target, in ``baseline_never`` the baseline did not (in both, perhaps), in the others one was there at its smallest scale.
    ``unfinished``: pairs with runs still to come, which are in no other count.
    """

    n: int
    factor: float
    low: float
    high: float
    censored: int
    never: int
    baseline_never: int
    unfinished: int


def reach(rows, target, against, column="accuracy", exclude=()):
    """A row per arm × replicate (``arm, seed, data.split``): ``cost`` of reaching ``target`` (a fraction) for the first time, in the unit
    of ``against``, nan if it is not ``reached`` or not ``whole``.

    ``against``: hours (device hours without the phases in ``exclude``), or a column of the frame, such as images_generated, images_kept or
    iterations. ``bound``: the smallest scale is better than the target already, so that ``cost``, which is that scale's, is only
    an upper bound. ``whole``: all runs planned for the curve are finished. ``points`` of the curve, from ``least`` to ``most``. Raises BadInput
    where ``against`` is no column, and for hours of several kinds of device.
    """
    found = []
    for key, (costs, accuracies), whole in curves(rows, against, column, exclude):
        cost, reached, bound = crossing(costs, accuracies, target) if whole else (nan, False, False)
        found.append(
            {
                **key,
                "cost": cost,
                "reached": reached,
                "bound": bound,
                "whole": whole,
                "points": len(costs),
                "least": costs[0] if len(costs) else nan,
                "most": costs[-1] if len(costs) else nan,
            }
        )
    return pd.DataFrame(found, columns=["arm", *UNIT, "cost", "reached", "bound", "whole", "points", "least", "most"])


def speedup(rows, arm, baseline, target, against, column="accuracy", exclude=()):
    """Speedup of ``arm`` over ``baseline`` at ``target``; arguments as in ``reach``."""
    return ratio(reach(rows[rows["arm"].isin([arm, baseline])], target, against, column, exclude), arm, baseline)


def ratio(reached, arm, baseline):
    """Speedup from the frame that ``reach`` made."""
    both = reached[reached["arm"] == arm].merge(reached[reached["arm"] == baseline], on=UNIT, suffixes=("", "_base"))
    whole = both[both["whole"] & both["whole_base"]]
    crossed = whole[whole["reached"] & whole["reached_base"] & ~whole["bound"] & ~whole["bound_base"]]
    logs = np.log(crossed["cost_base"].to_numpy(float)) - np.log(crossed["cost"].to_numpy(float))
    interval = t_interval(logs)
    low, high = (interval.low, interval.high) if interval.n >= FEWEST else (nan, nan)
    return Speedup(
        interval.n,
        *(float(np.exp(bound)) for bound in (interval.mean, low, high)),
        len(whole) - len(crossed),
        int((~whole["reached"]).sum()),
        int((~whole["reached_base"]).sum()),
        len(both) - len(whole),
    )


def bought(rows, marks, against, column="accuracy", exclude=()):
    """A row per arm × mark: ``n, mean, low, high`` of the accuracy that this cost buys, over the replicates whose curve spans it, of
    ``expected`` ones that the arm has. Arms with curves of one point are left out. Arguments as in ``reach``.
    """
    values, expected = {}, {}
    for key, (costs, accuracies), whole in curves(rows, against, column, exclude):
        expected[key["arm"]] = expected.get(key["arm"], 0) + 1
        if whole and len(costs) > 1:
            values.setdefault(key["arm"], []).append([accuracy_at(costs, accuracies, mark) for mark in marks])
    found = []
    for arm in sorted(values, key=rank):
        for mark, column_of_mark in zip(marks, np.array(values[arm]).T):
            found.append(
                {
                    "arm": arm,
                    "mark": mark,
                    "expected": expected[arm],
                    **t_interval(column_of_mark[~np.isnan(column_of_mark)])._asdict(),
                }
            )
    return pd.DataFrame(found, columns=["arm", "mark", "expected", "n", "mean", "low", "high"])


def curves(rows, against, column="accuracy", exclude=()):
    """[({arm, seed, data.split}, (costs, accuracies), whole)]: arrays in order of cost. Runs that cost nothing have no place on a
    logarithmic axis and are left out, as real images are that nobody generated.
    """
    done = rows["state"] == "done"
    rows = rows.assign(cost=costs_of(rows, against, exclude).where(done))
    found = []
    for arm in sorted(rows["arm"].unique(), key=rank):
        for unit, part in rows[rows["arm"] == arm].groupby(UNIT):
            points = part[part["cost"] > 0].sort_values(["cost", "scale"], kind="stable")
            found.append(
                (
                    {"arm": arm, **dict(zip(UNIT, unit))},
                    (points["cost"].to_numpy(float), points[column].to_numpy(float)),
                    bool((part["state"] == "done").all()),
                )
            )
    return found


def reached_by_all(rows, column="accuracy"):
    """The highest accuracy that every replicate of one arm reaches, over the scales that all of them have, so that it does not depend on which
    of them went further; nan where there is no such scale, or a run at one is not finished.
    """
    units = rows.groupby(UNIT).ngroups
    common = rows.groupby("scale").filter(lambda part: part.groupby(UNIT).ngroups == units)
    if not len(common) or (common["state"] != "done").any():
        return nan
    return float(common.groupby(UNIT)[column].max().min())


def costs_of(rows, against, exclude=()):
    """What each run cost, in the unit of ``against``. Raises BadInput."""
    if against == "hours":
        devices = sorted(rows.loc[rows["state"] == "done", "device"].dropna().unique())
        if len(devices) > 1:
            raise BadInput(
                "hours", ", ".join(devices), "of several kinds of device do not compare; take the runs of one"
            )
        return total_hours(rows, exclude)
    if against not in rows:
        raise BadInput(
            "against", against, "hours, or a column of the frame, such as images_generated, images_kept, iterations"
        )
    return rows[against].astype(float)


def crossing(costs, accuracies, target):
    """(cost, reached, bound): where a curve is at ``target`` for the first time; see ``reach``."""
    there = np.flatnonzero(accuracies >= target)
    if not len(there):
        return nan, False, False
    first = there[0]
    if first == 0:
        return float(costs[0]), True, bool(accuracies[0] > target)
    before, after = accuracies[first - 1], accuracies[first]
    share = (target - before) / (after - before)
    return exp((1 - share) * log(costs[first - 1]) + share * log(costs[first])), True, False


def accuracy_at(costs, accuracies, cost):
    """The accuracy of a curve at a cost, linear in the logarithm; nan outside."""
    return float(np.interp(log(cost), np.log(costs), accuracies, left=nan, right=nan))
