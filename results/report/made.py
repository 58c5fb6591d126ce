"""How it was made: the commands, machines, software and commits behind the runs, as far as ledgers tell.

No dates, no folders of this machine.
"""

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from results.frames import records
from results.reading.history import records_of
from results.reading.sweeps import sweeps_under
from results.tables.table import Table, text_rows

DIRTY = {"True": "yes", "False": "no"}
OWN = ("matplotlib", "seaborn", "pandas", "numpy", "scipy")  # what tables and figures are made with


def commands(runs: pd.DataFrame, root: str | Path) -> tuple[list[tuple[str, int, int]], list[str]]:
    """How the runs were made.

    Returns:
        (command, runs of it that are here, how many of them are done) of the sweeps remembered under ``root``; and the
        commands of the runs that none of them planned.
    """
    states = dict(zip(runs["run_id"], runs["state"]))
    sweeps, planned = [], set()
    for sweep in sweeps_under(root):
        of_sweep = [run_id for run_id in sweep.runs if run_id in states]
        planned |= set(of_sweep)
        if of_sweep:
            text = typed("sweep", sweep.words)
            sweeps.append((text, len(of_sweep), sum(states[run_id] == "done" for run_id in of_sweep)))
    alone = runs[~runs["run_id"].isin(planned) & runs["folder"].notna()]
    return sorted(sweeps), [typed("run", opened(folder).get("words", [])) for folder in alone["folder"]]


def opened(folder: Path) -> dict[str, Any]:
    """The last ``open`` line of a run; {} where it has none."""
    lines = [record for record in records_of(folder) if record["kind"] == "open"]
    return lines[-1] if lines else {}


def typed(name: str, overrides: Iterable[str]) -> str:
    """A command as one would type it, without where its runs lie."""
    kept = [nameless(text) for text in overrides if not text.startswith(("root=", "out="))]
    return shlex.join(["python", "-m", f"benchmarks.{name}", *kept])


def nameless(override: str) -> str:
    """``data.root=/home/me/imagenet`` -> ``data.root=…/imagenet``: what a place is called, not where this machine has
    it.
    """
    key, equals, value = override.partition("=")
    return f"{key}=…/{Path(value).name}" if equals and value.startswith(("/", "~")) else override


def tables(runs: pd.DataFrame) -> list[Table]:
    """Machines, software and commits; counts are of finished runs."""
    done = runs[runs["state"] == "done"]
    return [table for table in (machines(done), software(done), commits(done)) if table.rows]


def machines(done: pd.DataFrame) -> Table:
    """Finished runs by machine."""

    def key(run: dict[str, Any]) -> tuple[str, ...]:
        cpus = "; ".join(run["cpus"]) or "not recorded"
        return (run["device"], cpus, number(run.get("devices")), number(run.get("threads")))

    return Table(
        "Machines",
        "Finished runs by device, CPU model, devices and threads of a run, as their ledgers recorded them.",
        ["device", "CPU", "devices", "threads", "runs"],
        text_rows(counted(done, key)),
        "llrrr",
    )


def software(done: pd.DataFrame) -> Table:
    """Versions of packages."""
    rows = []
    for column in sorted(name for name in map(str, done) if name.startswith("versions.")):
        versions = sorted(done[column].dropna().value_counts().items())
        texts = [f"{version} ({count} runs)" if len(versions) > 1 else str(version) for version, count in versions]
        if texts:
            rows.append([column.removeprefix("versions."), ", ".join(texts)])
    caption = "Versions in the last attempt of each finished run."
    return Table("Software of the runs", caption, ["package", "version"], text_rows(rows), "ll")


def commits(done: pd.DataFrame) -> Table:
    """Finished runs by commit."""
    if "git.commit" not in done:
        return Table("Commits", "", ["commit"], [], "l")

    def key(run: dict[str, Any]) -> tuple[str, ...]:
        commit = run["git.commit"] if isinstance(run["git.commit"], str) else ""
        return (f"`{commit[:12] or 'unknown'}`", DIRTY.get(str(run.get("git.dirty")), "unknown"))

    return Table(
        "Commits",
        "Finished runs by the commit of the code in their last attempt; dirty: with uncommitted changes, so that the "
        "commit alone does not give the code again.",
        ["commit", "dirty", "runs"],
        text_rows(counted(done, key)),
        "llr",
    )


def counted(done: pd.DataFrame, key: Callable[[dict[str, Any]], tuple[str, ...]]) -> list[list[str]]:
    """[*key, number of runs] in the order of the keys."""
    met: dict[tuple[str, ...], int] = {}
    for run in records(done):
        met[key(run)] = met.get(key(run), 0) + 1
    return [[*values, str(count)] for values, count in sorted(met.items())]


def number(value: float | None) -> str:
    """A count that may not be known."""
    return str(int(value)) if value is not None and value == value else "—"


def own_versions() -> str:
    """The sentence about what tables and figures were made with."""
    from importlib.metadata import version

    return f"Tables and figures were made with {', '.join(f'{package} {version(package)}' for package in OWN)}."
