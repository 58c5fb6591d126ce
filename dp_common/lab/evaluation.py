"""Accuracy on images that no strategy sees: the test set and the population are only ever touched here."""

import io as bytes_io
from pathlib import Path
from typing import Any

from dp_common import files
from dp_common.arrays import Flags
from dp_common.lab.context import RunContext
from dp_common.persistence.summary import accuracy_of
from dp_common.real_images.splits import AnySplit


def evaluate(run: RunContext, task: Any, call: int, population: AnySplit | None = None) -> dict[str, Flags]:
    """Accuracy on test, monitor, the shifted sets and, where it is given, the population, into the ledger.

    Args:
        run: What is worked with.
        task: Has ``test`` and ``shifted``.
        call: After which call of the strategy.
        population: Held-out images of the teacher's own distribution.

    Returns:
        By real set, was each image classified right? [n] bool.
    """
    with run.io.meter.phase("evaluate"):
        sets = {"test": task.test, "monitor": run.data.monitor, **task.shifted}
        correct = {name: run.models.learner.correct(split) for name, split in sets.items()}
        accuracies = {name: accuracy_of(flags) for name, flags in correct.items()}
        if population is not None:
            accuracies["population"] = accuracy_of(run.models.learner.correct(population))
        run.io.ledger.append("evaluate", call=call, **accuracies)
    return correct


def save_correctness(path: Path, correct: dict[str, Flags]) -> None:
    """Which real images the final learner got right, for paired tests: columns set, image, correct."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "set": [name for name, flags in correct.items() for _ in flags],
            "image": [row for flags in correct.values() for row in range(len(flags))],
            "correct": [bool(flag) for flags in correct.values() for flag in flags],
        }
    )
    buffer = bytes_io.BytesIO()
    pq.write_table(table, buffer)
    files.write_atomic(path, buffer.getvalue())
