"""What a selection rule must keep; the contract is ``dp_common.contracts.SelectionRule``."""

from typing import Any

import numpy as np

from dp_common.conformance.rules import Say, hold_to, require, silent

SIZES = {"features": 200, "present": 60, "real": 40}  # images whose features an example has


def check_selection_rule(name: str, *words: str, say: Say = silent) -> None:
    """Hold a selection rule (a name, or ``./file.py``) to the contract.

    Args:
        name: of the rule.
        *words: its parameters, ``name=value``.
        say: is told of each rule that holds.

    Raises:
        Nonconforming: it breaks a rule.
        BadInput: it does not load, or a parameter is not allowed.
    """
    from dp_common.lab.selection_rule import selection_rule

    parameters = {word.partition("=")[0]: word.partition("=")[2] for word in words}
    rule = selection_rule(name, parameters, "selection_rule")
    rules = [one_key_per_candidate, keys_by_themselves] if rule.streams else [as_many_as_asked_for, repeats_itself]
    hold_to([*rules, leaves_its_input_alone, measures_numbers], say, rule)


def example(n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(scores, labels, uniforms) of candidates, some scores equal."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 50, n).astype(np.float32) / 50, np.zeros(n, np.int64), rng.random(n)


def needed(rule: Any) -> dict[str, np.ndarray]:
    """What the rule looks at beside scores: features of 200 candidates, of a present set, of real images."""
    rng = np.random.default_rng(1)
    made = {need: rng.normal(size=(n, 5)).astype(np.float32) for need, n in SIZES.items()}
    return {need: made[need] for need in rule.NEEDS}


def answer(rule: Any, *candidates: np.ndarray) -> np.ndarray:
    """Keys, or rows for a quarter of the candidates."""
    if rule.streams:
        return np.asarray(rule.keys(*candidates))
    return np.asarray(rule.choose(*candidates, len(candidates[0]) // 4, **needed(rule)))


def one_key_per_candidate(rule: Any) -> None:
    """one key per candidate, none of them NaN"""
    keys = answer(rule, *example())
    require(keys.shape == (200,) and not np.isnan(keys).any(), "one key per candidate", keys.shape)


def keys_by_themselves(rule: Any) -> None:
    """a key does not depend on the other candidates"""
    candidates = example()
    keys = answer(rule, *candidates)
    parts = [rule.keys(*(column[start : start + 40] for column in candidates)) for start in range(0, 200, 40)]
    require(np.array_equal(keys, np.concatenate(parts)), "keys by themselves", "the keys of parts are others")


def as_many_as_asked_for(rule: Any) -> None:
    """as many different rows as were asked for, from one to all, equal scores or not"""
    scores, labels, uniforms = example()
    for values in (scores, np.zeros_like(scores)):
        for keep in (1, 7, 50, 199, 200):
            rows = np.asarray(rule.choose(values, labels, uniforms, keep, **needed(rule)))
            right = len(rows) == keep == len(set(rows.tolist())) and rows.min() >= 0 and rows.max() < 200
            require(right, "as many as asked for", f"{len(rows)} rows where {keep} were asked for")


def repeats_itself(rule: Any) -> None:
    """the same candidates, the same rows: its only chance is the uniforms"""
    require(np.array_equal(answer(rule, *example()), answer(rule, *example())), "repeats itself", "other rows")


def leaves_its_input_alone(rule: Any) -> None:
    """leaves scores, labels and uniforms as they were"""
    candidates, before = example(), example()
    answer(rule, *candidates)
    same = all(np.array_equal(one, other) for one, other in zip(candidates, before))
    require(same, "leaves its input alone", "it writes into its arguments")


def measures_numbers(rule: Any) -> None:
    """what it measures is finite numbers by name, and a note"""
    scores, labels, _ = example()
    found, note = rule.measure(scores, labels, 50)
    right = isinstance(note, str) and all(isinstance(k, str) and np.isfinite(v) for k, v in found.items())
    require(right, "measures numbers", found)
