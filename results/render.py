"""A Table as terminal text, Markdown or LaTeX. Nothing but the table decides a byte."""

import re
from textwrap import fill

LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
         "—": "---", "–": "--", "×": r"$\times$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "·": r"$\cdot$",
         **{sign: "\\" + sign for sign in "&%$#_{}"}}
WIDTH = 100  # of captions in a terminal


def text(table):
    """For a terminal: columns in fixed width, captions wrapped."""
    grid = [[cell.replace("`", "") for cell in row] for row in [table.columns, *table.rows]]
    widths = [max(len(cell) for cell in column) for column in zip(*grid)]
    sides = [str.ljust if align == "l" else str.rjust for align in table.align]
    lines = ["  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths)).rstrip() for row in grid]
    rule = "─" * max(len(line) for line in lines)
    words = [fill(part.replace("`", ""), WIDTH) for part in (table.title, table.caption, *table.notes)]
    return "\n".join([words[0], "", lines[0], rule, *lines[1:], rule, *words[2:], words[1]])


def markdown(table):
    """GitHub's pipe table, with the title as a heading."""
    def line(cells):
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

    marks = ["---" if align == "l" else "---:" for align in table.align]
    return "\n".join([f"### {table.title}", "", line(table.columns), line(marks), *map(line, table.rows), "",
                      *(f"{note}  " for note in table.notes), f"*{table.caption}*"])


def latex(table):
    """A table environment, no wider than the line; needs the packages booktabs and graphicx."""
    def line(cells):
        return " & ".join(map(escape, cells)) + r" \\"

    notes = [rf"\par\smallskip {escape(note)}" for note in table.notes]
    return "\n".join([r"\begin{table}", r"\centering\small", rf"\caption{{{escape(f'{table.title}. {table.caption}')}}}",
                      r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%", rf"\begin{{tabular}}{{{table.align}}}",
                      r"\toprule", line(table.columns), r"\midrule", *map(line, table.rows), r"\bottomrule", r"\end{tabular}}",
                      *notes, r"\end{table}"])


def escape(words):
    """Plain text -> LaTeX: special characters, minus signs before numbers, `code` as typewriter."""
    pieces = re.split(r"`([^`]*)`", words)
    return "".join(rf"\texttt{{{characters(piece)}}}" if odd % 2 else re.sub(r"(?<![\w.])-(?=\d)", "$-$", characters(piece))
                   for odd, piece in enumerate(pieces))


def characters(piece):
    return "".join(LATEX.get(letter, letter) for letter in piece)
