"""What simple classifiers get from the images of a study's runs, as ``python -m benchmarks.references`` wrote it."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from dp_common.errors import Damaged

NAME = "references.csv"
COLUMNS = (
    "task",
    "teacher",
    "data.split",
    "strategy",
    "scale",
    "seed",
    "run_id",
    "method",
    "set",
    "images",
    "accuracy",
)
LABELS = {"1-nn": "1-NN", "rbf-svm": "RBF SVM", "bayes": "teacher's Bayes rule"}


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of one file; [] where there is none. Raises Damaged."""
    if not path.is_file():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise Damaged(f"{path}: not a file of benchmarks.references; delete it, and it is made again")
        return list(reader)


def read(roots: Iterable[str | Path]) -> pd.DataFrame:
    """A row per run, method and set of all files at any depth under some folders; accuracies are fractions.

    Raises:
        Damaged: one is not such a file.
    """
    rows = [row for root in roots for path in sorted(Path(root).rglob(NAME)) for row in rows_of(path)]
    found = pd.DataFrame(rows, columns=list(COLUMNS)).drop_duplicates(["run_id", "method", "set"])
    numbers = {"scale": int, "seed": int, "data.split": int, "images": int, "accuracy": float}
    return found.astype(numbers)


def order(row: dict[str, Any]) -> tuple[Any, ...]:
    """Sort key of rows."""
    return (
        row["task"],
        row["teacher"],
        row["strategy"],
        int(row["scale"]),
        int(row["seed"]),
        row["method"],
        row["set"],
    )
