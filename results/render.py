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
    lines = ["  ".join(cell.ljust(width) if align == "l" else cell.rjust(width) for cell, width, align in zip(row, widths, table.align)).rstrip()
             for row in grid]
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
    """A booktabs table environment; needs \\usepackage{booktabs}."""
    def line(cells):
        return " & ".join(map(escape, cells)) + r" \\"

    notes = [rf"\par\smallskip {escape(note)}" for note in table.notes]
    return "\n".join([r"\begin{table}", r"\centering\small", rf"\caption{{{escape(f'{table.title}. {table.caption}')}}}",
                      rf"\begin{{tabular}}{{{table.align}}}", r"\toprule", line(table.columns), r"\midrule", *map(line, table.rows),
                      r"\bottomrule", r"\end{tabular}", *notes, r"\end{table}"])


def escape(words):
    """Plain text -> LaTeX: special characters, minus signs before numbers, `code` as typewriter."""
    pieces = re.split(r"`([^`]*)`", words)
    return "".join(rf"\texttt{{{characters(piece)}}}" if odd % 2 else re.sub(r"(?<![\w.])-(?=\d)", "$-$", characters(piece))
                   for odd, piece in enumerate(pieces))


def characters(piece):
    return "".join(LATEX.get(letter, letter) for letter in piece)
