"""A comparison: the runs that may stand in one table, and what every table, figure and claim asks of them.

Runs are grouped once, when a study is made of them (``results.analysis.study``); whoever builds something takes a
Comparison.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import pandas as pd

from dp_common.errors import BadInput, did_you_mean
from dp_common.persistence.meter import PRICED
from results.analysis.arms import rank
from results.analysis.effects import FEW
from results.analysis.grouping import CORE as CORE
from results.analysis.grouping import MEASURING as MEASURING
from results.analysis.grouping import UNIT as UNIT
from results.analysis.grouping import Group as Group
from results.reading.correctness import column_of

BASELINES = ("static", "dp omega=0")
CONTROLS = (*BASELINES, "prune score=random")
CEILING = "real"
MOST_DRAWN = 12  # main arms that a figure can show

Replicates = set[tuple[int, int]]  # (seed, data.split)


@dataclass(frozen=True, eq=False)
class Comparison:
    """The runs of one comparison.

    Attributes:
        group: what they share, its title among it.
        runs: one row per arm, scale and replicate, finished or not; columns as ``results.reading.runs.read_runs``
            says, and ``arm`` (the label), ``changed`` ({parameter: value} that somebody chose for the strategy).
        eval_set: the real set that accuracy is of: ``test``, ``monitor`` or a shifted one.
        exclude: phases left out of total hours.
        beside: runs of comparisons that differ in how images are sampled alone, with that in the name of their arm;
            see ``results.analysis.variants``.
        is_variant: do its own runs stand beside those of another?
    """

    group: Group
    runs: pd.DataFrame
    eval_set: str = "test"
    exclude: tuple[str, ...] = ()
    beside: pd.DataFrame | None = None
    is_variant: bool = False

    def with_(self, eval_set: str | None = None, exclude: Collection[str] | None = None) -> "Comparison":
        """The same runs, looked at otherwise. Raises BadInput."""
        found = replace(
            self,
            eval_set=self.eval_set if eval_set is None else eval_set,
            exclude=self.exclude if exclude is None else tuple(exclude),
        )
        check(found.runs, found.eval_set, found.exclude)
        return found

    def only(self, arms: Collection[str]) -> "Comparison":
        """The runs of these arms."""
        return replace(self, runs=self.runs[self.runs["arm"].isin(list(arms))])

    @cached_property
    def whole(self) -> "Comparison":
        """The same with what is ``beside`` it among its runs."""
        if self.beside is None:
            return self
        return replace(self, runs=pd.concat([self.runs, self.beside]), beside=None)

    @property
    def title(self) -> str:
        return self.group.title

    @property
    def slug(self) -> str:
        """For file names."""
        return self.group.slug

    @property
    def column(self) -> str:
        """The column of ``runs`` that holds the accuracy on ``eval_set``, a fraction."""
        return column_of(self.eval_set)

    @cached_property
    def arms(self) -> tuple[str, ...]:
        """Labels, baselines first, the ceiling last."""
        return tuple(sorted(self.runs["arm"].unique(), key=rank))

    @cached_property
    def main_arms(self) -> frozenset[str]:
        """The arms of the comparison proper: strategies as they are by default, and what was run at several scales;
        all where nothing was.

        The ceiling is not among them. The others are ablations.
        """
        return main_arms(self.runs)

    @cached_property
    def drawn_arms(self) -> frozenset[str]:
        """The main arms that figures draw: all, or, where they are more than MOST_DRAWN, the controls and of each
        strategy the one with fewest parameters; the league has the others.
        """
        main = self.main_arms
        if len(main) <= MOST_DRAWN:
            return main
        plainest: dict[str, str] = {}
        for arm in sorted(main, key=lambda arm: (arm.count(" "), rank(arm))):
            plainest.setdefault(arm.partition(" ")[0], arm)
        return frozenset(plainest.values()) | (main & set(CONTROLS))

    @cached_property
    def scales(self) -> tuple[int, ...]:
        return tuple(sorted(int(scale) for scale in self.runs["scale"].unique()))

    @cached_property
    def done(self) -> pd.DataFrame:
        """The finished runs."""
        return self.runs[self.runs["state"] == "done"]

    @cached_property
    def replicates(self) -> Replicates:
        """(seed, split) of all runs, begun or planned."""
        return replicates(self.runs)

    @cached_property
    def ceiling(self) -> pd.DataFrame:
        """Runs of ``real`` with the most images, one per replicate.

        Beyond the number of real images there are they are the same run at every scale.
        """
        real = self.runs[self.runs["arm"] == CEILING].sort_values(["scale", "run_id"])
        done = real[real["state"] == "done"]
        if not len(done):
            return real[:0]
        first = done.loc[done["images_kept"] == done["images_kept"].max(), "scale"].min()
        top = real[real["scale"] >= first]
        return top.sort_values("state", key=lambda states: states != "done", kind="stable").drop_duplicates(UNIT)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The runs that stand in a cell of arm × scale: all but those of the ceiling."""
        if not len(self.ceiling):
            return self.runs
        return self.runs[(self.runs["arm"] != CEILING) | (self.runs["scale"] < self.ceiling["scale"].min())]

    def by_cell(self) -> Iterator[tuple[str, int, pd.DataFrame]]:
        """(arm, scale, its runs) of every cell, baselines first; empty ones too."""
        yield from by_arm_and_scale(self.cells)

    def expected(self, scale: int) -> Replicates:
        """The replicates that any arm was begun, or planned, with at this scale; see ``awaited``."""
        return self._expected.get(int(scale), set())

    def is_whole(self, arm: str, scale: int, done: pd.DataFrame, expected: Replicates | None = None) -> bool:
        """Have the finished runs of a cell all replicates that it waits for? ``expected``: of some arms alone."""
        own = self._planned.get((arm, int(scale)), set())
        return replicates(done) >= awaited(own, self.expected(scale) if expected is None else expected)

    @cached_property
    def _expected(self) -> dict[int, Replicates]:
        return {scale: replicates(part) for scale, part in by_scale(self.cells)}

    @cached_property
    def _planned(self) -> dict[tuple[str, int], Replicates]:
        return {(arm, scale): replicates(part) for arm, scale, part in self.by_cell()}

    @cached_property
    def devices(self) -> tuple[str, ...]:
        """Kinds of device of the finished runs; ``mixed`` where a run went over several."""
        return tuple(sorted(self.done["device"].dropna().unique()))

    @property
    def device(self) -> str | None:
        """The kind of device of all finished runs; None where there are several, whose hours do not compare."""
        return self.devices[0] if len(self.devices) == 1 else None

    @cached_property
    def test_images(self) -> int | None:
        """How many images the test set has."""
        return self._size("test_images")

    @cached_property
    def eval_images(self) -> int | None:
        """How many images the set has that accuracy is of; None of monitor and of shifts, of which no run says it."""
        return self._size({"test": "test_images", "population": "population_images"}.get(self.eval_set, ""))

    def _size(self, column: str) -> int | None:
        known = self.runs[column].dropna().tolist() if column in self.runs else []
        return int(known[0]) if known else None

    @cached_property
    def hours(self) -> pd.Series:
        """Device hours of each run's result without the phases in ``exclude``; nan over mixed devices."""
        return total_hours(self.runs, self.exclude)


