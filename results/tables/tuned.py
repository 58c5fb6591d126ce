"""Settings of methods by their accuracy on monitor, the best of each marked."""

from collections.abc import Sequence

import pandas as pd

from results.analysis.stats import Interval
from results.analysis.tuning import Method, Setting
from results.tables.cell_texts import EMPTY, FEWEST
from results.tables.table import Cell, Table

COLUMNS = ["setting", "monitor, %", "below the best, points", "n", "chosen"]


def table(methods: Sequence[Method], grid: str) -> Table:
    """A part per method, a row per setting."""
    rows: list[list[Cell]] = []
    parts = []
    for method in methods:
        parts.append((len(rows), method.name))
        rows += [row_of(setting, method) for setting in method.settings]
    waiting = [method.name for method in methods if method.best is None]
    caption = (
        f"The settings that each method of grid={grid} is tuned by: percent correct on monitor, mean over seeds "
        "[95 % t-interval], and how far below the best setting of the method, paired by seed. The best one was chosen "
        "by these seeds: reported numbers take others."
    )
    notes = (f"Runs are missing, so that nothing is chosen: {'; '.join(waiting)}.",) if waiting else ()
    return Table("Tuned on monitor", caption, COLUMNS, rows, "lrrrl", notes, tuple(parts))


def row_of(setting: Setting, method: Method) -> list[Cell]:
    """One setting."""
    name = Cell(f"`{' '.join(setting.words)}`" if setting.words else "as it is")
    n = len(setting.accuracies)
    if not setting.complete:
        return [name, Cell(f"—({n}/{setting.asked})"), EMPTY, Cell(str(n), n), EMPTY]
    mark = Cell("best") if setting is method.best else EMPTY
    return [name, in_percent(setting.mean, ".1f"), in_percent(setting.below, "+.2f"), Cell(str(n), n), mark]


def in_percent(interval: Interval | None, form: str) -> Cell:
    """A fraction in percent, with its interval where there are FEWEST seeds."""
    if interval is None:
        return EMPTY
    mean, low, high = (100 * number for number in (interval.mean, interval.low, interval.high))
    bounds = f" [{low:{form}}, {high:{form}}]" if interval.n >= FEWEST else ""
    return Cell(f"{mean:{form}}{bounds}", mean, low, high, interval.n)


def frame(methods: Sequence[Method]) -> pd.DataFrame:
    """A row per setting, numbers at full precision; monitor's accuracy is a fraction."""
    rows = [
        {
            "method": method.name,
            "setting": " ".join(setting.words),
            "n": len(setting.accuracies),
            "asked": setting.asked,
            "monitor": setting.mean.mean if setting.accuracies else None,
            "below_best": setting.below.mean if setting.below else None,
            "chosen": setting is method.best,
        }
        for method in methods
        for setting in method.settings
    ]
    return pd.DataFrame(rows)
