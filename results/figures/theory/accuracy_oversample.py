"""Accuracy against oversampling at equal numbers kept: the inverted U."""

from typing import Any

import pandas as pd

from results.analysis.theory import Record, table
from results.figures.drawing.style import legend, log_axis, palette
from results.figures.drawing.theory_lines import ORDERED, lambda_text, panel_of, panels, plot_series

POSITION = 30
TITLE = "Accuracy against oversampling, hardest kept, at equal numbers kept"
MEANING = "The inverted U. On the right λ is normalised by the kept part, so that it does not grow with the pool."


def numbers(lines: list[Record]) -> pd.DataFrame:
    """The rows of the figure."""
    return table(lines, "accuracy-oversample")


def plot(plt: Any, frame: pd.DataFrame, options: Record, lines: list[Record]) -> Any:
    """A panel per ridge, the last one once more per kept."""
    kinds = [*((lam, "pool") for lam in options["lam"]), (options["lam"][-1], "kept")]
    drawing, axes = panels(plt, TITLE, 1, len(kinds), options, size=(2.8, 3.0), sharey=True)
    for panel, (lam, by) in zip(axes[0], kinds):
        rows = panel_of(frame, lam, by)
        for kept, look in zip(options["n"], ORDERED[::-1]):
            plot_series(panel, palette(), rows[rows["series"] == str(kept)], look, f"{kept:,} kept", accuracy=True)
        panel.set_title(f"λ = {lambda_text(lam)} per {by}", loc="left")
        log_axis(panel, [1, 2, 4, 8, 16, 32, 64])
        panel.set_xlabel("pool / kept (log scale)")
    axes[0, 0].set_ylabel("accuracy, %")
    legend(drawing, axes[0, 0], f"pruner with\ncosine {options['rho']:g}\n")
    return drawing
