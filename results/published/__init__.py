"""The numbers that papers printed, typed; to stand beside ours, never in a statistic with them.

Each row names its ``source``. Accuracies are in percent, as printed. A number that was not printed is nan; none of
these came with an interval or with several seeds.
"""

from functools import lru_cache
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent
TASKS = ("imagenet100", "imagenet1k")
WHOLE = (
    "initial",
    "per_round",
    "rounds",
    "images",
    "iterations",
    "initial_patience",
    "branch_out_epoch",
    "real_images",
)
SETS = {
    "test": "in_val",
    "train_heldout": "in_train_heldout",
    "imagenet-v2": "in_v2",
    "imagenet-sketch": "in_sketch",
    "imagenet-r": "in_r",
    "imagenet-a": "in_a",
}  # our name of a real set: its column, where that was printed


def table1() -> pd.DataFrame:
    """A row per line of the paper's Table 1, and of others' on the same task: ``task, method, source, iterations,
    images, real_images`` (of the teacher's own that were consulted), the columns of ``SETS``, and ``remark``.

    ``source`` is where the number is printed; ``method`` names who measured it, where it was not the paper's authors;
    ``remark`` says what keeps it from being compared.
    """
    return read("table1")


def scaling(task: str) -> pd.DataFrame | None:
    """A row per point of the paper's scaling curves, or None for a task it has none of.

    ``strategy, initial`` (N), ``per_round`` (P), ``rounds`` (k), ``images, omega, initial_patience, branch_out_epoch,
    in_val`` and the shifted sets. Those of imagenet1k are ``printed_in_sketch`` and ``printed_in_r``, the headings they
    stand under; by Table 1 they seem swapped.
    """
    return read(f"scaling_{task}") if task in TASKS else None


def ablations() -> pd.DataFrame:
    """A row per ablation on imagenet100: ``omega, patience`` (growing or fixed), sampling, in_val, in_train_heldout,
    source``. The paper does not say at which scale.
    """
    return read("ablations_imagenet100")


def teachers() -> pd.DataFrame:
    """A row per teacher, static generation on imagenet100: ``teacher, images, iterations, in_val, source``."""
    return read("teachers_imagenet100")


@lru_cache
def stored(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv")


def read(name: str) -> pd.DataFrame:
    """A fresh frame of one file: counts are whole numbers (Int64, for some are missing), the rest as it is."""
    frame = stored(name).copy()
    return frame.astype({column: "Int64" for column in WHOLE if column in frame})
