"""Which setting of a method is best on monitor: what choices are made on, by seeds that no reported run uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from results.analysis.stats import Interval, over_seeds

Words = tuple[str, ...]  # key=value, as typed


@dataclass(frozen=True)
class Setting:
    """One setting of a method.

    Attributes:
        words: what was set.
        accuracies: [n] on monitor, of the runs that are done, by run id.
        asked: how many runs the grid has of it.
        below: the best setting's minus this one's, of equal seeds; of the best itself the number 0 without bounds.
    """

    words: Words
    accuracies: Mapping[str, float]
    asked: int
    below: Interval | None = None

    @property
    def complete(self) -> bool:
        return len(self.accuracies) == self.asked

    @property
    def mean(self) -> Interval:
        """Over seeds."""
        return over_seeds(list(self.accuracies.values())).interval()


@dataclass(frozen=True)
class Method:
    """The settings of one method, in the order of the grid.

    Attributes:
        words: what all of them have.
        keys: in which they differ.
        settings: at least one.
        best: None where runs are missing.
    """

    words: Words
    keys: tuple[str, ...]
    settings: tuple[Setting, ...]
    best: Setting | None

    @property
    def name(self) -> str:
        """``strategy=dp dp.score=margin scale=1k, by dp.omega``."""
        return " ".join(self.words) + (f", by {' and '.join(self.keys)}" if self.keys else "")


def methods(asked: Mapping[tuple[Words, Words], Mapping[Words, Sequence[str]]], runs: pd.DataFrame) -> list[Method]:
    """The methods with their best settings.

    Args:
        asked: {(words of a method, keys of its settings): {words of a setting: ids of its runs, the seeds in one
            order}}.
        runs: of a study; those that are done count.
    """
    done = runs[runs["state"] == "done"].drop_duplicates("run_id").set_index("run_id")["monitor_accuracy"].dropna()
    return [method(words, keys, settings, done) for (words, keys), settings in asked.items()]


def method(words: Words, keys: Words, asked: Mapping[Words, Sequence[str]], done: pd.Series) -> Method:
    """One method; ``done`` has accuracies on monitor by run id."""
    found = [
        Setting(one, {run: float(done[run]) for run in runs if run in done.index}, len(runs))
        for one, runs in asked.items()
    ]
    if not all(setting.complete for setting in found):
        return Method(words, keys, tuple(found), None)
    best = max(found, key=lambda setting: setting.mean.mean)
    return Method(words, keys, tuple(with_below(setting, best) for setting in found), best)


def with_below(setting: Setting, best: Setting) -> Setting:
    """The setting, with how far it is below the best one: paired, as both have their seeds in one order."""
    if setting is best:
        return setting
    pairs = zip(best.accuracies.values(), setting.accuracies.values(), strict=True)
    below = over_seeds([high - low for high, low in pairs]).interval()
    return Setting(setting.words, setting.accuracies, setting.asked, below)
