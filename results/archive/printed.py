"""Is what was printed what the runs say? Files that an application wrote, beside the same ones written anew.

Numbers of a CSV may differ in their last digits, for another machine adds up in another order; all other text is the
same or it is named. Of a page its text is compared, its pictures by the CSVs they were drawn from.
"""

import csv
import io
import re
from dataclasses import dataclass
from itertools import zip_longest
from math import isclose
from pathlib import Path

from dp_common.config.typed import is_number

CLOSE = 1e-7  # relative, and absolute, difference of two numbers that are one
PICTURES = {".svg", ".png"}
NUMBER = re.compile(r"\d[\d,]*\.?\d*")
PLACE = re.compile(r"\b(root|out|prices)=[^\s`\"|]+")  # where one machine has things, in a command
HIDDEN = re.compile(r"<(svg|style)\b.*?</\1>|<[^>]*>", re.DOTALL)


@dataclass(frozen=True)
class Checked:
    """A file: its ``name``, how many ``numbers`` stand in it, and where it ``differs`` from what is made anew."""

    name: str
    numbers: int
    differs: tuple[str, ...]


def check(kept: Path, made: Path) -> list[Checked]:
    """Hold every file under ``made``, but for pictures, against that of the same name under ``kept``.

    A file that is not kept is none that was printed; it is left out.
    """
    names = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    return [
        check_file(str(name), *(PLACE.sub(r"\1=…", (folder / name).read_text()) for folder in (kept, made)))
        for name in names
        if name.suffix not in PICTURES and (kept / name).is_file()
    ]


def unmade(kept: Path, made: Path) -> list[str]:
    """What is kept and was not made anew, by name."""
    names = (path.relative_to(kept) for path in sorted(kept.rglob("*")) if path.is_file())
    return [str(name) for name in names if not (made / name).is_file()]


def unkept(kept: Path, made: Path) -> list[str]:
    """What was made anew and is not kept, by name, but for pictures."""
    names = (path.relative_to(made) for path in sorted(made.rglob("*")) if path.is_file())
    return [str(name) for name in names if name.suffix not in PICTURES and not (kept / name).is_file()]


def check_file(name: str, kept: str, made: str) -> Checked:
    """One file, as text."""
    if name.endswith(".csv"):
        rows, again = (list(csv.reader(io.StringIO(text))) for text in (kept, made))
        differs, numbers = different_cells(rows, again), sum(is_number(cell) for row in rows for cell in row)
        return Checked(name, numbers, differs)
    if name.endswith(".html"):
        kept, made = (HIDDEN.sub("\n", text) for text in (kept, made))
    lines, again_lines = kept.splitlines(), made.splitlines()
    differs = tuple(
        f"line {number}: {shortened(one)}; from the runs: {shortened(other)}"
        for number, (one, other) in enumerate(zip_longest(lines, again_lines, fillvalue=""), 1)
        if one != other
    )
    return Checked(name, len(NUMBER.findall(kept)), differs)


def different_cells(kept: list[list[str]], made: list[list[str]]) -> tuple[str, ...]:
    """Cells that are not the same text, nor the same number."""
    head, nothing = (kept[0] if kept else []), list[str]()
    return tuple(
        f"line {line}, {head[column] if column < len(head) else column}: {one}; from the runs: {other}"
        for line, (row, again) in enumerate(zip_longest(kept, made, fillvalue=nothing), 1)
        for column, (one, other) in enumerate(zip_longest(row, again, fillvalue="nothing"))
        if one != other and not same_number(one, other)
    )


def same_number(one: str, other: str) -> bool:
    """Are these two spellings of one number, but for rounding?"""
    return is_number(one) and is_number(other) and isclose(float(one), float(other), rel_tol=CLOSE, abs_tol=CLOSE)


def shortened(line: str) -> str:
    """The beginning of a long line."""
    return line if len(line) <= 160 else f"{line[:157]}..."
