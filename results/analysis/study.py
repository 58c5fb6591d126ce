"""A study: all runs under one or several folders, grouped into comparisons once.

What cannot be read is left out and named in ``notes``; so is a run that was made anew with newer code, unless
``code=all``.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from dp_common.errors import BadInput
from results.analysis import repricing
from results.analysis.arms import with_arms
from results.analysis.comparisons import Comparison, check
from results.analysis.grouping import group_runs
from results.analysis.variants import with_variants
from results.analysis.versions import choose_code
from results.reading.runs import READ, read_runs


@dataclass(frozen=True, eq=False)
class Study:
    """Attributes:
    runs: a row per run, those in no comparison (whose first line is torn) too; columns as in ``Comparison.runs``.
    notes: sentences about what was left out, and what to do about it.
    roots: the folders they lie in.
    eval_set, exclude: of all comparisons; see ``Comparison``.
    """

    runs: pd.DataFrame
    notes: tuple[str, ...] = ()
    roots: tuple[Path, ...] = ()
    eval_set: str = "test"
    exclude: tuple[str, ...] = ()

    @classmethod
    def of_frame(cls, frame: pd.DataFrame, notes: Iterable[str] = (), roots: Iterable[Path] = ()) -> "Study":
        """A study of runs that somebody has in a frame, as ``runs`` of another or as ``read_runs`` gives them."""
        missing = {name: None for name in READ if name not in frame}
        frame = frame if not missing else frame.assign(**missing)
        return cls(frame if "arm" in frame else with_arms(frame), tuple(notes), tuple(roots))

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """In the order of their CORE; grouped once."""
        found = [Comparison(group, runs, self.eval_set, self.exclude) for group, runs in group_runs(self.runs)]
        return with_variants(found)

    def single(self) -> Comparison:
        """Its comparison, where it has one only. Raises BadInput that names the key in which its runs differ."""
        if len(self.comparisons) == 1:
            return self.comparisons[0]
        if not self.comparisons:
            raise BadInput("runs", "none", "a comparison needs at least one run with a strategy")
        groups = [one.group for one in self.comparisons]
        sides = [group.core | group.extra | {"data.split": group.split} for group in groups]
        met = {key: list(dict.fromkeys(str(side.get(key)) for side in sides)) for side in sides for key in side}
        key = next(key for key, values in met.items() if len(values) > 1)
        raise BadInput(key, ", ".join(met[key]), "one comparison has one value of it; make a table of each")

    @property
    def finished(self) -> bool:
        """Is any run finished?"""
        return bool((self.runs["state"] == "done").any())

    def with_(self, eval_set: str | None = None, exclude: Collection[str] | None = None) -> "Study":
        """The same runs, looked at otherwise. Raises BadInput."""
        found = replace(
            self,
            eval_set=self.eval_set if eval_set is None else eval_set,
            exclude=self.exclude if exclude is None else tuple(exclude),
        )
        check(found.runs, found.eval_set, found.exclude)
        return found._grouped(replace(one, eval_set=found.eval_set, exclude=found.exclude) for one in self.comparisons)

    def only(self, seeds: Collection[int]) -> "Study":
        """The runs with these seeds."""
        return replace(self, runs=self.runs[self.runs["seed"].isin(list(seeds))])

    def repriced(self, prices: repricing.Prices) -> "Study":
        """The same runs with hours as they would have been elsewhere. Raises BadInput."""
        found = replace(self, runs=repricing.priced(self.runs, prices))
        new = [name for name in found.runs if name not in self.runs or not found.runs[name].equals(self.runs[name])]

        def renewed(runs: pd.DataFrame) -> pd.DataFrame:
            return runs.assign(**found.runs.loc[runs.index, new])

        return found._grouped(
            replace(one, runs=renewed(one.runs), beside=None if one.beside is None else renewed(one.beside))
            for one in self.comparisons
        )

    def _grouped(self, comparisons: Iterable[Comparison]) -> "Study":
        """Itself, with comparisons that need no grouping any more."""
        self.__dict__["comparisons"] = tuple(comparisons)
        return self


def load(roots: str | Path | Iterable[str | Path], code: str = "newest") -> Study:
    """The study of the runs at any depth under one folder, or several.

    Args:
        roots: a folder, or several.
        code: where a run was made with several versions of its code: ``newest``, or ``all`` to tell them apart.

    Raises:
        BadInput: a root is no folder, or there are no runs.
        Problem: one run lies in two folders.
        Damaged: there is no run that is not damaged.
    """
    folders = [Path(roots)] if isinstance(roots, (str, Path)) else [Path(root) for root in roots]
    frame, damaged = read_runs(folders)
    again = "once its folder is deleted, the same command runs it again"
    notes = [f"Damaged and left out: {message}; {again}." for message in damaged]
    frame, more = choose_code(with_arms(frame), code)
    return Study.of_frame(frame, [*notes, *more], folders)
