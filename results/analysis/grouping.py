"""Which runs may stand in one table.

Runs are compared only if everything that is not what is compared is equal: task, teacher, learner, budget, monitor
rule and every other key of the specification. What may differ is the arm, the scale and the replicate. Other budgets,
other groups.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dp_common.config.identity import frozen_defaults
from dp_common.config.specification import short
from dp_common.files import digest
from results.analysis.arms import format_value
from results.analysis.arms_of_old_ledgers import changed_keys

CORE = ("task", "teacher", "learner", "train.seen", "data.monitor")
AXES = ("strategy", "scale", "seed", "data.split")  # what is compared, and the replicates
MEASURING = ("evaluate", "probe", "population.images")  # keys that change what is written down, not what is learned
UNIT = ["seed", "data.split"]  # one replicate
SLUG = 150  # letters of a slug; file names have an end


@dataclass(frozen=True)
class Group:
    """What all runs of one comparison share.

    Attributes:
        core: values of the keys in CORE.
        extra: keys beyond CORE that somebody chose, or that tell this group from another.
        split: of the real data, or None where every seed has its own.
        untold: keys of extra that titles leave out, as those that tell it from what stands beside it alone.
    """

    core: dict[str, Any]
    extra: dict[str, Any]
    split: int | None
    untold: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        core = self.core
        monitor = "monitored on test" if core["data.monitor"] == "paper" else f"{core['data.monitor']} monitor"
        split = "a split per seed" if self.split is None else f"split {self.split}"
        head = [core["task"], f"{core['teacher']} teacher", core["learner"], f"{core['train.seen']:,} images seen"]
        return ", ".join([*head, monitor, split, *self.extras()])

    @property
    def slug(self) -> str:
        """For file names; one that would be too long ends in a digest of the whole."""
        core, split = self.core, "splits" if self.split is None else f"split{self.split}"
        head = [core["task"], core["teacher"], core["learner"], short(core["train.seen"]), core["data.monitor"]]
        text = "-".join([*head, split, *self.extras()])
        slug = "".join(letter if letter.isalnum() or letter in "-._=" else "-" for letter in text)
        return slug if len(slug) <= SLUG else f"{slug[: SLUG - 9]}-{digest(text.encode())[:8]}"

    def extras(self) -> list[str]:
        """``key=value`` of each extra key."""
        told = {key: value for key, value in self.extra.items() if key not in self.untold}
        return [f"{key}={format_value(value) or '(default)'}" for key, value in told.items()]


def group_runs(frame: pd.DataFrame) -> list[tuple[Group, pd.DataFrame]]:
    """The runs of a loaded frame by comparison, in the order of their CORE. Rows without a strategy are left out.

    Splits of the real data are pooled where every seed has its own; else each split is a comparison of its own, since
    runs on one split are not independent. Each arm, scale and replicate has one row.
    """
    runs = frame[frame["strategy"].notna()].astype({"scale": int, "seed": int, "data.split": int})
    texts, distinct = [], {}
    for shared in with_newer_keys(
        {key: value for key, value in values.items() if not varies(key, values["strategy"])} | weights
        for values, weights in zip(runs["values"], weight_names(runs))
    ):
        texts.append(json.dumps(shared, sort_keys=True))
        distinct[texts[-1]] = shared
    found = []
    for text, rows in runs.groupby(pd.Series(texts, index=runs.index, dtype=object), sort=False):
        shared = distinct[str(text)]
        rivals = [other for other in distinct.values() if all(other.get(key) == shared.get(key) for key in CORE)]
        core, extra = {key: shared.get(key) for key in CORE}, extra_keys(shared, rivals, rows)
        parts = [(None, rows)] if split_per_seed(rows) else list(rows.groupby("data.split"))
        found += [
            (Group(core, extra, None if split is None else int(str(split))), deduplicated(part))
            for split, part in parts
        ]
    return sorted(found, key=lambda pair: (*pair[0].core.values(), pair[0].title))


def with_newer_keys(shared: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What runs share, with the keys that were added after some of them: those have the neutral value there, by which
    a key is added (``dp_common.config.identity``).
    """
    everything, known = list(shared), defaultdict[tuple[Any, ...], set[str]](set)
    for values in everything:
        known[tuple(values.get(key) for key in CORE)].update(values)
    for values in everything:
        missing = known[tuple(values.get(key) for key in CORE)] - set(values)
        yield values | {key: frozen_defaults()[key] for key in sorted(missing) if key in frozen_defaults()}


def weight_names(runs: pd.DataFrame) -> pd.Series:
    """{} or {key: name} per run: the weights its teacher was loaded from, the same file always by its shortest name.

    Where each split of the real data has weights of its own they go with the split, and are not named.
    """
    found: dict[Any, dict[str, str]] = {index: {} for index in runs.index}
    for (_, teacher), rows in runs[runs["weights"].notna()].groupby(["task", "teacher"]):
        digests = rows["weights"].str[1]
        if digests.nunique() > 1 and (digests.groupby(rows["data.split"]).nunique() == 1).all():
            continue
        names = {
            known: min(set(rows.loc[digests == known, "weights"].str[0]), key=lambda name: (len(name), name))
            for known in digests
        }
        twice = Counter(names.values())
        for index, known in digests.items():
            name = names[known] if twice[names[known]] == 1 else f"{names[known]}@{str(known)[:8]}"
            found[index] = {f"{str(teacher).replace('-', '_')}.weights": name}
    return pd.Series(found, index=runs.index, dtype=object)


def varies(key: str, strategy: str) -> bool:
    """May the key differ within a comparison?"""
    return key in AXES + MEASURING or key.startswith(strategy.replace("-", "_") + ".")


def split_per_seed(rows: pd.DataFrame) -> bool:
    """Are there several splits of the real data, each used with one seed only and each seed with one split only?"""
    couples = rows[UNIT].drop_duplicates()
    return rows["data.split"].nunique() > 1 and all(couples[column].is_unique for column in UNIT)


def extra_keys(shared: Mapping[str, Any], rivals: Iterable[Mapping[str, Any]], runs: pd.DataFrame) -> dict[str, Any]:
    """The keys beyond CORE worth naming, in alphabetical order: somebody chose them, or they tell this group from one
    with the same CORE.
    """
    rivals, chosen = list(rivals), chosen_keys(runs)
    return {
        key: value
        for key, value in sorted(shared.items())
        if key not in CORE and (key in chosen or any(other.get(key) != value for other in rivals))
    }


def chosen_keys(runs: pd.DataFrame) -> set[str]:
    """The keys that somebody chose in some of the runs of one comparison, by what their ledgers say;

    inferred where none says it.
    """
    recorded = [chosen for chosen in runs["chosen"] if isinstance(chosen, dict)]
    return set().union(*recorded) if recorded else changed_keys(runs["values"].iloc[0])


def deduplicated(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per arm, scale and replicate: of runs that differ in what they wrote down, a finished one, and of these
    the one that wrote down most (a probe, the teacher's world).
    """
    neutral = frozen_defaults()
    silent = [
        sum(values.get(key, neutral.get(key)) == neutral.get(key) for key in MEASURING) for values in rows["values"]
    ]
    rows = rows.assign(waits=rows["state"] != "done", silent=silent).sort_values(["waits", "silent"], kind="stable")
    rows = rows.drop_duplicates(["arm", "scale", *UNIT]).sort_values("run_id", kind="stable")
    return rows.drop(columns=["waits", "silent"])
