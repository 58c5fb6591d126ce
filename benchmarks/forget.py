"""Remove runs: shows what would go and how large it is; ``yes=yes`` removes it.

    python -m benchmarks.forget results/runs state=failed,interrupted
    python -m benchmarks.forget results/runs strategy=dp dp.omega=0.1 seed=0..4 yes=yes
    python -m benchmarks.forget results/runs run=digits-dp-4k-s0-0123456789 yes=yes
    python -m benchmarks.forget results/runs code=older         runs that were made again with newer code of a plugin
    python -m benchmarks.forget results/runs --stale            what sweeps wait for and no command means any more

A run is chosen if it fits every key that is given: ``state``, ``code``, and keys of the run, values by commas. It goes
with its folder, and sweeps no longer wait for it. A run that a process or a job works on stays, as does a folder that
holds what no run writes; then the exit code is 1. Killed half-way, the same command goes on. Nothing else under a root
is touched: tables, reports, other files.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import cli, removal
from benchmarks.survey import BUSY, ORDER, Plan, Row, Survey, survey
from dp_common.config import grid
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.config.typed import BOOLEANS, count, number
from dp_common.errors import BadInput, Damaged, Held, did_you_mean
from dp_common.persistence import ledger
from dp_common.persistence.summary import read_summary

STATES = tuple(state for state in ORDER if state not in BUSY)


@dataclass
class Options:
    """Keys of this application."""

    root: tuple[str, ...] = option(
        (Runtime.root,), "folder of runs, at any depth; several may be given", positional=True, place=True, several=True
    )
    run: tuple[str, ...] = option((), "only runs of these ids", unset="any", many=True)
    state: tuple[str, ...] = option((), "only runs of these states", unset="any", many=True, choices=STATES)
    code: str = option("", "only runs that were made again with a newer version of a plugin's code", choices=("older",))
    all: bool = option(False, "every run, where nothing else is said")
    stale: bool = option(False, "take out of sweeps what was never begun and whose words mean no such run by now")
    yes: bool = option(False, "remove them; without it nothing is changed")
    overrides: tuple[str, ...] = option(
        (), "only runs with these values, such as strategy=dp scale=1k,2k seed=0..4 dp.omega=0", rest=True
    )


class Chosen(NamedTuple):
    """Runs with a folder to remove, entries of plans to take out, what is left of a removal that was killed."""

    rows: list[Row]
    entries: set[str]
    remains: list[Path]


def main(argv: Sequence[str]) -> int:
    """Show or remove runs; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    filters = {key: grid.values_of(key, text) for key, _, text in (word.partition("=") for word in options.overrides)}
    if not (options.run or options.state or options.code or filters or options.all or options.stale):
        said = f"say which: run=ID, state={','.join(STATES[:2])}, code=older, strategy=dp seed=0..4, --stale, or --all"
        raise BadInput("forget", None, said)
    if options.all and (options.run or options.state or options.code or filters):
        raise BadInput("all", "yes", "alone, or other keys without it")
    found = survey(options.root)
    for note in found.notes:
        print(note, file=sys.stderr)
    matching = list(choose(found, options, filters))
    left = [(row["run_id"], f"is {row['state']}") for row in matching if row["state"] in BUSY]
    rows: list[Row] = []
    for row in matching:
        if row["state"] not in BUSY and row["folder"]:
            why = removal.why_not(Path(row["folder"]), options.root)
            rows += [] if why else [row]
            left += [(row["run_id"], why)] if why else []
    stays = {run_id for run_id, _ in left}
    entries = {row["run_id"] for row in matching} - stays | set(stale(found.plans, found) if options.stale else ())
    chosen = Chosen(rows, entries, removal.remains(options.root))
    if not any(chosen) and not left:
        print("no run fits", file=sys.stderr)
        return 0
    show(chosen, found.plans, options.yes)
    if options.yes:
        left += forget(chosen, found.plans)
    for run_id, why in left:
        print(f"stays: {run_id} {why}", file=sys.stderr)
    return 1 if left else 0


