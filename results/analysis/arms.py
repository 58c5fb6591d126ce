"""Arms: which runs are one line of a comparison.

An arm is a strategy with the parameters somebody chose for it, as the ledger recorded them. What a run has by default
(of the class, or of the task's recipe), what the strategy derives from the budget (``dp.initial`` = scale / 4) and a
default that somebody typed is not part of its label, so one label holds over all scales: ``static``, ``prune
score=random``, ``dp``, ``dp omega=0``. Nor is what somebody chose anew for each scale, as the paper does with N, P and
T_max: that is the arm's plan.

Labels are a function of the ledgers alone; of those that do not say what was chosen, ``arms_of_old_ledgers`` infers it.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from dp_common.config.identity import frozen_defaults
from results.analysis import arms_of_old_ledgers as old
from results.analysis.arms_of_old_ledgers import parameters as parameters

ORDER = ("static", "prune", "dp")  # of lines; others follow by name, the ceiling comes last


def with_arms(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with ``changed``, {parameter:

    value} that somebody chose for the strategy, and ``arm``, the label, of each run.
    """
    changed: dict[Any, dict[str, Any]] = {}
    labels: dict[Any, str] = {}
    for (_, strategy), rows in frame.groupby(["task", "strategy"], sort=False):
        known = [isinstance(chosen, dict) for chosen in rows["chosen"]]
        mine = {index: recorded(*row) for index, *row in rows.loc[known, ["values", "chosen"]].itertuples()}
        if not all(known):
            mine |= old.changed_parameters(rows[[not there for there in known]])
        changed |= mine
        before = values_of_before(rows, mine)
        plans = plans_of(rows, mine) if any(known) or old.installed(str(strategy)) else {}
        for index, values, scale in rows[["values", "scale"]].itertuples():
            own, plan = parameters(values), {name: at[scale] for name, at in plans.items()}
            named = [name for name in own if (own[name] != plan[name] if name in plan else name in mine[index])]
            words = {name: mine[index].get(name, own[name]) for name in named}
            labels[index] = label(str(strategy), words | before.get(index, {}))
    columns = {"changed": changed, "arm": labels}
    return frame.assign(**{name: pd.Series(found, index=frame.index, dtype=object) for name, found in columns.items()})


def recorded(values: Mapping[str, Any], chosen: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The parameters of the strategy that somebody chose, in the order of its class, by the ledger of one run."""
    mine = parameters({**chosen, "strategy": values["strategy"]})
    return {name: mine[name]["value"] for name in parameters(values) if name in mine}


def values_of_before(rows: pd.DataFrame, changed: Mapping[Any, Mapping[str, Any]]) -> dict[Any, dict[str, Any]]:
    """{index: {parameter: value}} of what the strategy did in runs of before it had a parameter, for those parameters
    by which later runs beside them do otherwise by default, or chose to do the same. ``changed``: {index: parameters
    chosen}.
    """
    own = {index: parameters(values) for index, values in rows["values"].items()}
    frozen = parameters({**frozen_defaults(), "strategy": rows["strategy"].iloc[0]})
    named = {
        name
        for index, mine in own.items()
        for name, value in mine.items()
        if name in frozen and (value == frozen[name]) == (name in changed[index])
    }
    return {
        index: {name: value for name, value in frozen.items() if name in named and name not in mine}
        for index, mine in own.items()
        if mine
    }


def plans_of(rows: pd.DataFrame, changed: Mapping[Any, Mapping[str, Any]]) -> dict[str, dict[int, Any]]:
    """{parameter: {scale: its usual value}} of the parameters of one strategy that are chosen anew at two scales or
    more.

    Usual is what most runs at a scale have; among equals, what nobody chose. ``changed``: {index: parameters chosen}.
    """
    plans: dict[str, dict[int, Any]] = {}
    for name in dict.fromkeys(name for found in changed.values() for name in found):
        at: dict[Any, Any] = {}
        picked: set[str] = set()
        for scale, mine in rows.groupby("scale"):
            texts = [
                (json.dumps(parameters(values).get(name), sort_keys=True), name in changed[index])
                for index, values in mine["values"].items()
            ]
            (text, was_chosen), _ = min(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0][1], pair[0][0]))
            at[scale] = json.loads(text)
            picked |= {text} if was_chosen else set()
        if len(picked) > 1:
            plans[name] = at
    return plans


def plan_names(runs: pd.DataFrame) -> dict[str, list[str]]:
    """{arm: the parameters that were chosen for it at each scale, and are not in its label}, of those that have any."""
    found = {}
    for arm, mine in runs.groupby("arm"):
        named = {pair.partition("=")[0] for pair in str(arm).split(" ")[1:]}
        chosen = dict.fromkeys(name for changed in mine["changed"] for name in changed)
        found[str(arm)] = [name for name in chosen if name not in named]
    return {arm: names for arm, names in found.items() if names}


def rank(arm: str) -> tuple[bool, int, str]:
    """Sort key of arm labels: baselines first, an arm before its variants, the ceiling ``real`` last."""
    strategy = arm.partition(" ")[0]
    return (strategy == "real", ORDER.index(strategy) if strategy in ORDER else len(ORDER), arm)


def label(strategy: str, changed: Mapping[str, Any]) -> str:
    return " ".join([strategy, *(f"{name}={format_value(value)}" for name, value in changed.items())])


def format_value(value: Any) -> str:
    """A value as one would type it: 0.05, 0 (not 0.0), entropy."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)