def check(runs: pd.DataFrame, eval_set: str, exclude: Collection[str]) -> None:
    """Raises BadInput where no run has an accuracy on the set, or a phase has no hours."""
    drawn = ["population"] if "population" in runs and runs["population"].notna().any() else []
    known = ["test", "monitor", *drawn, *shifted_sets(runs)]
    if eval_set not in known:
        raise BadInput("on", eval_set, f"one of {', '.join(known)}.{did_you_mean(eval_set, known)}")
    for phase in exclude:
        if phase not in PRICED:
            raise BadInput("exclude", phase, f"one of {', '.join(PRICED)}.{did_you_mean(phase, PRICED)}")


def replicates(runs: pd.DataFrame) -> Replicates:
    """(seed, split) of each run."""
    return set(zip(runs["seed"], runs["data.split"]))


def awaited(own: Replicates, expected: Replicates) -> Replicates:
    """The replicates that a cell waits for: those that it was begun, or planned, with; where these are fewer than FEW
    all that any arm has there. (Of a scale at which one arm has more seeds than the others, no cell waits for these.)
    """
    return own if len(own) >= FEW else own | expected


def main_arms(runs: pd.DataFrame) -> frozenset[str]:
    """See ``Comparison.main_arms``."""
    scales = runs[runs["arm"] != CEILING].groupby("arm")["scale"].nunique()
    counts = {str(arm): int(count) for arm, count in scales.items()}
    if max(counts.values(), default=0) < 2:
        return frozenset(counts)
    return frozenset(arm for arm, count in counts.items() if count > 1 or " " not in arm)


def by_arm_and_scale(runs: pd.DataFrame) -> list[tuple[str, int, pd.DataFrame]]:
    """(arm, scale, its runs) of every combination, baselines first; empty ones too."""
    met = {(arm, scale): part for scale, rows in by_scale(runs) for arm, part in rows.groupby("arm")}
    order = sorted(runs["arm"].unique(), key=rank), sorted(int(scale) for scale in runs["scale"].unique())
    return [(arm, scale, met.get((arm, scale), runs[:0])) for arm, scale in product(*order)]


def by_scale(runs: pd.DataFrame) -> list[tuple[int, pd.DataFrame]]:
    """(scale, its runs), the smallest first."""
    return [(int(str(scale)), part) for scale, part in runs.groupby("scale")]


def shifted_sets(runs: pd.DataFrame) -> list[str]:
    """The shifted real sets that runs have a column for."""
    return [name.removeprefix("shifted.") for name in map(str, runs.columns) if name.startswith("shifted.")]


def total_hours(runs: pd.DataFrame, exclude: Collection[str] = ()) -> pd.Series:
    """Device hours of each run's result without the phases in ``exclude``; nan over mixed devices."""
    counted = [f"gpu_hours.{phase}" for phase in PRICED if phase not in exclude]
    return runs[counted].sum(axis=1).where(runs["gpu_hours.total"].notna())
