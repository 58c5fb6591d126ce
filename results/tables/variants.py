"""arms that differ from those of a comparison in how images are sampled alone, where there is no league to hold them"""

import pandas as pd

from results.analysis.cells import cell
from results.analysis.comparisons import Comparison, replicates
from results.analysis.contrasts import POPULATION
from results.analysis.league import league
from results.reading.correctness import column_of
from results.tables.captions import conditions, set_named
from results.tables.cell_texts import DASH, accuracy_cell
from results.tables.table import Cell, Table

NAME = "variants"
POSITION = 21
TITLE = "Sampled otherwise"


def tables(comparison: Comparison) -> list[Table]:
    """One table: arm and scale, accuracy in both worlds; [] where nothing stands beside, or the league has it."""
    beside = comparison.beside
    if beside is None or comparison.eval_set != "test" or league(comparison) is not None:
        return []
    rows = [row_of(str(arm), int(str(scale)), part) for (arm, scale), part in beside.groupby(["arm", "scale"])]
    caption = (
        f"Percent correct on {set_named(comparison)} and in the teacher's world, mean [95 % t-interval over seeds], of "
        "the arms of further comparisons that differ from this one in the keys that their names say, and in no other. "
        f"{conditions(comparison.group)}"
    )
    return [Table(TITLE, caption, ["arm", "scale", "on test", "teacher's world"], rows, "lrll")]


def row_of(arm: str, scale: int, runs: pd.DataFrame) -> list[Cell]:
    """One arm at one scale."""
    return [Cell(f"`{arm}`"), Cell(f"{scale:,}", scale), *(cell_of(runs, world) for world in ("test", POPULATION))]


def cell_of(runs: pd.DataFrame, world: str) -> Cell:
    """Its accuracy in one world; a dash where it was not measured."""
    column = column_of(world)
    if column not in runs or runs.loc[runs["state"] == "done", column].isna().any():
        return DASH
    return accuracy_cell(cell(runs, replicates(runs), column))
