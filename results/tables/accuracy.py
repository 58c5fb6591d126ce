"""accuracy, arm by scale"""

from results.analysis.cells import accuracies
from results.analysis.comparisons import Comparison
from results.tables.arm_by_scale import (
    arm_by_scale,
    legend,
    missing_controls,
    plan_note,
    unfinished_note,
    without_ablations,
)
from results.tables.captions import conditions, set_named
from results.tables.cell_texts import Stats, accuracy_cell
from results.tables.table import Table

NAME = "scale"
POSITION = 20


def tables(comparison: Comparison) -> list[Table]:
    """Arm × scale: accuracy in %, mean [95 % t-interval] n."""
    cells, ceiling = accuracies(comparison)
    cells, left_out = without_ablations(cells, comparison)
    caption = (
        f"Percent correct on {set_named(comparison)}: mean [95 % t-interval over seeds] and number of seeds n, by arm "
        "and scale "
        f"(images in the final training set). {conditions(comparison.group)}"
    )
    notes = [
        *ceiling_note(ceiling),
        *legend(cells, "seeds"),
        *plan_note(comparison),
        *left_out,
        *missing_controls(comparison),
        *unfinished_note(comparison),
    ]
    return [arm_by_scale(f"Accuracy on {comparison.eval_set}", caption, cells, accuracy_cell, notes)]


def ceiling_note(ceiling: Stats | None) -> list[str]:
    """[a note of the ceiling]."""
    if ceiling is None:
        return []
    return [f"Ceiling, `real`: {accuracy_cell(ceiling)}, trained on {ceiling['images']:,} real images."]
