"""A selection rule at work: made of its name and parameters, asked group by group, held to what it must return."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from dp_common import seeds
from dp_common.arrays import Indices, Labels, Scores
from dp_common.config import registry
from dp_common.config.typed import TypedConfig, flatten
from dp_common.contracts import SelectionRule
from dp_common.errors import BadInput, Problem


def selection_rule(name: str, parameters: Mapping[str, Any] | None = None, key: str = "select") -> SelectionRule:
    """The rule of a name (or ``./file.py``) with its parameters, checked and typed.

    Args:
        name: Of the rule.
        parameters: Values of its fields; those left out have their defaults.
        key: Whose rule it is, for errors: ``prune`` of ``prune.rule`` and ``prune.rule_args.omega``.

    Raises:
        BadInput: No such rule, no such parameter, or a value that is not allowed.
    """
    cls, part = registry.find("selection rule", name, f"{key}.rule").load(), f"{key}.rule_args"
    given, has_parameters = dict(parameters or {}), is_dataclass(cls) and bool(fields(cls))
    if not has_parameters:
        if given:
            raise BadInput(f"{part}.{next(iter(given))}", next(iter(given.values())), f"rule {name} has no parameters")
        return cls()
    config = TypedConfig({part: cls})
    for parameter, value in given.items():
        config.set(f"{part}.{parameter}", value)
    try:
        rule = config.build(part)
    except BadInput as error:  # of parameters that do not go together; a rule does not know whose it is
        raise BadInput(f"{part}.{error.key.removeprefix(f'{part}.')}", error.value, error.allowed) from None
    for parameter, value in flatten(rule).items():
        if isinstance(value, float) and not np.isfinite(value):
            raise BadInput(f"{part}.{parameter}", value, "a finite number")
    return rule


def parameters_of(rule: SelectionRule) -> dict[str, Any]:
    """All its parameters by name, those that were not given too."""
    return flatten(rule) if is_dataclass(rule) else {}


class Keys:
    """The keys of a streaming rule, bound to a run's seed: the largest are kept."""

    def __init__(self, rule: SelectionRule, seed: int) -> None:
        self.rule, self.seed = rule, seed

    def __call__(self, scores: Scores, labels: Labels, indices: Indices) -> np.ndarray:
        """[n], one a candidate, whatever the others are. Raises Problem where they are not that."""
        keys = np.asarray(self.rule.keys(scores, labels, uniforms(self.seed, indices)))
        if keys.shape != scores.shape or np.isnan(keys).any():
            raise Problem(f"selection rule {name_of(self.rule)}: keys() must return one number a candidate")
        return keys


def nothing_more(rows: np.ndarray, label: int | None) -> dict[str, np.ndarray]:
    """What a rule is given that looks at scores alone."""
    return {}


def chosen_rows(
    rule: SelectionRule,
    scores: Scores,
    indices: Indices,
    labels: Labels,
    keep: int,
    balance: str,
    seed: int,
    needed: Callable[[np.ndarray, int | None], dict[str, np.ndarray]] = nothing_more,
) -> np.ndarray:
    """The rows of ``keep`` of n candidates, ascending, by a rule that looks at all scores.

    ``needed(rows, label)`` is what the rule is given beside those of a group, of one class or (None) of all.

    Raises:
        Problem: The rule did not choose as many as it was asked for, or one twice.
    """
    groups, rows = groups_of(labels, balance), []
    for group, share in shares(groups, keep).items():
        members = np.flatnonzero(groups == group)
        members = members[np.argsort(indices[members], kind="stable")]
        drawn = uniforms(seed, indices[members])
        none = np.empty(0, np.int64)
        beside = needed(members, group if balance == "class" else None) if share else {}
        asked = rule.choose(scores[members], labels[members], drawn, share, **beside) if share else none
        picked = np.asarray(asked, np.int64)
        within = bool(((0 <= picked) & (picked < len(members))).all())
        if not within or not len(picked) == share == len(np.unique(picked)):
            raise Problem(
                f"selection rule {name_of(rule)}: choose() must return {share} different rows of {len(members)}, "
                f"and returned {len(picked)}"
            )
        rows.append(members[picked])
    return np.sort(np.concatenate(rows))


def groups_of(labels: Labels, balance: str) -> np.ndarray:
    """[n] int64: within which group a candidate competes; classes, or one of all."""
    return labels if balance == "class" else np.zeros_like(labels)


def shares(groups: np.ndarray, keep: int) -> dict[int, int]:
    """{group: how many of it are kept}: equal as far as candidates go, the remainder to the lowest groups."""
    numbers, sizes = np.unique(groups, return_counts=True)
    share, left = np.zeros(len(numbers), int), keep
    while left:
        open_ = np.flatnonzero(share < sizes)
        if not len(open_):
            raise Problem(f"select: keep={keep} of {len(groups)} candidates")
        each = max(1, left // len(open_))
        for at in open_:
            more = min(each, int(sizes[at] - share[at]), left)
            share[at] += more
            left -= more
    return dict(zip(numbers.tolist(), share.tolist()))


def uniforms(seed: int, indices: Indices) -> np.ndarray:
    """[n] in [0, 1), each a function of seed and index."""
    return seeds.uniforms(seed, "selection", indices)


def name_of(rule: SelectionRule) -> str:
    """What it is called in errors."""
    return type(rule).__name__
