"""A table, ready to render."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Ready to render. ``align``: l or r per column. Text in `backticks` is code; cells hold no other markup.

    ``parts``: ((row, words), ...), a heading before that row, for rows that are to be set apart.
    """

    title: str
    caption: str
    columns: list
    rows: list
    align: str
    notes: tuple = ()
    parts: tuple = ()
