"""Theory against simulation, all points: scatter, and their deviations against what chance would have."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from results.analysis.theory import Record, agreement
from results.figures.drawing.style import head, palette

POSITION = 60
TITLE = "Theory against simulation, all points"
MEANING = (
    "Every simulated point of the study against the limit, and their deviations in standard errors. Judged are points "
    "where the limit is expected to hold at this d; one that chance would hardly explain was simulated again, ten "
    "times as often."
)
KINDS = {
    "": (0, "o", "judged"),
    "peak": (3, "^", "at the peak, p = φ"),
    "noise": (2, "s", "noise along the pruner counts"),
}  # by why the limit is not expected to hold: colour, marker, name


def numbers(lines: list[Record]) -> pd.DataFrame:
    """The rows of the figure."""
    return agreement(lines)[0]


def plot(plt: Any, frame: pd.DataFrame, options: Record, lines: list[Record]) -> Any:
    """Simulation against limit left, quantiles of the deviations right."""
    drawing, (left, right) = plt.subplots(1, 2, figsize=(8.2, 4.1), layout="constrained")
    summary = agreement(lines)[1]
    head(
        drawing,
        TITLE,
        f"{summary['points']} points judged: mean z {summary['mean_z']:+.2f}, largest |z| {summary['largest_z']:.1f}, "
        f"{100 * summary['outside_95']:.1f} % outside their 95 % interval, Bonferroni p = "
        f"{summary['bonferroni_p']:.2g}",
    )
    for beyond, (colour, marker, name) in KINDS.items():
        rows = frame[frame["beyond"] == beyond]
        left.errorbar(
            100 * rows["limit"],
            100 * rows["error"],
            100 * (rows["high"] - rows["error"]),
            linestyle="none",
            marker=marker,
            markersize=3.2,
            color=palette()[colour],
            markeredgecolor="white",
            markeredgewidth=0.3,
            elinewidth=0.8,
            label=name,
        )
    left.axline((0, 0), slope=1, color="0.3", linewidth=0.9, zorder=1)
    left.set_xlabel("limit, % error")
    left.set_ylabel("simulation, % error (95 % t-interval)")
    left.legend(frameon=False, fontsize=8)
    z = np.sort(frame["z"][frame["beyond"] == ""])
    expected = stats.t.ppf((np.arange(len(z)) + 0.5) / len(z), options["repeats"] - 1)
    right.plot(expected, z, linestyle="none", marker="o", markersize=3.5, color=palette()[0])
    right.axline((0, 0), slope=1, color="0.3", linewidth=0.9, zorder=1)
    right.set_xlabel(f"quantile of Student's t, {options['repeats'] - 1} degrees of freedom")
    right.set_ylabel("(simulation − limit) / standard error")
    return drawing
