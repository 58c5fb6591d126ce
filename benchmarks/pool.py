"""Plain images that the runs of a root share (pool=yes): list them, fill ahead, remove.

    python -m benchmarks.pool results/runs                           keys, images, size, hours of making them, runs
    python -m benchmarks.pool results/runs remove=unused             those that no run refers to; yes=yes removes them
    python -m benchmarks.pool fill n=64k teacher=unet seed=0         makes what is lacking; fill --help says more

A run keeps copies of what it took: a pool that is removed takes nothing from runs that are done.
"""

import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import cli
from benchmarks.forget import megabytes
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.errors import Damaged, Problem
from dp_common.persistence import ledger
from dp_common.persistence.places import look_under
from dp_common.progress import hours_text


@dataclass
class Options:
    """Keys of this application."""

    root: str = option(Runtime.root, "folder of runs; or the word fill", positional=True, place=True)
    remove: str = option("", "unused: pools that no run under the root refers to", choices=("unused",))
    yes: bool = option(False, "remove them; without it nothing is changed")


def main(argv: Sequence[str]) -> int:
    """List, remove or fill; returns the exit code."""
    if argv and argv[0] == "fill":
        from benchmarks.pool_fill import fill

        return fill(argv[1:])
    options = cli.parse(argv, Options, __doc__)
    root, unused = Path(options.root), []
    users = users_of(root)
    for folder, about in pools_under(root):
        images, seconds, size = content(folder)
        said = f"{about['task']} {about['teacher']} seed={about['seed']} {about['device']}"
        runs = users[folder.name]
        print(
            f"{folder.name}  {images:>9,} images  {megabytes(size):>10}  {hours_text(seconds / 3600):>12} h to make  "
            f"{runs} run{'' if runs == 1 else 's'}  {said}"
        )
        unused += [] if runs else [folder]
    if options.remove:
        for folder in unused:
            if options.yes:
                shutil.rmtree(folder)
            print(f"{'removed' if options.yes else 'would go: yes=yes removes it'}: {folder}", file=sys.stderr)
    for line in job_lines(root):
        print(line)
    return 0


def pools_under(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    """(folder, what its images are made of) of each pool under a root; of one whose folder does not say it, a note."""
    from dp_common.pool import store

    found = []
    for path in sorted((root / store.FOLDER).glob(f"*/{store.ABOUT}")):
        if about := store.about_of(path.parent):
            found.append((path.parent, about))
        else:
            print(
                f"note: {path}: not what was written; whoever makes images for it next mends that",
                file=sys.stderr,
            )
    return found


def job_lines(root: Path) -> list[str]:
    """How the jobs that fill pools are, a line for each submission that is not over."""
    from slurm import state

    try:
        jobs = state.jobs(root)[0]
    except Problem as problem:
        return [f"SLURM does not answer: {problem}"]
    filling: dict[str, Counter[str]] = {}
    for job in jobs:
        if job.sweep.startswith("fill-"):
            filling.setdefault(job.sweep, Counter())[job.state.lower() or "unknown"] += 1
    return [
        f"{sweep}  {', '.join(f'{n} {said}' for said, n in sorted(states.items()))}"
        for sweep, states in filling.items()
    ]


def users_of(root: Path) -> Counter[str]:
    """How many runs under a root refer to each pool, by key: those whose ledger says so. Raises BadInput: no root."""
    users: Counter[str] = Counter()
    for folder in look_under([root]).runs:
        try:
            records: list[Any] = [record for record in ledger.read(folder) if record["kind"] == "open"]
        except Damaged as damage:
            print(f"note: {damage}", file=sys.stderr)
            continue
        users.update({record["pool"] for record in records if "pool" in record})
    return users


def content(folder: Path) -> tuple[int, float, int]:
    """(images, seconds that making them took, bytes) of a pool, as its files say; those that are damaged count by their
    size alone.
    """
    from dp_common.pool import store

    images, seconds, size = 0, 0.0, 0
    for path in store.files_in(folder):
        size += path.stat().st_size
        try:
            records = store.records_of(path, folder.name)
        except Damaged as damage:
            print(f"note: {damage}", file=sys.stderr)
            continue
        images += sum(record["stop"] - record["start"] for record in records)
        seconds += sum(record["seconds"] for record in records)
    return images, seconds, size


if __name__ == "__main__":
    cli.guarded(main)
