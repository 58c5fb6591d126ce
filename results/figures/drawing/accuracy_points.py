"""What the figures of accuracy show, a row per dot: runs, means, the ceiling, fitted power laws and what the paper
printed.
"""

from math import nan
from typing import Any

import pandas as pd

from results import published
from results.analysis.cells import cell
from results.analysis.comparisons import Comparison, by_arm_and_scale
from results.analysis.power_law import fit
from results.analysis.stats import t_interval
from results.figures.drawing.selection import span
from results.frames import records
from results.tables.cell_texts import FEWEST
from results.tables.in_words import limited

HOURS = "hours"
COLUMNS = [
    "what",
    "arm",
    "scale",
    "seed",
    "split",
    "device",
    "x",
    "spent",
    "kept",
    "accuracy",
    "low",
    "high",
    "n",
    "short",
    "exponent",
    "exponent_low",
    "exponent_high",
    "factor",
    "source",
]


def points(comparison: Comparison, cost_axis: str) -> pd.DataFrame:
    """The rows of a figure of accuracy against a cost.

    Args:
        comparison: whose main arms and ablations are all among the rows.
        cost_axis: ``images_generated``, ``images_kept`` or ``hours``.

    Returns:
        A row per dot. ``what`` is run (``x``, ``accuracy``, ``seed``, ``short``: did it end below its scale), mean (of
        a complete cell: mean ``x`` and 95 % t-interval), ceiling, fit (``exponent`` and interval, ``factor``:
        ``results.analysis.power_law``) or published. Accuracies in percent; x in images, or in device hours on
        ``device`` (then ``spent`` too, and no fits).
    """
    runs = comparison.cells
    done = runs[runs["state"] == "done"]
    cost = comparison.hours if cost_axis == HOURS else comparison.runs[cost_axis].astype(float)
    done = done.assign(x=cost[done.index])
    done = done[~(done["x"] <= 0)]  # real images are not generated, and a log axis has no zero
    rows: list[dict[str, Any]] = []
    for arm, scale, part in by_arm_and_scale(done):
        rows += [run_row(run, comparison.column) for run in records(part)]
        rows += mean_rows(arm, scale, part, comparison, cost_axis)
    rows += ceiling_rows(comparison)
    if cost_axis != HOURS:
        task = str(comparison.group.core["task"])
        rows += [*fits(done, comparison.column), *printed(task, comparison.eval_set)]
    counts = dict.fromkeys(("scale", "seed", "split", "kept", "n"), "Int64")
    return pd.DataFrame(rows, columns=COLUMNS).astype(counts)


def run_row(run: dict[str, Any], column: str) -> dict[str, Any]:
    """The dot of one run."""
    return {
        "what": "run",
        "arm": run["arm"],
        "scale": run["scale"],
        "seed": run["seed"],
        "split": run["data.split"],
        "device": run["device"],
        "x": run["x"],
        "spent": run["gpu_hours_spent"],
        "kept": int(run["images_kept"]),
        "accuracy": 100 * run[column],
        "short": not run["scale_reached"],
    }


def mean_rows(arm: str, scale: int, part: pd.DataFrame, comparison: Comparison, cost_axis: str) -> list[dict[str, Any]]:
    """The mean of a cell; [] where runs are missing, or its hours are of several devices."""
    whole = cell(part, comparison.expected(scale), comparison.column)
    low, high = (whole["low"], whole["high"]) if whole["n"] >= FEWEST else (nan, nan)
    reached = part[part["scale_reached"].astype(bool)]
    if not (whole["complete"] and whole["n"] and reached["x"].notna().all()):
        return []
    if cost_axis == HOURS and reached["device"].nunique() > 1:
        return []
    return [
        {
            "what": "mean",
            "arm": arm,
            "scale": scale,
            "x": reached["x"].mean(),
            "spent": reached["gpu_hours_spent"].mean(),
            "accuracy": 100 * whole["mean"],
            "low": 100 * low,
            "high": 100 * high,
            "n": whole["n"],
            "device": reached["device"].iloc[0],
        }
    ]


def ceiling_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """The ceiling, trained on real images; [] where none was run."""
    ceiling = comparison.ceiling[comparison.ceiling["state"] == "done"]
    if not len(ceiling):
        return []
    top = limited(t_interval(ceiling[comparison.column]).within(0, 1))
    return [
        {
            "what": "ceiling",
            "arm": "real",
            "kept": int(ceiling["images_kept"].max()),
            "accuracy": 100 * top.mean,
            "low": 100 * top.low,
            "high": 100 * top.high,
            "n": top.n,
        }
    ]


def fits(done: pd.DataFrame, column: str) -> list[dict[str, Any]]:
    """A row per arm with a power law; runs that ended below their scale take no part."""
    reached = done[done["scale_reached"].astype(bool)]
    laws = {arm: fit(part) for arm, part in reached.assign(error=1 - reached[column]).groupby("arm")}
    return [
        {
            "what": "fit",
            "arm": arm,
            "n": law.n,
            "exponent": law.exponent,
            "exponent_low": law.low,
            "exponent_high": law.high,
            "factor": law.factor,
        }
        for arm, law in laws.items()
        if law
    ]


def printed(task: str, eval_set: str) -> list[dict[str, Any]]:
    """A row per point of the paper's scaling curves on this task and set."""
    curve, column = published.scaling(task), published.SETS.get(eval_set)
    if curve is None or column is None or column not in curve:
        return []
    return [
        {
            "what": "published",
            "arm": row["strategy"],
            "x": float(row["images"]),
            "kept": int(row["images"]),
            "accuracy": row[column],
            "source": row.get("source"),
        }
        for row in records(curve.dropna(subset=[column]))
    ]


def says_something(shown: pd.DataFrame) -> bool:
    """Are there runs of two arms, or of two scales? One dot, with however many seeds, is no figure."""
    runs = shown[shown["what"] == "run"]
    return len(runs[["arm", "scale"]].drop_duplicates()) > 1


def seeds_of_means(shown: pd.DataFrame) -> str:
    """Of how many seeds means are, in a caption."""
    n = shown.loc[shown["what"] == "mean", "n"].dropna()
    if not len(n):
        return "the seeds of a complete cell, of which there is none yet"
    return f"{span(n)} seed{'' if max(n) == 1 else 's'} of each complete cell"
