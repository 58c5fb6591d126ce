"""The arms that claims speak of, found in a comparison by what was chosen for them, not by their label.

``dp`` at its own settings, ``dp`` with ω = 0, ``prune`` with another ratio: what somebody chose for a strategy must be
as said. But when and how much is added (PLAN) may differ between scales, as in the paper, though not between the arms
of one scale. Where several plans were run at one scale, the default one is meant, else the most frequent. Nothing here
knows a strategy by its name.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from dp_common.config.identity import frozen_defaults
from results.analysis.arms import parameters
from results.analysis.comparisons import Comparison
from results.analysis.grouping import Group
from results.analysis.repricing import Prices
from results.analysis.variants import differing, settings
from results.frames import records

PLAN = ("initial", "per_round", "rounds", "at", "interval", "patience", "scorer_seen")
# ... parameters of any strategy that say when and how much is added, not what


@dataclass(frozen=True)
class ArmSelection:
    """The runs of one comparison, to be asked for by arm.

    Attributes:
        comparison: whose runs they are.
        root: the folder of runs, as it was given; for commands.
        prices: unit costs at which hours are re-priced, or None.
        scales: those named beforehand, over which effects are pooled; without, those of the most pairs.
        looks: was the study looked at at planned times, so that each look has its own p?
        others: the other comparisons under the root; what was chosen outside of the strategy is there.
        roots: all folders of runs; ``root`` alone where there are none.
    """

    comparison: Comparison
    root: str | Path
    prices: Prices | None = None
    scales: tuple[int, ...] = ()
    looks: bool = False
    others: tuple[Comparison, ...] = ()
    roots: tuple[str | Path, ...] = ()

    @property
    def group(self) -> Group:
        """What all runs share."""
        return self.comparison.group

    @cached_property
    def runs(self) -> pd.DataFrame:
        """The runs, with what was ``given`` to each of its strategy {parameter: value} and its ``plan`` in words.

        Older versions of an arm's code, where they are shown beside the newest, are no arms that a claim speaks of.
        """
        runs = self.comparison.runs
        runs = runs[~runs["arm"].str.contains(" code=", regex=False)]
        changed = list(runs["changed"])
        given = [{name: value for name, value in one.items() if name not in PLAN} for one in changed]
        plans = [" ".join(f"{name}={value}" for name, value in one.items() if name in PLAN) for one in changed]
        return runs.assign(given=pd.Series(given, dtype=object).to_numpy(), plan=plans)

    def hours(self, arms: Iterable[tuple[str, Mapping[str, Any]]], scales: Iterable[int]) -> float | None:
        """Device hours of one replicate of these arms (strategy, parameters) at these scales, by the means of what is
        finished; of an arm that is not there those of all runs at the scale. None where nothing is finished at one.
        """
        done = self.runs[(self.runs["state"] == "done") & self.runs["gpu_hours.total"].notna()]
        total = 0.0
        for (strategy, changes), scale in product(arms, scales):
            own = self.arm(strategy, **changes)
            known = [rows[(rows["scale"] == scale) & rows.index.isin(done.index)] for rows in (own, done)]
            rows = next((rows for rows in known if len(rows)), None)
            if rows is None:
                return None
            total += float(rows["gpu_hours.total"].mean())
        return total

    @property
    def replicates(self) -> list[tuple[int, int]]:
        """(seed, split), sorted."""
        return sorted(self.comparison.replicates)

    def arm(self, strategy: str, **changes: Any) -> pd.DataFrame:
        """Runs, finished or not, of ``strategy`` at its settings but for ``changes`` (to single values), one plan per
        scale.
        """
        return self._matching(strategy, None, changes)

    def curve(self, strategy: str, name: str, **changes: Any) -> pd.DataFrame:
        """The same over every value of the parameter ``name``, which stands in the column ``value``."""
        runs = self._matching(strategy, name, changes)
        return runs.assign(value=[parameters(values)[name] for values in runs["values"]])

    def best(self, strategy: str, knobs: Collection[str], **changes: Any) -> pd.DataFrame:
        """The same as ``arm``, where each of the parameters ``knobs`` (``rule_args.`` stands for all of a rule) may
        have any value: of several settings of them the one that is best on monitor.
        """
        runs = self.runs[self.runs["strategy"] == strategy]
        free = [tuple(name for name in given if name.startswith(tuple(knobs))) for given in runs["given"]]
        texts = [str([(name, given[name]) for name in names]) for given, names in zip(runs["given"], free)]
        plans = {scale: self.plan(strategy, scale) for scale in runs["scale"].unique()}
        kept = [
            row["plan"] == plans[row["scale"]] and fits(row | {"given": set(row["given"]) - set(names)}, None, changes)
            for row, names in zip(records(runs[["scale", "values", "given", "plan"]]), free)
        ]
        runs = runs.assign(setting=texts)[pd.Series(kept, index=runs.index, dtype=bool)]
        by_setting = {str(text): rows for text, rows in runs.groupby("setting")}
        known = {text: rows["monitor_accuracy"].mean() for text, rows in by_setting.items()}
        if not known:
            return runs
        chosen = max(known, key=lambda text: (known[text] if known[text] == known[text] else -1.0, -len(text), text))
        return by_setting[chosen]

    def elsewhere(self, strategy: str, key: str, with_it: Collection[str] = ()) -> dict[Any, pd.DataFrame]:
        """{value: runs of ``strategy`` at its settings} of the comparisons that differ from this one in ``key``, which
        is no strategy's, and perhaps in keys that go with it; in the order of the values.
        """
        found, mine = {}, settings(self.comparison)
        for other in self.others:
            theirs = settings(other)
            between = differing(mine, theirs)
            if key in between and between <= {key, *with_it}:
                found[theirs.get(key, frozen_defaults().get(key))] = replace(self, comparison=other, others=()).arm(
                    strategy
                )
        return dict(sorted(found.items()))

    def plan(self, strategy: str, scale: int) -> str:
        """What of the plan is not at its default in the runs that are meant at a scale, in words; "" where all is."""
        runs = self.runs[(self.runs["strategy"] == strategy) & (self.runs["scale"] == scale)]
        usual = runs[[not given for given in runs["given"]]]
        counts = (usual if len(usual) else runs)["plan"].value_counts()
        return "" if "" in counts.index else min(counts.index, key=lambda plan: (-counts[plan], plan), default="")

    def _matching(self, strategy: str, free: str | None, changes: Mapping[str, Any]) -> pd.DataFrame:
        runs = self.runs[self.runs["strategy"] == strategy]
        plans = {scale: self.plan(strategy, scale) for scale in runs["scale"].unique()}
        kept = [
            row["plan"] == plans[row["scale"]] and fits(row, free, changes)
            for row in records(runs[["scale", "values", "given", "plan"]])
        ]
        return runs[pd.Series(kept, index=runs.index, dtype=bool)]


def fits(run: Mapping[str, Any], free: str | None, changes: Mapping[str, Any]) -> bool:
    """Has a run the parameters that were changed, and is all but them and the ``free`` one as it is by default?"""
    own = parameters(run["values"])
    others = set(run["given"]) - set(changes) - {free}
    return not others and all(own.get(name) == value for name, value in changes.items())
