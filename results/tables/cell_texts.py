"""Cells of tables: how a number with its interval is shown."""

from collections.abc import Mapping
from math import isnan, nan
from typing import Any

import numpy as np

from results.tables.table import Cell

ARROWS = {"above": " ↑", "below": " ↓", "undecided": ""}
FEWEST = 4  # seeds, or pairs, of an interval that is shown
EMPTY, DASH = Cell(""), Cell("—")

Stats = Mapping[Any, Any]  # as ``results.analysis.cells.cell`` gives it


def accuracy_cell(stats: Stats) -> Cell:
    """``91.2 [90.1, 92.3] n=4 (+1 short)``, or ``—(2/5)`` where runs are missing, ``—`` where none was ever begun."""
    missing = missing_text(stats)
    if missing:
        return Cell(missing)
    text = f"{100 * stats['mean']:.1f}{bounds_text(stats, '.1f')} n={stats['n']}{short_text(stats)}"
    return Cell(text, *in_percent(stats), n=stats["n"])


def difference_cell(stats: Stats) -> Cell:
    """``+1.31 [+0.40, +2.22] n=5 ↑``."""
    missing = missing_text(stats)
    if missing:
        return Cell(missing)
    number = f"{100 * stats['mean']:+.2f}{bounds_text(stats, '+.2f')} n={stats['n']}{short_text(stats)}"
    verdict = stats["verdict"] if stats["n"] >= FEWEST else "undecided"
    return Cell(number + ARROWS[verdict], *in_percent(stats), n=stats["n"], verdict=verdict)


def in_percent(stats: Stats) -> tuple[float, float, float]:
    """(mean, low, high) in percent, or points; the bounds nan where none are shown."""
    low, high = (stats["low"], stats["high"]) if stats["n"] >= FEWEST else (nan, nan)
    return 100 * stats["mean"], 100 * low, 100 * high


def missing_text(stats: Stats) -> str:
    """What stands where a mean cannot; "" where it can."""
    if not stats["planned"]:
        return "—"
    if not stats["complete"]:
        return f"—({stats['done']}/{stats['expected']})"
    return "" if stats["n"] else f"— ({stats['short']} short)"


def bounds_text(stats: Stats, form: str) -> str:
    """The interval of a mean, in percent; "" where there is none, or of fewer than FEWEST."""
    return (
        ""
        if isnan(stats["low"]) or stats["n"] < FEWEST
        else f" [{100 * stats['low']:{form}}, {100 * stats['high']:{form}}]"
    )


def short_text(stats: Stats) -> str:
    """How many runs ended below their scale."""
    return f" (+{stats['short']} short)" if stats["short"] else ""


def count_cell(count: float) -> Cell:
    """A mean number of images or iterations: 1,820."""
    return DASH if isnan(count) else Cell(f"{count:,.0f}", count)


def hours_cell(hours: float, factor: float) -> Cell:
    """Two decimals while they matter;

    no hours at all are 0, unknown ones a dash. ``factor``: the unit's number in an hour.
    """
    if isnan(hours):
        return DASH
    amount = hours * factor
    text = "0" if amount == 0 else "<0.01" if amount < 0.005 else f"{amount:,.2f}" if amount < 100 else f"{amount:,.0f}"
    return Cell(text, amount)


def amount_text(amount: float) -> str:
    """Images to three digits, 1,820; seconds likewise."""
    return number_text(amount) if amount < 100 else f"{float(f'{amount:.3g}'):,.0f}"


def number_text(amount: float) -> str:
    """Three digits of any number, never in powers of ten."""
    return np.format_float_positional(float(f"{amount:.3g}"), trim="-")


def printed_cell(text: str, number: float = nan) -> Cell:
    """A number that a paper printed: no interval, no n."""
    return Cell(text, number)
