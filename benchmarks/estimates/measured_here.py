"""``prices=here``: the units of a run's work, timed on this machine, in the setting of the run."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import speed
from benchmarks.speed_suites import Setting, teacher
from dp_common import device as devices
from dp_common.files import write_atomic

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

BLOCK, REPEAT = 64, 3  # images sampled at once, at most, and rounds


def measured_here(resolved: "Resolved") -> str:
    """The path of a file of unit costs of this run's teacher and learner; takes a few of its images and batches.

    Raises:
        BadInput: data or weights are not here.
    """
    from dp_common.persistence.provenance import fix_arithmetic

    fix_arithmetic(resolved.spec.threads)
    device = devices.named(resolved.runtime.device)
    resolved.task.load(resolved.spec.data.split)
    setting = Setting(device, min(BLOCK, resolved.spec.sampler.block))
    items = teacher.measured(resolved, setting)
    seconds, peaks = speed.measure(items, REPEAT, device)
    options = speed.Options(repeat=REPEAT, threads=resolved.spec.threads, clock="wall")
    rows = speed.cost_rows(items, seconds, peaks, options, device)
    path = Path(tempfile.mkdtemp(prefix="prices-")) / "here.csv"
    write_atomic(path, speed.as_csv(rows).encode())
    return str(path)
