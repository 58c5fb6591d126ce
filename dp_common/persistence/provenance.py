"""What a result was made with: device, versions, commit, host."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dp_common import device as devices
from dp_common.persistence.records import Commit, Provenance

PACKAGES = ("torch", "torchvision", "timm", "diffusers", "transformers", "numpy", "scikit-learn", "scipy", "pyarrow")


def fix_arithmetic(threads: int) -> None:
    """Compute with so many CPU threads from now on, fp32 as fp32, and in memory that tensors hand on to one another.

    numpy too, by which selection rules look at features: left alone it takes every core, and waits in a loop for those
    that others use.
    """
    import torch
    from threadpoolctl import threadpool_limits

    devices.keep_freed_memory()
    torch.set_num_threads(threads)
    threadpool_limits(threads, user_api="blas")
    devices.set_tf32(False)


def cpu_model() -> str:
    """The processor's name, as far as the system says."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return "unknown"


def commit() -> Commit:
    """The commit of the checkout this code runs from, or was copied from (slurm/snapshot.py).

    None values outside of one.
    """
    note = Path(__file__).parents[1] / "commit.json"
    if note.exists():
        return json.loads(note.read_text())
    head = git("rev-parse", "HEAD")
    if head is None or head.returncode:
        return {"commit": None, "dirty": None}
    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": head.stdout.strip(), "dirty": bool(changes.stdout.strip()) if changes else None}


def git(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    """git's answer about the folder of this file; None where there is no git, or none that answers."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None


def installed(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def provenance(labels: Sequence[str], drivers: Mapping[str, str | None] | None = None) -> Provenance:
    """The part of an ``open`` line that says where and with what.

    Args:
        labels: the device of each rank.
        drivers: versions of what lies between torch and the device.
    """
    import socket

    packages = {package: installed(package) for package in PACKAGES}
    return {
        "device": labels[0] if len(set(labels)) == 1 else "mixed",
        "devices": len(labels),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "argv": sys.argv,
        "git": commit(),
        "versions": {"python": sys.version.split()[0], **packages, **(drivers or {})},
    }
