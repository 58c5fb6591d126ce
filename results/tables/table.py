"""A table, ready to render: cells with their numbers beside the text that shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import nan


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table. Nobody reads a number from ``text``.

    Attributes:
        text: as it is shown; ``code`` in backticks, no other markup.
        value: the number, in the unit in which the text shows it (percent, points, hours, images), at full precision;
            nan where there is none.
        low: lower end of its interval, likewise.
        high: upper end of its interval, likewise.
        n: how many replicates or pairs it is of.
        verdict: above, below or undecided zero, of a difference.
    """

    text: str
    value: float = nan
    low: float = nan
    high: float = nan
    n: int | None = None
    verdict: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Table:
    """Ready to render.

    Attributes:
        title: a line.
        caption: what the numbers are.
        columns: their headings; the first is that of the rows' names.
        rows: a list of cells per row, as long as ``columns``.
        align: l or r per column.
        notes: sentences below it.
        parts: ((row, heading), ...): a heading before that row, for rows that are to be set apart.
    """

    title: str
    caption: str
    columns: list[str]
    rows: list[list[Cell]]
    align: str
    notes: tuple[str, ...] = ()
    parts: tuple[tuple[int, str], ...] = ()


def text_row(*texts: str) -> list[Cell]:
    """A row of words alone."""
    return [Cell(text) for text in texts]


def text_rows(rows: Iterable[Iterable[str]]) -> list[list[Cell]]:
    """Rows of words alone."""
    return [text_row(*row) for row in rows]
