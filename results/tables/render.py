"""A Table as terminal text, Markdown or LaTeX. Nothing but the table decides a byte."""

import re
from collections.abc import Callable, Iterable, Sequence
from textwrap import fill

from results.tables.table import Table

LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "—": "---",
    "–": "--",
    "×": r"$\times$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "·": r"$\cdot$",
    "≤": r"$\leq$",
    **{sign: "\\" + sign for sign in "&%$#_{}"},
}
WIDTH = 100  # of captions in a terminal
WIDEST = 150  # of a table in a terminal; a wider one is cut into panels that repeat its first column


def text(table: Table) -> str:
    """For a terminal: columns in fixed width, captions wrapped."""
    grid = [[text.replace("`", "") for text in row] for row in [table.columns, *texts(table)]]
    widths = [max(len(text) for text in column) for column in zip(*grid)]
    title, caption, *notes = (fill(part.replace("`", ""), WIDTH) for part in (table.title, table.caption, *table.notes))
    body = "\n\n".join(panel(table, grid, widths, numbers) for numbers in panels(widths))
    return "\n".join([title, "", body, *notes, caption])


def wrapped(text: str) -> str:
    """Paragraphs for a terminal."""
    return "\n\n".join(fill(part.replace("`", ""), WIDTH) for part in text.split("\n\n"))


def texts(table: Table) -> list[list[str]]:
    """What its cells show."""
    return [[cell.text for cell in row] for row in table.rows]


def panels(widths: Sequence[int]) -> list[list[int]]:
    """Columns, by number, of each panel of a table that is too wide: the first one and as many of the others as fit."""
    found, room = [[0]], WIDEST - widths[0]
    for column, width in enumerate(widths[1:], 1):
        if room < width + 2 and len(found[-1]) > 1:
            found.append([0])
            room = WIDEST - widths[0]
        found[-1].append(column)
        room -= width + 2
    return found


def panel(table: Table, grid: Sequence[Sequence[str]], widths: Sequence[int], numbers: Sequence[int]) -> str:
    """Some columns of a table, by number, between rules."""
    side = {"l": str.ljust, "r": str.rjust}
    lines = ["  ".join(side[table.align[c]](row[c], widths[c]) for c in numbers).rstrip() for row in grid]
    rule = "─" * max(map(len, lines))
    body = with_parts(table, lines[1:], str)
    return "\n".join([lines[0], rule, *body, rule])


def with_parts(table: Table, lines: Iterable[str], heading: Callable[[str], str]) -> list[str]:
    """The lines of the rows, with the table's headings between them, each as ``heading(text)`` makes it."""
    found = []
    for number, line in enumerate(lines):
        found += [heading(part.replace("`", "")) for row, part in table.parts if row == number] + [line]
    return found


def markdown(table: Table) -> str:
    """GitHub's pipe table, with the title as a heading.

    Its parts begin with a row of their name, for it has no rules.
    """
    rules = ["---" if align == "l" else "---:" for align in table.align]
    empty = [""] * (len(table.columns) - 1)
    body = with_parts(table, map(pipes, texts(table)), lambda heading: pipes([f"*{heading}*", *empty]))
    notes = (f"{note}  " for note in table.notes)
    head = [f"### {table.title}", "", pipes(table.columns), pipes(rules)]
    return "\n".join([*head, *body, "", *notes, f"*{table.caption}*"])


def pipes(cells: Iterable[str]) -> str:
    """A row of a pipe table."""
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def latex(table: Table) -> str:
    """A table environment, no wider than the line; needs the packages booktabs and graphicx."""

    def row(cells: Iterable[str]) -> str:
        return " & ".join(map(escape, cells)) + r" \\"

    def heading(part: str) -> str:
        return rf"\addlinespace \multicolumn{{{len(table.columns)}}}{{l}}{{\textit{{{escape(part)}}}}} \\"

    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{escape(f'{table.title}. {table.caption}')}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{table.align}}}",
            r"\toprule",
            row(table.columns),
            r"\midrule",
            *with_parts(table, map(row, texts(table)), heading),
            r"\bottomrule",
            r"\end{tabular}}",
            *(rf"\par\smallskip {escape(note)}" for note in table.notes),
            r"\end{table}",
        ]
    )


def escape(text: str) -> str:
    """Plain text -> LaTeX: special characters, minus signs before numbers, `code` as typewriter."""
    pieces = re.split(r"`([^`]*)`", text)
    return "".join(
        rf"\texttt{{{characters(piece)}}}" if odd % 2 else re.sub(r"(?<![\w.])-(?=\d)", "$-$", characters(piece))
        for odd, piece in enumerate(pieces)
    )


def characters(piece: str) -> str:
    """Special characters as LaTeX writes them."""
    return "".join(LATEX.get(letter, letter) for letter in piece)
