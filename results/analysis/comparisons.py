"""Comparison groups: which runs may stand in one table.

Runs are compared only if everything that is not what is compared is equal: task, teacher, learner, budget, monitor rule and
every other key of the specification. What may differ is the arm, the scale and the replicate. Other budgets, other groups.
"""

import json
from collections import Counter
from dataclasses import dataclass

import pandas as pd

from dp_common.config.specification import short
from dp_common.errors import BadInput, Problem
from results.analysis.arms import defaults, shown

CORE = ("task", "teacher", "learner", "train.seen", "data.monitor")
AXES = ("strategy", "scale", "seed", "data.split")  # what is compared, and the replicates
MEASURING = ("evaluate", "probe")  # keys that change what is written down, not what is learned
UNIT = ["seed", "data.split"]  # one replicate
MONITORS = {
    "disjoint": "patience looks at a monitor set disjoint from test",
    "paper": "patience looks at the test set itself (data.monitor=paper)",
}


@dataclass(frozen=True)
class Group:
    """What all runs of one comparison share. ``extra``: keys beyond CORE that are not at their defaults, or that tell it
    from another group. ``split``: of the real data, or None where every seed has its own.
    """

    core: dict
    extra: dict
    split: int | None

    @property
    def title(self):
        core = self.core
        monitor = "monitored on test" if core["data.monitor"] == "paper" else f"{core['data.monitor']} monitor"
        split = "a split per seed" if self.split is None else f"split {self.split}"
        return ", ".join(
            [
                core["task"],
                f"{core['teacher']} teacher",
                core["learner"],
                f"{core['train.seen']:,} images seen",
                monitor,
                split,
                *self.extras(),
            ]
        )

    @property
    def slug(self):
        """For file names."""
        words = [
            self.core["task"],
            self.core["teacher"],
            self.core["learner"],
            short(self.core["train.seen"]),
            self.core["data.monitor"],
            "splits" if self.split is None else f"split{self.split}",
            *self.extras(),
        ]
        return "".join(letter if letter.isalnum() or letter in "-._=" else "-" for letter in "-".join(words))

    def extras(self):
        return [f"{key}={shown(value) or '(default)'}" for key, value in self.extra.items()]


def groups(frame):
    """[(Group, its rows)] of a loaded frame, in the order of their CORE. Rows without a strategy are left out.

    Splits of the real data are pooled where every seed has its own; else each split is a comparison of its own, since runs
    on one split are not independent. Raises Problem where two runs are the same replicate of one arm and scale.
    """
    runs = frame[frame["strategy"].notna()].astype({"scale": int, "seed": int, "data.split": int})
    shared = [
        {key: value for key, value in values.items() if not varies(key, values["strategy"])} | weights
        for values, weights in zip(runs["values"], weights_named(runs))
    ]
    texts = [json.dumps(values, sort_keys=True) for values in shared]
    distinct = {text: values for text, values in zip(texts, shared)}
    found = []
    for text, values in distinct.items():
        rows = runs[[other == text for other in texts]]
        rivals = [other for other in distinct.values() if all(other.get(key) == values.get(key) for key in CORE)]
        core, extra = {key: values.get(key) for key in CORE}, extra_of(values, rivals, rows["values"].iloc[0])
        parts = [(None, rows)] if split_per_seed(rows) else rows.groupby("data.split")
        found += [(Group(core, extra, None if split is None else int(split)), once(part)) for split, part in parts]
    return sorted(found, key=lambda pair: (*pair[0].core.values(), pair[0].title))


def weights_named(runs):
    """[{} or {key: name}] per run: the weights its teacher was loaded from, the same file always by its shortest name. Where each split of the
    real data has weights of its own they go with the split, and are not named.
    """
    found = pd.Series([{}] * len(runs), index=runs.index, dtype=object)
    for (_, teacher), rows in runs[runs["weights"].notna()].groupby(["task", "teacher"]):
        marks = rows["weights"].str[1]
        if marks.nunique() > 1 and (marks.groupby(rows["data.split"]).nunique() == 1).all():
            continue
        names = {
            mark: min(set(rows.loc[marks == mark, "weights"].str[0]), key=lambda name: (len(name), name))
            for mark in marks
        }
        twice = Counter(names.values())
        for index, mark in marks.items():
            name = names[mark] if twice[names[mark]] == 1 else f"{names[mark]}@{str(mark)[:8]}"
            found[index] = {f"{teacher.replace('-', '_')}.weights": name}
    return found


def varies(key, strategy):
    """May the key differ within a comparison?"""
    return key in AXES + MEASURING or key.startswith(strategy.replace("-", "_") + ".")


def split_per_seed(rows):
    """Are there several splits of the real data, each used with one seed only and each seed with one split only?"""
    couples = rows[UNIT].drop_duplicates()
    return rows["data.split"].nunique() > 1 and all(couples[column].is_unique for column in UNIT)


def extra_of(values, rivals, full):
    """The keys beyond CORE worth naming: not at their default, or telling this group from one with the same CORE."""
    usual = defaults(full)
    return {
        key: value
        for key, value in values.items()
        if key not in CORE
        and (key in usual and value != usual[key] or any(other.get(key) != value for other in rivals))
    }


def once(rows):
    """One row per arm, scale and replicate: of runs that differ in what they wrote down, a finished one. Raises Problem."""
    rows = rows.sort_values("state", key=lambda states: states != "done", kind="stable")
    same = ["arm", "scale", *UNIT]
    texts = rows["values"].map(lambda values: json.dumps(values, sort_keys=True))
    twins = rows[rows.assign(text=texts).duplicated([*same, "text"], keep=False)]
    if len(twins):
        one, other, *_ = twins[(twins[same] == twins[same].iloc[0]).all(axis=1)]["run_id"]
        raise Problem(
            f"{one} and {other} have the same specification but other code, data or weights behind it: keep one under the root"
        )
    return rows.drop_duplicates(same).sort_values("run_id", kind="stable")


def one_group(frame, known=None):
    """(Group, rows) of a frame that is one comparison; ``known``: what it was called among others, by ``groups``.

    Raises BadInput that names the key in which its runs differ.
    """
    found = groups(frame)
    if len(found) == 1:
        return known or found[0][0], found[0][1]
    if not found:
        raise BadInput("runs", "none", "a comparison needs at least one run with a strategy")
    sides = [group.core | group.extra | {"data.split": group.split} for group, _ in found]
    for key in dict.fromkeys(key for side in sides for key in side):
        met = list(dict.fromkeys(str(side.get(key)) for side in sides))
        if len(met) > 1:
            raise BadInput(key, ", ".join(met), "one comparison has one value of it; make a table of each")
