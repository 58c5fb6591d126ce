"""Can the pool of a run be written to? Found in a moment, before anything is made; nothing is written to find it.

A pool that somebody else has filled, and that may be read only, does where all images of a run are in it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cli
from dp_common.config.specification import canonical
from dp_common.errors import BadInput
from dp_common.persistence.places import POOL
from dp_common.pool.key import values_of

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved


def require_pool(resolved: "Resolved") -> None:
    """Of a run: raise BadInput where images that it will make could not be kept in its pool."""
    if not resolved.runtime.pool or resolved.teacher.holds_images:
        return
    fault = fault_of(resolved)
    if fault and not all_there(resolved):
        raise BadInput("pool", "yes", f"no: {fault}")


def require_fillable(resolved: "Resolved") -> None:
    """Of a pool to be filled: raise BadInput where it cannot be written to."""
    if fault := fault_of(resolved):
        raise BadInput("root", resolved.runtime.root, fault)


def fault_of(resolved: "Resolved") -> str | None:
    """Which folder of its pool cannot be written to, and why; None where all can."""
    for folder in folders_of(resolved):
        try:
            cli.creatable_folder("pool", folder)
        except BadInput as fault:
            return f"{folder}: {fault.allowed}"
    return None


def folders_of(resolved: "Resolved") -> Iterator[Path]:
    """Where the images of a run are kept: the folder of all pools, of those of these images on any device, and in these
    the folders of files.
    """
    from dp_common.pool import store

    folder, values = Path(resolved.runtime.root) / store.FOLDER, values_of(resolved)
    yield folder
    for about in sorted(folder.glob(f"*/{POOL}")):
        said = store.about_of(about.parent) or {}
        if canonical(values) == canonical({key: said[key] for key in values if key in said}):
            yield about.parent
            yield from (path for path in sorted(about.parent.iterdir()) if path.is_dir())


def all_there(resolved: "Resolved") -> bool:
    """Are the plain images that a run will take in its pool, as the files there say?"""
    from benchmarks.estimates.work import work_of
    from benchmarks.pool_fill import Filling, images_there

    work, kept = work_of(resolved), resolved.runtime.pool_candidates == "keep"
    n = round(work.shared + work.candidates * kept)
    return max(images_there(Filling(resolved, n)).values(), default=0) >= n
