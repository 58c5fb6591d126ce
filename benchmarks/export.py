"""The final training set of a finished run, as a data set that other tools read.

    python -m benchmarks.export RUN to=imagefolder out=digits-dp
    python -m benchmarks.export results/runs/digits-dp-4k-s0-0123456789 to=parquet out=digits-dp

RUN is the folder of a run, or its id under root=. Written are exactly the images that the learner ended with, each
file as it is stored, with label, class name, index, round, and score when it was added; and a card (README.md) with
command, licence, digest and counts. The digest is computed again on the way and must be the run's. The folder ``out``
is whole or not there.
"""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import cli
from benchmarks.new_places import new_folder
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput, Damaged, Problem, did_you_mean
from dp_common.files import sync_folder
from dp_common.persistence.places import look_under

if TYPE_CHECKING:
    from dp_common.contracts import Task
    from dp_common.lab.final_set import FinalImage, FinalSet, SetDigest

FORMATS = ("imagefolder", "webdataset", "parquet")


@dataclass
class Options:
    """Keys of this application."""

    run: str = option("", "the folder of a finished run, or its id", positional=True, place=True)
    to: str = option("", "format to write", choices=FORMATS)
    out: str = option("", "folder to write, which must not be there yet", place=True)
    root: str = option(Runtime.root, "folder of runs, at any depth, in which an id is looked for", place=True)


def main(argv: Sequence[str]) -> int:
    """Export the set; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    for key, what in (
        ("run", "the folder of a run, or its id"),
        ("to", f"one of {', '.join(FORMATS)}"),
        ("out", "a folder to write, which is not there yet"),
    ):
        if not getattr(options, key):
            raise BadInput(key, None, f"needed: {what}")
    out = new_folder("out", options.out)
    folder = run_folder(options.run, options.root)
    n = export(folder, options.to, out)
    print(f"{n:,} images written to {out}; README.md there says what they are", file=sys.stderr)
    return 0


def run_folder(run: str, root: str) -> Path:
    """The folder of a run that is given by folder or by id. Raises BadInput."""
    if (Path(run) / "ledger.jsonl").is_file():
        return Path(run)
    known = {folder.name: folder for folder in look_under([root]).runs} if Path(root).is_dir() else {}
    if run in known:
        return known[run]
    if Path(run).is_dir():
        raise BadInput("run", run, "not the folder of a run: there is no ledger.jsonl in it")
    raise BadInput("run", run, f"no such folder, and no run of this id under root={root}.{did_you_mean(run, known)}")


def export(folder: Path, to: str, out: Path) -> int:
    """Write the set; returns how many images.

    Raises:
        BadInput: the run is not finished, or its real images are not there any more.
        Damaged: a shard is not what the ledger says, or all of them are not what the summary says.
        Problem: the disk is full.
    """
    from benchmarks.export_card import card
    from benchmarks.export_formats import FORMATS as WRITERS
    from benchmarks.export_formats import READ_BY
    from dp_common.lab.final_set import FinalSet, SetDigest, members_of
    from dp_common.persistence import ledger
    from dp_common.persistence.summary import read_summary

    records, summary = ledger.read(folder), read_summary(folder)
    if not summary:
        raise BadInput("run", folder, "is not finished: give its command again, it goes on from where it is")
    opened: Any = [record for record in records if record["kind"] == "open"][-1]
    final = FinalSet(folder, members_of(records), summary["values"])
    classes = final.classes()
    if final.needs_real or classes is None:
        task = task_of(folder, opened)
        final, classes = replace(final, real=task.train), list(task.classes)
    digest, counts = SetDigest(summary["values"]["train.order"]), Counter[tuple[int, bool]]()
    with whole_folder(out) as trial:
        WRITERS[to](trial, counted(final, digest, counts), len(final), classes)
        if digest.hexdigest() != summary["store_digest"]:
            raise Damaged(
                f"{folder}: its images are not those of its summary (another store_digest); nothing is written"
            )
        how_to_read = READ_BY[to].format(out=out.name)
        text = card(summary, opened, to, classes, counts, how_to_read)
        (trial / "README.md").write_text(text, encoding="utf-8")
    return len(final)


def counted(final: "FinalSet", digest: "SetDigest", counts: "Counter[tuple[int, bool]]") -> "Iterator[FinalImage]":
    """The images of a set, each added to its digest and counted by (label, is it real) as it goes by."""
    from dp_common.progress import Progress

    with Progress(None).task("export", len(final)) as advance:
        for image in final.images():
            digest.add(image)
            counts[image.label, image.real] += 1
            yield image
            advance(1)


def task_of(folder: Path, opened: Any) -> "Task":
    """The task of a run, loaded, for its real images. Raises BadInput where they are not what they were."""
    from dp_common.config.resolve import resolve

    resolved = resolve(opened["words"])
    before, now = opened["fingerprints"]["data_fingerprint"], resolved.fingerprints["data_fingerprint"]
    if before != now:
        raise BadInput("run", folder, f"its real images have changed since: data fingerprint {now}, then {before}")
    resolved.task.load(resolved.spec.data.split)
    return resolved.task


@contextmanager
def whole_folder(out: Path) -> "Iterator[Path]":
    """A folder beside ``out`` to write into, which becomes ``out`` when all is written, or is removed.

    Raises:
        BadInput: something is at ``out`` by then.
        Problem: the disk is full.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    trial = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    trial.mkdir()
    try:
        yield trial
        for path in sorted(trial.rglob("*"), reverse=True):
            sync(path)
        sync(trial)
        if os.path.lexists(out):
            raise BadInput("out", out, "is there already: something else has written it meanwhile")
        os.rename(trial, out)
        sync(out.parent)
    except OSError as error:
        raise Problem(f"{out}: {error.strerror or error}; nothing is written") from error
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def sync(path: Path) -> None:
    """Wait until the disk has a file, or knows what a folder holds."""
    if path.is_dir():
        sync_folder(path)
        return
    with open(path, "rb") as file:
        os.fsync(file.fileno())


if __name__ == "__main__":
    cli.guarded(main)
