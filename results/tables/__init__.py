"""The tables of a comparison, and those that go across comparisons.

A table is a file in this folder, found by it. Its docstring begins with what it shows, for the list of tables; it says
NAME (what one types in ``tables=``), POSITION (a number, where it stands among the others) and one or both of

    def tables(comparison: Comparison) -> list[Table]    made of each comparison
    def across(study: Study) -> list[Table]              made of all comparisons side by side

each a pure function of runs, empty where its data is not there; ``tables`` with ``targets`` as a second argument where
it takes such. Captions say what the numbers are. Modules without a
NAME are shared by the others. A file of somebody's own is named by its path, ``tables=./mine.py``.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from inspect import signature
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from dp_common.errors import BadInput, did_you_mean
from results.analysis.comparisons import Comparison
from results.analysis.study import Study
from results.tables.table import Cell as Cell
from results.tables.table import Table as Table

LAST = 1000  # the position of a table that says none


@lru_cache
def installed() -> dict[str, ModuleType]:
    """{name: module} of the tables in this folder, in the order of a page."""
    modules = [import_module(f"{__name__}.{entry.name}") for entry in iter_modules(__path__)]
    return {module.NAME: module for module in in_order(module for module in modules if hasattr(module, "NAME"))}


def in_order(modules: Iterable[ModuleType]) -> list[ModuleType]:
    """Tables by their POSITION, then by name."""
    return sorted(modules, key=lambda module: (getattr(module, "POSITION", LAST), module.NAME))


def find(names: Sequence[str] | None = None) -> list[ModuleType]:
    """The tables with these names, or of these files (``./mine.py``);

    all that are installed if none are named. Raises BadInput.
    """
    known = installed()
    if names is None:
        return list(known.values())
    for name in names:
        if name not in known and not name.endswith(".py"):
            allowed = f"all, or some of {', '.join(known)}, by commas, or a file such as ./mine.py."
            raise BadInput("tables", name, allowed + did_you_mean(name, known))
    return in_order(known[name] if name in known else read_file(name) for name in dict.fromkeys(names))


def read_file(path: str) -> ModuleType:
    """The table in a file of somebody's own. Raises BadInput."""
    spec = spec_from_file_location(f"table_{Path(path).stem}", path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise BadInput("tables", path, "no such file")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadInput("tables", path, f"does not import: {type(error).__name__}: {error}") from error
    if not hasattr(module, "tables") and not hasattr(module, "across"):
        raise BadInput("tables", path, "defines neither tables(comparison) nor across(study)")
    if not hasattr(module, "NAME"):
        setattr(module, "NAME", Path(path).stem)  # noqa: B010
    return module


def of_comparisons(
    study: Study, names: Sequence[str] | None = None, targets: Sequence[float] = ()
) -> list[tuple[Comparison, list[Table]]]:
    """The tables of each comparison; none where no run of it is finished.

    Args:
        study: of finished and other runs.
        names: of the tables, or their files; all by default.
        targets: accuracies (fractions) whose cost is shown, instead of what static reaches.

    Raises:
        BadInput: a name is no table's.
    """
    modules = [module for module in find(names) if hasattr(module, "tables")]
    return [
        (
            comparison,
            [table for module in modules for table in tables_of(module, comparison, targets)]
            if len(comparison.done)
            else [],
        )
        for comparison in study.comparisons
    ]


def tables_of(module: ModuleType, comparison: Comparison, targets: Sequence[float] = ()) -> list[Table]:
    """What one table's file makes of a comparison."""
    takes = "targets" in signature(module.tables).parameters
    found = module.tables(comparison, targets=targets) if takes else module.tables(comparison)
    return [table for table in found if says_something(table)]


def says_something(table: Table) -> bool:
    """Does it have a cell, beside the names of its rows, that is more than a dash?"""
    return len(table.columns) < 2 or any(cell.text not in ("", "—") for row in table.rows for cell in row[1:])


def across_comparisons(study: Study, names: Sequence[str] | None = None) -> list[Table]:
    """The tables of all comparisons side by side, those whose data is there. Raises BadInput."""
    return [
        table
        for module in find(names)
        if hasattr(module, "across")
        for table in module.across(study)
        if says_something(table)
    ]
