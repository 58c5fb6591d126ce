"""Arms: which runs are one line of a comparison.

An arm is a strategy with the parameters somebody chose for it. What a run has by default (of the class, or of the task's
recipe) and what the strategy derives from the budget (``dp.initial`` = scale / 4) is not part of its label, so one label
holds over all scales: ``static``, ``prune score=random``, ``dp``, ``dp omega=0``. Nor is what somebody chose anew for each scale, as
the paper does with N, P and T_max: that is the arm's plan.
"""

import json
from collections import Counter
from dataclasses import is_dataclass
from functools import lru_cache

import pandas as pd

from dp_common.config import registry
from dp_common.config.typed import count, flatten
from dp_common.config.specification import Budget, Spec
from dp_common.errors import BadInput

KINDS = ("task", "teacher", "strategy")
ORDER = ("static", "prune", "dp")  # of lines; others follow by name, the ceiling comes last


def arms(frame):
    """The label of every row, as a Series. A strategy that is not installed here is compared with its most common values."""
    labels = {}
    for (_, strategy), rows in frame.groupby(["task", "strategy"], sort=False):
        if plugin("strategy", strategy) is None:
            usual = most_common([parameters(values) for values in rows["values"]], list(rows["scale"]))
            labels |= {
                index: label(strategy, differing(parameters(values), usual)) for index, values in rows["values"].items()
            }
            continue
        given = {index: chosen(values) for index, values in rows["values"].items()}
        plans = plans_of(rows, given)
        for index, row in rows.iterrows():
            own, plan = parameters(row["values"]), {name: at[row["scale"]] for name, at in plans.items()}
            named = {
                name: own[name] for name in own if (own[name] != plan[name] if name in plan else name in given[index])
            }
            labels[index] = label(strategy, {name: given[index].get(name, value) for name, value in named.items()})
    return pd.Series(labels, index=frame.index, dtype=object)


def plans_of(rows, given):
    """{parameter: {scale: its usual value}} of the parameters of one strategy that are chosen anew at two scales or more.

    Usual is what most runs at a scale have; among equals, what nobody chose. ``given``: {index: parameters chosen}.
    """
    plans = {}
    for name in dict.fromkeys(name for found in given.values() for name in found):
        at, picked = {}, set()
        for scale, mine in rows.groupby("scale"):
            texts = [
                (json.dumps(parameters(values)[name], sort_keys=True), name in given[index])
                for index, values in mine["values"].items()
            ]
            (text, was_chosen), _ = min(Counter(texts).items(), key=lambda pair: (-pair[1], pair[0][1], pair[0][0]))
            at[scale] = json.loads(text)
            picked |= {text} if was_chosen else set()
        if len(picked) > 1:
            plans[name] = at
    return plans


def plan_names(rows):
    """{arm: the parameters that were chosen for it at each scale, and are not in its label}, of those that have any."""
    found = {}
    for arm, mine in rows.groupby("arm"):
        told = {word.partition("=")[0] for word in arm.split(" ")[1:]}
        names = dict.fromkeys(
            name
            for values in mine["values"]
            for name in (chosen(values) if plugin("strategy", values["strategy"]) else {})
        )
        found[arm] = [name for name in names if name not in told]
    return {arm: names for arm, names in found.items() if names}


def arm(row):
    """The label of one run. ``row``: anything with ``["values"]``, its resolved specification.

    Of a strategy that is not installed here all parameters are named; ``arms`` of a whole frame is shorter then.
    """
    values = row["values"]
    known = plugin("strategy", values["strategy"]) is not None
    return label(values["strategy"], chosen(values) if known else parameters(values))


def rank(label):
    """Sort key of arm labels: baselines first, an arm before its variants, the ceiling ``real`` last."""
    strategy = label.partition(" ")[0]
    return (strategy == "real", ORDER.index(strategy) if strategy in ORDER else len(ORDER), label)


def parameters(values):
    """{name: value} of the strategy's own keys, ``dp.omega`` as ``omega``."""
    section = values["strategy"].replace("-", "_") + "."
    return {key.removeprefix(section): value for key, value in values.items() if key.startswith(section)}


def chosen(values):
    """The strategy's parameters that are neither defaults nor derived from the budget, in the order of its class.

    Where a recipe fixes what the class would derive, and a run went back to that, its value is the class's word for it (0).
    """
    own, usual = parameters(values), parameters(defaults(values) | {"strategy": values["strategy"]})
    cls = plugin("strategy", values["strategy"])
    plain = flatten(cls()) if is_dataclass(cls) else {}
    found = differing(own, usual)
    return {
        name: plain[name] if name in plain and derived(values, own, name, plain[name]) else value
        for name, value in found.items()
        if name not in usual or not derived(values, own, name, usual[name])
    }


def defaults(values):
    """{key: value} of a run with this task, teacher and strategy of which nothing else is said: class defaults, over them the
    task's recipe. Plugins that are not installed add nothing.
    """
    known = flatten(Spec())
    for kind in KINDS:
        cls = plugin(kind, values[kind])
        if is_dataclass(cls):
            known |= {f"{values[kind].replace('-', '_')}.{name}": value for name, value in flatten(cls()).items()}
    for key, value in getattr(plugin("task", values["task"]), "recipe", {}).items():
        if key in known:
            known[key] = count(key, value) if type(known[key]) is int else value
    return known


def derived(values, own, name, given):
    """Does the strategy itself make this value of ``given``, with all its others as they are?"""
    cls = plugin("strategy", values["strategy"])
    if not hasattr(cls, "resolve_defaults"):
        return False
    classes = getattr(plugin("task", values["task"]), "classes", ())
    budget = Budget(
        values["scale"],
        values["train.seen"],
        values["train.batch"],
        len(classes) if isinstance(classes, (list, tuple)) else 0,
    )
    try:
        trial = cls(**own | {name: given})
        trial.resolve_defaults(budget)
    except (BadInput, TypeError):  # TypeError: the class has lost a parameter since
        return False
    return getattr(trial, name) == own[name] != given


def most_common(runs, scales):
    """The usual value of each parameter; those that follow from the scale, having one value at each, are left as they are."""
    usual = {}
    for name in dict.fromkeys(name for own in runs for name in own):
        texts = [(scale, json.dumps(own.get(name), sort_keys=True)) for own, scale in zip(runs, scales)]
        if len(set(texts)) == len(set(scales)):
            usual[name] = Ellipsis
        else:
            (text, _), *_ = sorted(Counter(text for _, text in texts).items(), key=lambda pair: (-pair[1], pair[0]))
            usual[name] = json.loads(text)
    return usual


def differing(own, usual):
    return {name: value for name, value in own.items() if usual.get(name) is not Ellipsis and value != usual.get(name)}


@lru_cache
def plugin(kind, name):
    """The class of an installed plugin, else None."""
    try:
        return registry.find(kind, name).load()
    except BadInput:
        return None


def label(strategy, given):
    return " ".join([strategy, *(f"{name}={shown(value)}" for name, value in given.items())])


def shown(value):
    """A value as one would type it: 0.05, 0 (not 0.0), entropy."""
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)
