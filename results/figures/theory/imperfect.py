"""Imperfect labels: what to keep where the labels are of another direction, or some are flipped."""

from typing import Any

import pandas as pd

from results.analysis.theory import Record, table
from results.figures.drawing.style import legend, palette
from results.figures.drawing.theory_lines import LOOKS, lambda_text, panel_of, panels, plot_series

POSITION = 40
TITLE = "Imperfect labels, half of the pool kept"
MEANING = (
    "Labels of a generator of another direction, with a pruner that shares its mistakes or does not; "
    "labels flipped at random."
)
KEPT = {"easy": "easy", "random": "random", "mixed": "half hard,\nhalf random", "soft": "soft", "hard": "hard"}


def numbers(lines: list[Record]) -> pd.DataFrame:
    """The rows of the figure."""
    return table(lines, "imperfect")


def plot(plt: Any, frame: pd.DataFrame, options: Record, lines: list[Record]) -> Any:
    """A panel per kind of imperfection."""
    drawing, axes = panels(plt, TITLE, 1, 3, options, size=(2.9, 3.0), sharey=True)
    direction = "cosine of label direction and truth"
    kinds = {
        "independent": (direction, f"pruner's own cosine {options['rho']:g}"),
        "shared": (direction, "pruner = label direction"),
        "flips": ("share of labels flipped", f"true direction, pruner's cosine {options['rho']:g}"),
    }
    for panel, (kind, (x_label, title)) in zip(axes[0], kinds.items()):
        rows = panel_of(frame, kind)
        for kept, name in KEPT.items():
            plot_series(panel, palette(), rows[rows["series"] == kept], LOOKS[kept], name, accuracy=False)
        panel.set_xlabel(x_label)
        panel.set_title(title, loc="left")
    axes[0, 0].set_ylabel("test error, %")
    ridge = lambda_text(options["lam"][-1])
    legend(drawing, axes[0, 0], f"pool of {max(options['n']):,},\nλ = {ridge}; keep\n")
    return drawing
