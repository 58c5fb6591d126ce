"""Where something is written that cannot be had again by asking: refused before anything begins if it is there already.

That is what was measured, which takes time and comes out otherwise another time, and sets that were exported, which
people may have changed. What follows from runs (tables, figures, reports, claims) or from a count is made again by the
same command, and replaced; an archive may outlive its runs, and only a newer one of the same runs replaces it.
"""

import os
from pathlib import Path

from benchmarks import cli
from dp_common.errors import BadInput

THERE = "is there already: name a new {}, or remove it first"


def new_file(key: str, path: str | Path) -> None:
    """Refuse a file that is there, or could not be written; nothing is made. Raises BadInput."""
    if Path(path).is_file():
        raise BadInput(key, path, THERE.format("file"))
    cli.creatable_file(key, path)


def new_folder(key: str, path: str | Path) -> Path:
    """The folder, absolute. Refuse one that is there, or could not be made. Raises BadInput."""
    if os.path.lexists(path):
        raise BadInput(key, path, THERE.format("folder"))
    cli.creatable_folder(key, path)
    return Path(path).absolute()


def to_write(path: str | Path) -> Path:
    """The file, absolute, in a folder that is made for it."""
    path = Path(os.path.abspath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
