"""Arms of other comparisons that differ in nothing but how images are sampled or what a score is told.

``sampler.temperature=1.5`` is no parameter of a strategy, so such runs are a comparison of their own. Where methods are
put side by side they stand beside the others all the same, with the key in their name: ``static
sampler.temperature=1.5``. They share task, teacher, learner, budget, monitor rule and seeds.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from dp_common.config.identity import frozen_defaults
from results.analysis.arms import format_value
from results.analysis.comparisons import CEILING, Comparison
from results.analysis.grouping import chosen_keys, varies

SECTIONS = ("sampler.", "heads.", "reference.", "exemplars.")  # of the keys in which a variant may differ
DRAWN_BY = {"sampler.cfg_scale", "sampler.clip"}  # keys by which the teacher's world is another, where it is drawn
EXACT = ("mixture",)  # teachers whose world is drawn from their density, by no sampler


def with_variants(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The comparisons; of those that differ in keys of SECTIONS alone the one with the most arms has the arms of the
    others ``beside`` it.
    """
    known = [settings(one) for one in comparisons]
    beside: dict[int, list[pd.DataFrame]] = {}
    homes: dict[int, int] = {}  # {comparison: that which it stands beside, or itself}
    for home in sorted(range(len(comparisons)), key=lambda number: size(comparisons[number]), reverse=True):
        if home in homes:
            continue
        homes[home] = home
        for other in range(len(comparisons)):
            keys = differing(known[home], known[other])
            if other not in homes and keys and all(key.startswith(SECTIONS) for key in keys):
                beside.setdefault(home, []).append(named(comparisons[other], known[other], sorted(keys)))
                homes[other] = home
    return tuple(
        replace(
            one,
            group=replace(one.group, untold=untold(one, known[homes[number]], known[number], number in beside)),
            beside=pd.concat(beside[number]) if number in beside else None,
            is_variant=homes[number] != number,
        )
        for number, one in enumerate(comparisons)
    )


def untold(comparison: Comparison, home: dict[str, Any], values: dict[str, Any], has_beside: bool) -> frozenset[str]:
    """The keys of SECTIONS that say nothing in a title: nobody chose them, and they tell a comparison from what stands
    beside it or beside the same ``home``, but not from that.
    """
    if not has_beside and values is home:
        return frozenset()
    told = chosen_keys(comparison.runs) | differing(home, values)
    return frozenset(key for key in comparison.group.extra if key.startswith(SECTIONS) and key not in told)


def size(comparison: Comparison) -> tuple[int, int]:
    """Sort key: arms, then runs."""
    return len(comparison.arms), len(comparison.runs)


def settings(comparison: Comparison) -> dict[str, Any]:
    """{key: value} that all runs of a comparison share, the weights of its teacher and the split among them."""
    values = comparison.runs["values"].iloc[0]
    shared = {key: value for key, value in values.items() if not varies(key, values["strategy"])}
    weights = {key: value for key, value in comparison.group.extra.items() if key.endswith(".weights")}
    return shared | weights | {"data.split": comparison.group.split}


def differing(mine: dict[str, Any], theirs: dict[str, Any]) -> set[str]:
    """The keys in which two settings differ; a key that came after the runs has its neutral value there."""
    neutral = frozen_defaults()
    return {key for key in mine | theirs if mine.get(key, neutral.get(key)) != theirs.get(key, neutral.get(key))}


def named(comparison: Comparison, values: dict[str, Any], keys: Sequence[str]) -> pd.DataFrame:
    """The runs of a comparison but its ceiling, their arms named by these keys too.

    Where a key makes the teacher's world another one, what they got in it is left out.
    """
    runs = comparison.runs[comparison.runs["arm"] != CEILING]
    neutral = frozen_defaults()
    words = " ".join(f"{key}={value_text(values.get(key, neutral.get(key)))}" for key in keys)
    runs = runs.assign(arm=runs["arm"] + f" {words}")
    other_world = DRAWN_BY & set(keys) and comparison.group.core["teacher"] not in EXACT
    return runs.assign(population=np.nan) if other_world else runs


def value_text(value: Any) -> str:
    """As one types it."""
    return str(value).lower() if isinstance(value, bool) else format_value(value)
