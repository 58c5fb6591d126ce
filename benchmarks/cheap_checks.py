"""What can be wrong with a run and is found in a moment, without torch: for ``run``, ``sweep`` and ``--dry-run`` alike.

Files that are named and not there, a folder that cannot be written, a disk that is too small. What takes torch to find
is found a few seconds later, before anything is written (``dp_common/lab/runner.py``).
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import cli
from benchmarks.estimates.words import size
from benchmarks.pool_checks import require_pool
from dp_common.errors import BadInput
from dp_common.lab import static_checks
from dp_common.real_images.kept_pixels import AUTO, NEVER, SUFFIX

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

LEAST_SHARE = 0.05  # of its pixels' bytes: no format stores a generated image in less
LEAST_BYTES = 100  # of an image with its row, however small
INDEX = "archive.json"  # in a study that is kept without its runs: results.reading.archived.ABOUT, which takes pandas
COUNTS: dict[tuple[Any, ...], list[int]] = {}  # real training images by class, of tasks that have been read
PLACES = ("root", "pool", "decoded")  # keys of no identity by which somebody says where this machine is to write


class TooSmall(BadInput):
    """A disk that the images do not fit on."""


def require_root(root: str) -> None:
    """Refuse a folder that cannot be written to, or that keeps a study: runs would be laid among its files."""
    if Path(root, INDEX).is_file():
        raise BadInput("root", root, "a folder of runs; this one keeps a study without its runs")
    cli.creatable_folder("root", root)


def faults(resolved: "Resolved") -> list[BadInput]:
    """Everything that is wrong, what matters most first."""
    checks: list[Callable[[], None]] = [
        lambda: require_root(resolved.runtime.root),
        lambda: require_pool(resolved),
        lambda: require_decoded(resolved),
        resolved.task.require_files,
        lambda: resolved.teacher.require_files(resolved.task),
        lambda: require_checkpoint(resolved),
        lambda: require_disk(resolved),
    ]
    found = []
    for check in checks:
        try:
            check()
        except BadInput as fault:
            found.append(fault)
    return found


def refuse(resolved: "Resolved") -> None:
    """Raise the first fault."""
    static_checks.check(resolved)
    for fault in faults(resolved):
        raise fault


def refuse_typed(resolved: "Resolved", planned: bool = False) -> list[str]:
    """For runs elsewhere: raise the first fault of a key that somebody gave; else say what a run here would end with.

    Runs are planned on one machine for another: that nothing is at ``data.root`` is said, and no fault; nor, where
    runs are ``planned`` only, is a disk that is too small. What else is named and not there would give the run another
    id than it has where it is.
    """
    static_checks.check(resolved)
    lines, found = [], faults(resolved)
    if not found:
        refuse_counts(resolved)
    for fault in found:
        typed = fault.key in PLACES or resolved.sources.get(fault.key, "") == "command line"
        if typed and fault.key != "data.root" and not (planned and isinstance(fault, TooSmall)):
            raise fault
        lines.append(f"missing   {fault}")
    return lines


def refuse_counts(resolved: "Resolved") -> None:
    """Raise BadInput for more real images of a class than there are, where the run asks how many there are: then its
    data is read, which is here.
    """
    if not static_checks.looks_at_counts(resolved):
        return
    key = (resolved.spec.task, resolved.spec.data.split, resolved.task.fingerprint())
    if key not in COUNTS:
        import numpy as np

        resolved.task.load(resolved.spec.data.split)
        labels = np.asarray(resolved.task.train.labels)
        COUNTS[key] = np.bincount(labels, minlength=len(resolved.task.classes)).tolist()
    static_checks.check_counts(resolved, COUNTS[key])


def require_decoded(resolved: "Resolved") -> None:
    """Raise BadInput for a folder of decoded images that was named and cannot be written; one of somebody else's images
    is read.
    """
    where = resolved.runtime.decoded
    if where not in (AUTO, NEVER) and not any(Path(where).glob(f"*{SUFFIX}")):
        cli.creatable_folder("decoded", where)


def require_checkpoint(resolved: "Resolved") -> None:
    """Raise BadInput for weights of the learner that are not there."""
    for name, value in resolved.spec.train.model_args.items():
        if name in ("checkpoint_path", "pretrained_cfg_overlay.file") and value and not os.path.isfile(str(value)):
            raise BadInput(f"train.model_args.{name}", value, "no such file")


def require_disk(resolved: "Resolved") -> None:
    """Raise TooSmall where the images cannot fit on the disk, however well they are compressed."""
    scale, (channels, height, width) = resolved.budget.scale, resolved.task.shape
    needed = scale * (LEAST_BYTES + LEAST_SHARE * channels * height * width)
    free = shutil.disk_usage(cli.nearest_folder(resolved.runtime.root)).free
    done = os.path.exists(os.path.join(resolved.runtime.root, resolved.run_id, "ledger.jsonl"))
    if needed > free and not done:
        wanted = f"{scale:,} images take at least {size(needed)}, and {size(free)} are free there"
        raise TooSmall("root", resolved.runtime.root, wanted)
