"""Every cell of every table as a frame, for CSV: the text that is shown, and its number at full precision."""

from collections.abc import Iterable

import pandas as pd

from results.tables.table import Cell, Table

COLUMNS = ["comparison", "table", "part", "row", "name", "column", "text", "value", "low", "high", "n", "verdict"]


def by_cell(named: Iterable[tuple[str, Iterable[Table]]]) -> pd.DataFrame:
    """A row per cell: ``comparison, table, part`` (the heading it stands under)``, row, name`` (its first cell)``,
    column, text``, and its numbers.

    Numbers are in the unit in which the text shows them, unrounded.

    Args:
        named: (title of a comparison, its tables).
    """
    rows = [
        {"comparison": title, "table": plain(table.title)} | row
        for title, tables in named
        for table in tables
        for row in cells_of(table)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n": "Int64"})


def cells_of(table: Table) -> list[dict[str, object]]:
    """A dict per cell of one table."""
    found, part, parts = [], "", dict(table.parts)
    for number, (name, *cells) in enumerate(table.rows):
        part = parts.get(number, part)
        head = {"part": plain(part), "row": number, "name": plain(name.text)}
        found += [head | {"column": plain(column)} | fields(cell) for column, cell in zip(table.columns[1:], cells)]
    return found


def fields(cell: Cell) -> dict[str, object]:
    return {
        "text": plain(cell.text),
        "value": cell.value,
        "low": cell.low,
        "high": cell.high,
        "n": cell.n,
        "verdict": cell.verdict,
    }


def plain(text: str) -> str:
    """Text without the marks of code."""
    return text.replace("`", "")
