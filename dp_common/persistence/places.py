"""Where runs and plans lie under a root: one rule for everything that reads a folder of runs.

A run is a folder with a ledger or a summary, at any depth; what lies inside of a run is its own. Links to folders are
followed, each folder is looked into once, and hidden ones (``.slurm``, ``.snapshots``) are not. A plan is what a sweep
remembered of itself: ``sweeps/*.json``.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from dp_common.errors import BadInput
from dp_common.persistence import ledger

SUMMARY = "summary.json"
PLANS = "sweeps"
POOL = "pool.json"  # in the folder of a pool of images, in which no run is


class Found(NamedTuple):
    """Folders of runs and files of plans, each sorted."""

    runs: list[Path]
    plans: list[Path]


def look_under(roots: Iterable[str | Path]) -> Found:
    """What lies under some folders. Raises BadInput where one is no folder."""
    seen: set[tuple[int, int]] = set()
    runs: list[Path] = []
    plans: list[Path] = []
    for root in map(Path, roots):
        if not root.is_dir():
            raise BadInput("root", root, "not a folder" if root.exists() else "no such folder")
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            files, folders = listed(folder)
            if ledger.NAME in files or SUMMARY in files:
                runs.append(folder)
                continue
            if POOL in files:
                continue
            if folder.name == PLANS:
                plans += [folder / name for name in files if name.endswith(".json") and not name.startswith(".")]
            waiting += [folder / name for name in sorted(folders, reverse=True) if not name.startswith(".")]
    return Found(sorted(runs), sorted(plans))


def listed(folder: Path) -> tuple[set[str], set[str]]:
    """Names of (files, folders) in a folder; nothing of one that may not be read."""
    files: set[str] = set()
    folders: set[str] = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                (folders if entry.is_dir() else files).add(entry.name)
    except PermissionError:
        pass
    return files, folders
