"""Plain images that the runs of a root share (pool=yes): list them, fill ahead, remove.

    python -m benchmarks.pool results/runs                           keys, images, size, hours of making them, runs
    python -m benchmarks.pool results/runs remove=unused             those that no run refers to; yes=yes removes them
    python -m benchmarks.pool fill n=64k teacher=unet seed=0 root=results/runs

With ``fill`` the other keys are those of the runs that will take the images: what decides a plain image (task, teacher,
sampler, seed, images, threads) decides where it is kept. A run keeps copies of what it took: a pool that is removed
takes nothing from runs that are done.
"""

import json
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
from dp_common.errors import BadInput, Damaged
from dp_common.persistence import ledger
from dp_common.persistence.places import look_under


@dataclass
class Options:
    """Keys of this application."""

    root: str = option(Runtime.root, "folder of runs; or the word fill", positional=True, place=True)
    remove: str = option("", "unused: pools that no run under the root refers to", choices=("unused",))
    yes: bool = option(False, "remove them; without it nothing is changed")


@dataclass
class FillOptions:
    """Keys of ``fill``."""

    n: int = option(0, "with fill: images in all, from the first on", low=0)
    overrides: tuple[str, ...] = option((), "with fill: keys of the runs that will take them", rest=True)


def main(argv: Sequence[str]) -> int:
    """List, remove or fill; returns the exit code."""
    if argv and argv[0] == "fill":
        return fill(cli.parse(argv[1:], FillOptions, __doc__))
    options = cli.parse(argv, Options, __doc__)
    from dp_common.pool import store

    root, unused = Path(options.root), []
    users = users_of(root)
    for folder in sorted(path.parent for path in (root / store.FOLDER).glob(f"*/{store.ABOUT}")):
        images, seconds, size = content(folder)
        about = json.loads((folder / store.ABOUT).read_bytes())
        said = f"{about['task']} {about['teacher']} seed={about['seed']} {about['device']}"
        runs = users[folder.name]
        print(
            f"{folder.name}  {images:>9,} images  {megabytes(size):>10}  {seconds / 3600:8.4f} h to make  "
            f"{runs} run{'' if runs == 1 else 's'}  {said}"
        )
        unused += [] if runs else [folder]
    if options.remove:
        for folder in unused:
            if options.yes:
                shutil.rmtree(folder)
            print(f"{'removed' if options.yes else 'would go: yes=yes removes it'}: {folder}", file=sys.stderr)
    return 0


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
    """(images, seconds that making them took, bytes) of a pool; files that are damaged count by their size alone."""
    from dp_common.pool import store

    images, seconds, size = 0, 0.0, 0
    for path in store.files_in(folder):
        size += path.stat().st_size
        try:
            blocks = store.read_file(path, folder.name)
        except Damaged as damage:
            print(f"note: {damage}", file=sys.stderr)
            continue
        images += sum(block.stop - block.start for block in blocks)
        seconds += sum(block.seconds for block in blocks)
    return images, seconds, size


def fill(options: FillOptions) -> int:
    """Make what is lacking; returns the exit code."""
    if not options.n:
        raise BadInput("n", options.n, "how many images, such as n=64k")
    for word in options.overrides:
        if word.partition("=")[0] in ("strategy", "scale", "pool"):
            raise BadInput(word.partition("=")[0], word.partition("=")[2], "left out: plain images are of every run")
    from dp_common.config.resolve import resolve
    from dp_common.lab.filling import fill as fill_pool
    from dp_common.lab.runner import preflight
    from dp_common.progress import Progress

    resolved = resolve(["strategy=static", f"scale={options.n}", "pool=yes", *options.overrides])
    device = preflight(resolved)
    with Progress(None).task("generate", options.n) as show:
        meter = fill_pool(resolved, device, show, lambda: None)
    spent = meter.snapshot_and_reset()
    own = spent["phases"].get("generate", 0.0) - spent.get("pooled", {}).get("generate", 0.0)
    print(f"{options.n:,} images are there; {own / 3600:.4f} h spent on those that were not", file=sys.stderr)
    return 0


if __name__ == "__main__":
    cli.guarded(main)