def choose(found: Survey, options: Options, filters: dict[str, list[str]]) -> Iterator[Row]:
    """The runs that fit all that was said. Raises BadInput: an id or a key that no run has."""
    if options.stale and not (options.run or options.state or options.code or filters):
        return
    ids = {row["run_id"] for row in found.rows}
    unknown = [run_id for run_id in options.run if run_id not in ids]
    if len(unknown) == len(options.run) > 0:
        raise BadInput("run", unknown[0], f"no run of this id there.{did_you_mean(unknown[0], ids)}")
    for run_id in unknown:
        print(f"note: {run_id}: no run of this id there (any more)", file=sys.stderr)
    words = {run_id: typed for plan in found.plans for run_id, typed in plan.runs.items()}
    values = {id(row): values_of(row, words) for row in found.rows} if filters else {}
    known = {key for value in values.values() for key in value}
    for key in filters:
        if known and key not in known:
            raise BadInput(key, ",".join(filters[key]), f"no run there has this key.{did_you_mean(key, known)}")
    older = made_anew(options.root) if options.code else set()
    for row in found.rows:
        if (
            (not options.run or row["run_id"] in options.run)
            and (not options.state or row["state"] in options.state)
            and (not options.code or row["run_id"] in older)
            and all(fits(key, values[id(row)].get(key), texts) for key, texts in filters.items())
        ):
            yield row


def values_of(row: Row, words: dict[str, list[str]]) -> dict[str, Any]:
    """The specification of a run, from its summary, its ledger or its plan; {} where none of them can be read."""
    try:
        if row["state"] == "missing":
            from dp_common.config.resolve import resolve

            return resolve(words[row["run_id"]]).values
        folder = Path(str(row["folder"]))
        opened: Any = [record for record in ledger.read(folder) if record["kind"] == "open"]
        return read_summary(folder).get("values") or (opened[-1]["values"] if opened else {})
    except (Damaged, BadInput, KeyError):
        return {}


def fits(key: str, value: Any, texts: Sequence[str]) -> bool:
    """Is a value one of those typed? Raises BadInput where they are of another kind."""
    if value is None:
        return False
    if isinstance(value, bool):
        return value in [BOOLEANS.get(text.lower()) for text in texts]
    if isinstance(value, int):
        return value in [count(key, text) for text in texts]
    if isinstance(value, float):
        return value in [number(key, text) for text in texts]
    return str(value) in [grid.unquote(text) for text in texts]


def made_anew(roots: Sequence[str]) -> set[str]:
    """Ids of runs of which there is a newer one that differs in code, data or weights alone."""
    from results.analysis.study import load

    every, newest = (load(roots, code).runs["run_id"] for code in ("all", "newest"))
    return set(every) - set(newest)


def stale(plans: Sequence[Plan], found: Survey) -> Iterator[str]:
    """Ids of planned runs that never began and whose words mean another run by now, or none."""
    from dp_common.config.resolve import resolve

    waiting = {row["run_id"] for row in found.rows if row["state"] == "missing"}
    for plan in plans:
        for run_id, words in plan.runs.items():
            if run_id in waiting:
                try:
                    if resolve(words).run_id == run_id:
                        continue
                except BadInput:
                    pass
                yield run_id


def show(chosen: Chosen, plans: Sequence[Plan], yes: bool) -> None:
    """List what goes, with its size."""
    sizes = [removal.size_of(Path(str(row["folder"])).resolve()) for row in chosen.rows]
    for row, size in zip(chosen.rows, sizes):
        print(f"{row['state']:12} {row['run_id']}  {megabytes(size)}  {row['folder']}")
    for folder in chosen.remains:
        sizes.append(removal.size_of(folder))
        print(f"{'half removed':12} {folder.name}  {megabytes(sizes[-1])}  {folder}")
    entries = sum(run_id in chosen.entries for plan in plans for run_id in plan.runs)
    runs = f"{len(sizes)} run{'' if len(sizes) == 1 else 's'}, {megabytes(sum(sizes))}"
    waiting = f"{entries} {'entry' if entries == 1 else 'entries'} in what sweeps remember"
    print(f"{runs}, and {waiting}{'' if yes else ': nothing is removed yet, yes=yes does it'}", file=sys.stderr)


def forget(chosen: Chosen, plans: Sequence[Plan]) -> list[tuple[str, str]]:
    """Remove them, entries of plans first: what is killed in between can be repeated. Returns what stays, and why."""
    changed, left = removal.take_out(plans, chosen.entries), list[tuple[str, str]]()

    def attempt(row: Row) -> None:
        try:
            removal.remove(Path(str(row["folder"])))
        except Held as held:
            left.append((row["run_id"], f"is held: {held}"))

    with ThreadPoolExecutor(128) as pool:  # each may wait a minute for a sign of life of a holder elsewhere
        list(pool.map(attempt, chosen.rows))
    for folder in chosen.remains:
        shutil.rmtree(folder, ignore_errors=True)
    removed = len(chosen.rows) + len(chosen.remains) - len(left)
    print(f"{removed} removed, {changed} plan{'' if changed == 1 else 's'} changed", file=sys.stderr)
    return left


def megabytes(size: int) -> str:
    """0.4 MB, 12.0 MB."""
    return f"{size / 1e6:,.1f} MB"


if __name__ == "__main__":
    cli.guarded(main)
