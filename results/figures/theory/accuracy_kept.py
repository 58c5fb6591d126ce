"""Accuracy against the number kept, for the hardest part of pools of several sizes."""

from typing import Any

import pandas as pd

from results.analysis.theory import Record, table
from results.figures.drawing.style import legend, log_axis, palette
from results.figures.drawing.theory_lines import ORDERED, lambda_text, panel_of, panels, plot_series

POSITION = 20
TITLE = "Accuracy against the number kept, for the hardest part of a pool"
MEANING = "Pools of kept/p. Above, a pruner of cosine ρ with the truth, below a perfect one."
SHARES = (1.0, 0.9, 0.8, 0.5, 0.1)


def numbers(lines: list[Record]) -> pd.DataFrame:
    """The rows of the figure."""
    return table(lines, "accuracy-kept")


def plot(plt: Any, frame: pd.DataFrame, options: Record, lines: list[Record]) -> Any:
    """A row per pruner, a column per ridge."""
    d, lams, cosines = options["d"], options["lam"], list(dict.fromkeys((options["rho"], 1.0)))
    drawing, axes = panels(plt, TITLE, len(cosines), len(lams), options, size=(3.4, 2.6), sharex=True, sharey=True)
    for row, cosine in enumerate(cosines):
        for column, lam in enumerate(lams):
            panel, rows = axes[row, column], panel_of(frame, cosine, lam)
            for share, look in zip(SHARES, ORDERED):
                name = "all" if share == 1 else f"hardest {100 * share:g} %"
                plot_series(panel, palette(), rows[rows["series"] == str(share)], look, name, accuracy=True)
            panel.set_title(f"pruner's cosine {cosine:g}, λ = {lambda_text(lam)}", loc="left")
            panel.axvline(d, color="0.55", linewidth=0.9, zorder=1)
            log_axis(panel, [round(d * x) for x in (0.25, 0.5, 1, 2, 4, 8)])
            panel.set_xlim(0.18 * d, 9 * d)
        axes[row, 0].set_ylabel("accuracy, %")
    for panel in axes[-1]:
        panel.set_xlabel("kept (log scale)")
    legend(drawing, axes[0, 0], "of a pool of\nkept/p:\n")
    return drawing
