"""Error against the share of a pool that is kept, easy, hard or at random."""

from typing import Any

import pandas as pd

from results.analysis.theory import Record, table
from results.figures.drawing.style import legend, palette
from results.figures.drawing.theory_lines import LOOKS, lambda_text, panel_of, panels, plot_series

POSITION = 10
TITLE = "Error against the share of the pool that is kept"
MEANING = (
    "A panel per pool size and ridge. Grey: p = φ = d/n, as many kept as there are dimensions; with tiny "
    "λ the error peaks there."
)
KEPT = {"easy": "keep easy", "random": "random", "hard": "keep hard"}


def numbers(lines: list[Record]) -> pd.DataFrame:
    """The rows of the figure."""
    return table(lines, "error-keep")


def plot(plt: Any, frame: pd.DataFrame, options: Record, lines: list[Record]) -> Any:
    """A row per ridge, a column per pool size."""
    lams, sizes = options["lam"], options["n"]
    drawing, axes = panels(plt, TITLE, len(lams), len(sizes), options, sharex=True, sharey="row")
    for row, lam in enumerate(lams):
        for column, n in enumerate(sizes):
            panel, rows = axes[row, column], panel_of(frame, lam, n)
            for kept, name in KEPT.items():
                plot_series(panel, palette(), rows[rows["series"] == kept], LOOKS[kept], name, accuracy=False)
            if options["d"] < n:
                panel.axvline(options["d"] / n, color="0.55", linewidth=0.9, zorder=1)
            panel.set_title(f"n = {n:,}, λ = {lambda_text(lam)}", loc="left")
            panel.set_ylim(0, 52)
        axes[row, 0].set_ylabel("test error, %")
    for panel in axes[-1]:
        panel.set_xlabel("share kept, p")
    legend(drawing, axes[0, 0], f"pruner with\ncosine {options['rho']:g}\n\ngrey: p = d/n\n")
    return drawing
