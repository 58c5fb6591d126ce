"""paired differences to static and to dp omega=0"""

import pandas as pd

from results.analysis.cells import differences
from results.analysis.comparisons import BASELINES, Comparison
from results.reading.correctness import damage
from results.tables.arm_by_scale import arm_by_scale, legend, without_ablations
from results.tables.captions import conditions, interval_over, set_named
from results.tables.cell_texts import difference_cell
from results.tables.table import Table

NAME = "versus"
POSITION = 30


def tables(comparison: Comparison) -> list[Table]:
    """Paired differences in points, a table per baseline that has finished runs."""
    found = []
    for baseline in BASELINES:
        cells, left_out = without_ablations(differences(comparison, baseline), comparison)
        if not len(cells):
            continue
        caption = (
            f"Paired difference in points, 1 point being 1 % of {set_named(comparison)}: mean [95 % interval "
            f"{interval_over(comparison.eval_set)}] and number n of pairs of equal seed and scale. ↑ above or ↓ below "
            "zero, corrected for the scales of a row (Holm); no arrow: undecided. Arrows by scale explore; the verdict "
            f"is that of all scales together. {conditions(comparison.group)}"
        )
        title = f"Accuracy on {comparison.eval_set} minus that of `{baseline}`"
        notes = [*legend(cells, "pairs"), *left_out, *unread_note(cells, comparison)]
        found.append(arm_by_scale(title, caption, cells, difference_cell, notes))
    return found


def unread_note(cells: pd.DataFrame, comparison: Comparison) -> list[str]:
    """[a note of pairs without a verdict, a note of files that are why]."""
    unread = int(cells["unread"].sum())
    if not unread:
        return []
    names = ["folder", comparison.column]
    damaged = [damage(row, comparison.eval_set) for row in comparison.done[names].to_dict("records")]
    notes = [f"No verdict for {unread} pair(s) without per-image correctness (correct.parquet)."]
    return notes + [
        f"Damaged and left out: {message}; the run's accuracy stands. Run it again from an empty folder to have it "
        "back."
        for message in damaged
        if message
    ]
