"""One run from start or from where it was: finds bad input, takes the lease, and makes an attempt at it."""

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dp_common import device as devices
from dp_common.config import registry
from dp_common.config.durations import seconds
from dp_common.config.resolve import Resolved, check_format
from dp_common.contracts import require_images, require_ready
from dp_common.distributed import batch_share
from dp_common.distributed.process_group import ProcessGroup, SingleProcess
from dp_common.errors import BadInput, Problem
from dp_common.lab import score_sources, static_checks
from dp_common.lab.attempt import Attempt, follow, lead
from dp_common.persistence.finished import finished
from dp_common.persistence.lease import Lease
from dp_common.persistence.meter import Meter
from dp_common.persistence.provenance import fix_arithmetic
from dp_common.probes import hardness
from dp_common.progress import doing, pulse


def folder_of(resolved: Resolved) -> Path:
    """Where a run's files are."""
    return Path(resolved.runtime.root) / resolved.run_id


def never() -> bool:
    """The answer of a stop that nobody asks for."""
    return False


def within(limit: float | None, stop: Callable[[], bool], begun: float) -> Callable[[], bool]:
    """A stop that says yes when ``stop`` does, and ``limit`` seconds after ``begun``; None: as ``stop``."""
    if limit is None:
        return stop
    return lambda: stop() or time.perf_counter() - begun >= limit


def execute(
    resolved: Resolved,
    *,
    stop: Callable[[], bool] = never,
    quiet: bool = False,
    started: float | None = None,
    group: ProcessGroup | None = None,
) -> dict[str, Any]:
    """Run to the end, or go on with what is there; returns the summary.

    Args:
        resolved: The run.
        stop: Asked at each yield and between blocks of images; when it says yes the attempt commits and ends.
        quiet: Show no progress.
        started: ``time.perf_counter()`` of the process's start, so that imports count as start-up.
        group: The ranks that work on this run together, each of which calls this; the first one holds the lease and
            writes.
            None: this process alone.

    Raises:
        BadInput: Before anything is written.
        Interrupted: ``stop`` said yes; the same command goes on.
        Problem: And its other kinds.
    """
    registry.adopt(resolved.plugins.values())
    begun = time.perf_counter() if started is None else started
    stop = within(seconds("limit", resolved.runtime.limit), stop, begun)
    group, folder = group or SingleProcess(), folder_of(resolved)
    group.set_timeout(resolved.runtime.rank_timeout)
    if summary := group.broadcast(finished(folder)):
        return summary
    if not quiet and group.first:
        with pulse():
            return execute_unfinished(resolved, group, folder, stop, False, started)
    return execute_unfinished(resolved, group, folder, stop, True, started)


def execute_unfinished(
    resolved: Resolved,
    group: ProcessGroup,
    folder: Path,
    stop: Callable[[], bool],
    quiet: bool,
    started: float | None,
) -> dict[str, Any]:
    """As ``execute``, of a run that was not finished when it was looked at."""
    device = preflight(resolved, group)
    lease = None
    try:
        if group.first:
            make_folder(resolved, folder)
            lease = Lease(folder, resolved.runtime.lease_ttl)
        group.broadcast(None)  # the others wait for the lease
        if summary := group.broadcast(finished(folder)):  # done by another process while we waited for it
            return summary
        group.connect(device)
        labels = [label.decode() for label in group.all_gather(devices.label(device).encode())]
        meter = Meter(group.size, devices.synchroniser(device), started=started)
        attempt = Attempt(resolved, folder, device, group, meter, stop, quiet)
        return lead(attempt, lease, labels) if lease else follow(attempt)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Problem(
            f"{folder}: {error.strerror}; free some space and give the same command again, it goes on from here"
        ) from error
    finally:
        if lease:
            lease.release()


def preflight(resolved: Resolved, group: ProcessGroup | None = None) -> Any:
    """Load the task and the teacher and find the bad input that takes torch to find, before anything is written.

    Returns:
        The torch.device of this rank.

    Raises:
        BadInput: Naming the key.
    """
    from dp_common.learner.build import check_batch, check_fits

    group, spec, task = group or SingleProcess(), resolved.spec, resolved.task
    static_checks.check(resolved)
    fix_arithmetic(spec.threads)
    device = devices.named(resolved.runtime.device, group.local)
    devices.set_deterministic(device, resolved.runtime.deterministic)
    if spec.guide_precision == "tf32" and device.type != "cuda":
        raise BadInput("guide_precision", "tf32", f"fp32 or bf16 on {device.type}: TF32 is CUDA's")
    batch_share.check(spec.train, group.size)
    with doing(f"loading the data of task={spec.task}"):
        task.load(spec.data.split)
    require_ready("task", spec.task, task)
    require_images(spec.task, task)
    check_format(spec, task.shape)
    static_checks.check_counts(resolved, np.bincount(task.train.labels, minlength=len(task.classes)).tolist())
    with doing(f"building learner={spec.learner}"):
        model = check_fits(spec.learner, spec.train.model_args, task.shape, len(task.classes))
        spans = [batch_share.spans(spec.train, 0, rank, group.size) for rank in range(group.size)]
        share = min(stop - start for of_rank in spans for start, stop in of_rank)
        check_batch(model, spec.learner, spec.train, task.shape, share)
    score_sources.check(resolved)
    hardness.check(spec, resolved.teacher)
    with doing(f"loading or fitting teacher={spec.teacher}"):
        resolved.teacher.prepare(task, device)
    require_ready("teacher", spec.teacher, resolved.teacher)
    if resolved.teacher.holds_images:
        check_stored(resolved)
    return device


def check_stored(resolved: Resolved) -> None:
    """Refuse more than a teacher that holds images has to deal out. Raises BadInput."""
    spec, budget = resolved.spec, resolved.budget
    work = {"generated": float(budget.scale), **resolved.strategy.planned_work(budget)}
    wanted = int(work["generated"])
    for label, (name, held) in enumerate(zip(resolved.task.classes, resolved.teacher.stored_counts, strict=True)):
        needed = -(-(wanted - label) // budget.classes)
        if needed > held:
            takes = f"{needed} of each class for {wanted} in all" if wanted > label else ""
            raise BadInput("teacher", spec.teacher, f"holds {held} images of class {name}; this run takes {takes}")


def make_folder(resolved: Resolved, folder: Path) -> None:
    """Make the run's folder and try to write there. Raises BadInput, or Problem where a disk is full."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / ".writable"
        trial.touch()
        trial.unlink()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Problem(f"{folder}: {error.strerror}") from error
        raise BadInput("root", resolved.runtime.root, f"cannot write there: {error.strerror}") from error
