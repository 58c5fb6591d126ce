"""Tables of arm × scale, and the notes below them."""

from collections.abc import Callable, Iterable

import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import plan_names, rank
from results.analysis.cells import left_to_ablations
from results.analysis.comparisons import CEILING, CONTROLS, Comparison
from results.tables.cell_texts import Stats
from results.tables.table import Cell, Table


def arm_by_scale(
    title: str, caption: str, cells: pd.DataFrame, cell_of: Callable[[Stats], Cell], notes: Iterable[str]
) -> Table:
    """A row per arm and a column per scale.

    ``cells``: a row per place, with ``arm`` and ``scale``; ``cell_of``: makes a Cell of one.
    """
    scales = sorted(cells["scale"].unique()) if len(cells) else []
    by_place = {(cell["arm"], cell["scale"]): cell for cell in cells.to_dict("records")}
    rows = [
        [Cell(f"`{arm}`"), *(cell_of(by_place[arm, scale]) for scale in scales)]
        for arm in sorted({arm for arm, _ in by_place}, key=rank)
    ]
    columns = ["arm", *(short(int(scale)) for scale in scales)]
    return Table(title, caption, columns, rows, "l" * len(columns), tuple(notes))


def legend(cells: pd.DataFrame, what: str) -> list[str]:
    """What the signs in the cells mean, of those that occur. ``what``: seeds or pairs."""
    if not len(cells):
        return []
    waiting = cells[(cells["planned"] > 0) & ~cells["complete"].astype(bool)]
    signs = []
    if len(waiting):
        first = waiting.iloc[0]
        done, expected = first["done"], first["expected"]
        signs.append(
            f"—({done}/{expected}): {done} of {expected} {what} are finished; no mean is shown of a part of them."
        )
    if (cells["planned"] == 0).any():
        signs.append("—: not run.")
    whole = cells[cells["complete"].astype(bool) & (cells["n"] > 0)]
    if (whole.groupby("scale")["n"].nunique() > 1).any():
        signs.append(
            f"n differs between arms of one scale: each number is over all of its own {what}; arms are compared by "
            "pairs of equal seed alone."
        )
    if cells["short"].sum():
        signs.append(
            "short: finished below its scale, not in the mean; `deadline=even` or `schedule=even` of dp and prune, a "
            "longer train.seen or a smaller patience gets there."
        )
    return signs


def without_ablations(cells: pd.DataFrame, comparison: Comparison) -> tuple[pd.DataFrame, list[str]]:
    """(the cells of the other arms, [a note that names those left to the ablations])."""
    arms = left_to_ablations(comparison)
    if not len(cells) or not arms:
        return cells, []
    named = ", ".join(f"`{arm}`" for arm in sorted(arms, key=rank))
    return cells[~cells["arm"].isin(arms)], [f"Under ablations: {named}."]


def plan_note(comparison: Comparison) -> list[str]:
    """[a note of what was chosen for each scale]."""
    plans = sorted(plan_names(comparison.runs).items(), key=lambda pair: rank(pair[0]))
    text = "; ".join(f"`{arm}`: {', '.join(names)}" for arm, names in plans)
    return [f"Chosen for each scale, and not in an arm's name: {text}."] if plans else []


def missing_controls(comparison: Comparison) -> list[str]:
    """[a note of the controls that were not run]."""
    absent = [f"`{arm}`" for arm in (*CONTROLS, CEILING) if arm not in comparison.arms]
    return [f"Controls not among these runs: {', '.join(absent)}."] if absent else []


def unfinished_note(comparison: Comparison) -> list[str]:
    """[a note that counts the runs that are not finished]."""
    states = comparison.runs["state"].value_counts().drop("done", errors="ignore")
    named = ", ".join(f"{states[state]} {state}" for state in sorted(states.index))
    return [f"Not finished: {named}."] if len(states) else []
