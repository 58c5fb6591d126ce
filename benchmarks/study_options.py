"""Keys that table, report and claims share: which runs of one folder or several, on what, at which prices."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cli, unit_costs
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput

if TYPE_CHECKING:
    from results.analysis.repricing import Prices
    from results.analysis.study import Study


@dataclass
class StudyOptions:
    """The keys of an application that reads a folder of runs."""

    root: tuple[str, ...] = option(
        (Runtime.root,), "folder of runs, at any depth; several may be given", positional=True, place=True, several=True
    )
    out: str = option("", "folder to write to", place=True)
    seed: tuple[int, ...] = option(
        (), "only runs of these seeds, such as 0..4 or 0,2,5; seeds= is the same", unset="all", ranges=True
    )
    prices: str = option(
        "",
        f"unit costs to re-price hours at: {' or '.join(unit_costs.names())}, or a CSV as benchmarks.speed writes it",
        unset="none",
    )
    code: str = option(
        "newest",
        "of a run made with several versions of a plugin's code: the newest one, or all, which stand apart",
        choices=("newest", "all"),
    )

    def folder(self, name: str) -> Path:
        """Where to write: ``out``, or a folder of this name under the root; here, where there are several."""
        if self.out:
            return Path(self.out)
        return Path(self.root[0]) / name if len(self.root) == 1 else Path(name)

    def shown_roots(self) -> str:
        """The roots, for a message."""
        return ", ".join(self.root)

    def theory_root(self) -> Path:
        """The first of the roots that has a study of the theory, else the first."""
        from results.analysis import theory

        return next((Path(root) for root in self.root if (Path(root) / theory.NAME).exists()), Path(self.root[0]))

    def load_prices(self) -> "Prices | None":
        """The unit costs asked for. Raises BadInput."""
        from results.analysis import repricing

        return repricing.load(unit_costs.path_of("prices", self.prices)) if self.prices else None


@dataclass
class MeasureOptions(StudyOptions):
    """And what is measured."""

    on: str = option(
        "test", "the real set that accuracy is of: test, a shifted one, or monitor, on which choices are made"
    )
    exclude: tuple[str, ...] = option(
        (), "phases left out of total hours, such as monitor or monitor,score", unset="none", many=True
    )


def study_of(options: StudyOptions) -> "Study":
    """The runs under the root that have one of the seeds asked for; what was left out is said on stderr.

    Raises:
        BadInput: there is none.
    """
    from results.analysis.study import load

    if options.out:
        cli.creatable_folder("out", options.out)
    study = load(options.root, options.code)
    for note in study.notes:
        print(f"note: {note}", file=sys.stderr)
    if not options.seed:
        return study
    study = study.only(options.seed)
    if not len(study.runs):
        raise BadInput("seed", cli.seeds_text(options.seed), f"no run under {options.shown_roots()} has such a seed")
    return study
