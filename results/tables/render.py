"""A Table as terminal text, Markdown or LaTeX. Nothing but the table decides a byte."""

import re
from textwrap import fill

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


def text(table):
    """For a terminal: columns in fixed width, captions wrapped."""
    grid = [[cell.replace("`", "") for cell in row] for row in [table.columns, *table.rows]]
    widths = [max(len(cell) for cell in column) for column in zip(*grid)]
    words = [fill(part.replace("`", ""), WIDTH) for part in (table.title, table.caption, *table.notes)]
    return "\n".join(
        [words[0], "", "\n\n".join(panel(table, grid, widths, shown) for shown in panels(widths)), *words[2:], words[1]]
    )


def panels(widths):
    """Columns, by number, of each panel of a table that is too wide: the first one and as many of the others as fit."""
    found, room = [[0]], WIDEST - widths[0]
    for column, width in enumerate(widths[1:], 1):
        if room < width + 2 and len(found[-1]) > 1:
            found.append([0])
            room = WIDEST - widths[0]
        found[-1].append(column)
        room -= width + 2
    return found


def panel(table, grid, widths, shown):
    side = {"l": str.ljust, "r": str.rjust}
    lines = ["  ".join(side[table.align[c]](row[c], widths[c]) for c in shown).rstrip() for row in grid]
    rule = "─" * max(map(len, lines))
    body = with_parts(table, lines[1:], lambda words: words)
    return "\n".join([lines[0], rule, *body, rule])


def with_parts(table, lines, heading):
    """The lines of the rows, with the table's headings between them, each as ``heading(words)`` makes it."""
    found = []
    for number, line in enumerate(lines):
        found += [heading(words.replace("`", "")) for row, words in table.parts if row == number] + [line]
    return found


def markdown(table):
    """GitHub's pipe table, with the title as a heading. Its parts begin with a row of their name, for it has no rules."""

    def line(cells):
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

    marks = ["---" if align == "l" else "---:" for align in table.align]
    body = with_parts(
        table, list(map(line, table.rows)), lambda words: line([f"*{words}*", *[""] * (len(table.columns) - 1)])
    )
    return "\n".join(
        [
            f"### {table.title}",
            "",
            line(table.columns),
            line(marks),
            *body,
            "",
            *(f"{note}  " for note in table.notes),
            f"*{table.caption}*",
        ]
    )


def latex(table):
    """A table environment, no wider than the line; needs the packages booktabs and graphicx."""

    def line(cells):
        return " & ".join(map(escape, cells)) + r" \\"

    def heading(words):
        return rf"\addlinespace \multicolumn{{{len(table.columns)}}}{{l}}{{\textit{{{escape(words)}}}}} \\"

    notes = [rf"\par\smallskip {escape(note)}" for note in table.notes]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{escape(f'{table.title}. {table.caption}')}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{table.align}}}",
            r"\toprule",
            line(table.columns),
            r"\midrule",
            *with_parts(table, list(map(line, table.rows)), heading),
            r"\bottomrule",
            r"\end{tabular}}",
            *notes,
            r"\end{table}",
        ]
    )


def escape(words):
    """Plain text -> LaTeX: special characters, minus signs before numbers, `code` as typewriter."""
    pieces = re.split(r"`([^`]*)`", words)
    return "".join(
        rf"\texttt{{{characters(piece)}}}" if odd % 2 else re.sub(r"(?<![\w.])-(?=\d)", "$-$", characters(piece))
        for odd, piece in enumerate(pieces)
    )


def characters(piece):
    return "".join(LATEX.get(letter, letter) for letter in piece)
