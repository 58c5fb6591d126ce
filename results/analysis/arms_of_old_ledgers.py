"""What was chosen in a run whose ledger does not say so.

Ledgers used to keep the values of a run, but not which of them somebody had chosen. For those it is inferred from the
plugins that are installed here: a value is chosen if it is neither the class's, nor the task's recipe's, nor what the
strategy derives from the budget. So these labels, and only these, follow the code that reads them.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dp_common.config import registry
from dp_common.config.specification import Budget, Spec
from dp_common.config.typed import count, flatten
from dp_common.errors import BadInput

if TYPE_CHECKING:  # --dry-run prices by method, and is not to wait for pandas
    import pandas as pd

KINDS = ("task", "teacher", "strategy")
Values = Mapping[str, Any]


def changed_parameters(rows: "pd.DataFrame") -> dict[Any, dict[str, Any]]:
    """{index: {parameter: value}} of what was chosen for the strategy, for runs of one task and strategy.

    A strategy that is not installed here is compared with its most common values.
    """
    if installed(rows["strategy"].iloc[0]):
        return {index: changed(values) for index, values in rows["values"].items()}
    own = {index: parameters(values) for index, values in rows["values"].items()}
    usual = most_common(list(own.values()), list(rows["scale"]))
    return {index: differing(mine, usual) for index, mine in own.items()}


def installed(strategy: str) -> bool:
    return plugin("strategy", strategy) is not None


def changed_keys(values: Values) -> set[str]:
    """The keys of a run, outside of its strategy too, that are not at their default."""
    usual = defaults(values)
    return {key for key, value in values.items() if key in usual and value != usual[key]}


def parameters(values: Values) -> dict[str, Any]:
    """{name: value} of the strategy's own keys, ``dp.omega`` as ``omega``."""
    section = values["strategy"].replace("-", "_") + "."
    return {key.removeprefix(section): value for key, value in values.items() if key.startswith(section)}


def changed(values: Values) -> dict[str, Any]:
    """The strategy's parameters that are neither defaults nor derived from the budget, in the order of its class.

    Where a recipe fixes what the class would derive, and a run went back to that, its value is the class's word for it
    (0).
    """
    own, usual = parameters(values), parameters(defaults(values) | {"strategy": values["strategy"]})
    cls: Any = plugin("strategy", values["strategy"])
    plain = flatten(cls()) if is_dataclass(cls) else {}  # type: ignore[operator]
    return {
        name: plain[name] if name in plain and derived(values, own, name, plain[name]) else value
        for name, value in differing(own, usual).items()
        if name not in usual or not derived(values, own, name, usual[name])
    }


def defaults(values: Values) -> dict[str, Any]:
    """{key: value} of a run with this task, teacher and strategy of which nothing else is said.

    Class defaults, over them the task's recipe. Plugins that are not installed add nothing.
    """
    known = flatten(Spec())
    for kind in KINDS:
        cls = plugin(kind, values[kind])
        plain = flatten(cls()) if is_dataclass(cls) else {}  # type: ignore[operator]
        known |= {f"{values[kind].replace('-', '_')}.{name}": value for name, value in plain.items()}
    for key, value in getattr(plugin("task", values["task"]), "recipe", {}).items():
        if key in known:
            known[key] = count(key, value) if type(known[key]) is int else value
    return known


def derived(values: Values, own: Mapping[str, Any], name: str, given: Any) -> bool:
    """Does the strategy itself make this value of ``given``, with all its others as they are?"""
    cls: Any = plugin("strategy", values["strategy"])
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
        trial = cls(**{**own, name: given})
        trial.resolve_defaults(budget)
    except (BadInput, TypeError):  # TypeError: the class has lost a parameter since
        return False
    return getattr(trial, name) == own[name] != given


def most_common(runs: Iterable[Mapping[str, Any]], scales: Iterable[int]) -> dict[str, Any]:
    """The usual value of each parameter;

    those that follow from the scale, having one value at each, are left as they are.
    """
    usual: dict[str, Any] = {}
    pairs = list(zip(runs, scales))
    for name in dict.fromkeys(name for own, _ in pairs for name in own):
        texts = [(scale, json.dumps(own.get(name), sort_keys=True)) for own, scale in pairs]
        if len(set(texts)) == len({scale for _, scale in pairs}):
            usual[name] = Ellipsis
        else:
            (text, _), *_ = sorted(Counter(text for _, text in texts).items(), key=lambda pair: (-pair[1], pair[0]))
            usual[name] = json.loads(text)
    return usual


def differing(own: Mapping[str, Any], usual: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in own.items() if usual.get(name) is not Ellipsis and value != usual.get(name)}


@lru_cache
def plugin(kind: str, name: str) -> Any:
    """The class of an installed plugin, else None."""
    try:
        return registry.find(kind, name).load()
    except BadInput:
        return None
