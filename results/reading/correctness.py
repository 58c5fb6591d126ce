"""Which images of a real set the final learner of a run got right, as ``correct.parquet`` keeps it."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from results.reading import archived

COLUMNS = ("set", "image", "correct")
NOTHING = np.zeros(0, dtype=bool)


def column_of(eval_set: str) -> str:
    """The column of the accuracy on one set: ``test``, ``monitor``, a shifted one, or ``population``, the teacher's."""
    own = {"test": "accuracy", "monitor": "monitor_accuracy", "population": "population"}
    return own.get(eval_set, f"shifted.{eval_set}")


def correctness(row: Mapping[Any, Any], eval_set: str = "test") -> np.ndarray | None:
    """[images] bool, in image order, of one finished run: what its final learner got right.

    Args:
        row: the run's ``folder`` and its accuracy on the set, as columns of a frame of runs.
        eval_set: the real set.

    Returns:
        None where the run kept none, or none that one can use; see ``damage``.
    """
    found = read(row, eval_set)
    return None if isinstance(found, str) else found


def damage(row: Mapping[Any, Any], eval_set: str = "test") -> str | None:
    """What is wrong with the correctness that one finished run kept of a set;

    None where nothing is, or where it kept none.
    """
    found = read(row, eval_set)
    return found if isinstance(found, str) else None


def read(row: Mapping[Any, Any], eval_set: str) -> np.ndarray | str | None:
    """What a run kept; in words, what is wrong with it."""
    path = Path(row["folder"]) / "correct.parquet"
    try:
        changed = path.stat().st_mtime_ns
    except FileNotFoundError:
        flags: np.ndarray | str | None = archived.flags_of(path.parent, eval_set)
    else:
        kept = read_file(path, changed)
        flags = kept if isinstance(kept, str) else kept.get(eval_set, NOTHING)
    if flags is None:
        return None
    if isinstance(flags, str):
        return flags
    accuracy = row[column_of(eval_set)]
    if not len(flags) or abs(flags.mean() - accuracy) > 1e-9:
        return f"{path}: {flags.sum()} of {len(flags)} images of {eval_set} correct, the summary says {accuracy:.6f}"
    return flags


@lru_cache(maxsize=16384)
def read_file(path: Path, _changed: int) -> dict[str, np.ndarray] | str:
    """{set: [images] bool, in image order} of one file, or what is wrong with it;

    read once as long as it does not change, since many tables ask.
    """
    import pyarrow.parquet

    try:
        kept = pyarrow.parquet.read_table(path, columns=list(COLUMNS), use_threads=False)
        sets, images, correct = (kept.column(name).to_numpy() for name in COLUMNS)
    except (OSError, ValueError, KeyError) as error:
        return f"{path}: {str(error).splitlines()[0]}"
    found = {}
    for name in dict.fromkeys(sets):
        mine = sets == name
        flags = correct[mine][np.argsort(images[mine], kind="stable")].astype(bool)
        flags.flags.writeable = False
        found[str(name)] = flags
    return found
