"""The linear toy of the whole loop: images chosen by nobody, by the learner of then, by the learner of now."""

from typing import Any

import numpy as np
import pandas as pd

from results.analysis.stats import t_interval
from results.analysis.theory import ARMS, Record, loop_differences, loop_frame
from results.figures.drawing.style import head, palette
from results.figures.drawing.theory_lines import LOOKS, lambda_text

POSITION = 50
TITLE = "The linear toy of the whole loop: images chosen by whom?"
MEANING = (
    "Candidates chosen by nobody (random), by the learner of the first round (frozen), by the learner now (adaptive); "
    "the same candidates for all. Below, differences of pairs."
)
DIFFERENCES = (("adaptive", "frozen", LOOKS["adaptive"]), ("frozen", "random", LOOKS["frozen"]))


def numbers(lines: list[Record]) -> pd.DataFrame:
    """The rows of the figure."""
    return loop_frame(lines)


def plot(plt: Any, frame: pd.DataFrame, options: Record, lines: list[Record]) -> Any:
    """A column per pool size; accuracies above, differences below."""
    pools = sorted(frame["pool"].unique())
    settings = next(line["settings"] for line in lines if line["kind"] == "loop")
    size = (2.7 * len(pools) + 1.4, 5.2)
    shared = {"layout": "constrained", "squeeze": False, "sharex": True, "sharey": "row"}
    drawing, axes = plt.subplots(2, len(pools), figsize=size, **shared)
    head(
        drawing,
        TITLE,
        f"ridge classifier in d = {settings['d']}, λ = {lambda_text(settings['lam'])} over the set's size, "
        f"{settings['per_round']} images a round; mean and 95 % t-interval over {options['repeats']} seeds",
    )
    differences = loop_differences(lines)
    for (above, below), pool in zip(axes.T, pools):
        for arm in ARMS:
            rows = frame[(frame["pool"] == pool) & (frame["arm"] == arm)]
            cells = [(kept, *t_interval(100 * (1 - part["error"]))[1:]) for kept, part in rows.groupby("kept")]
            plot_band(above, np.array(cells, dtype=float).T, LOOKS[arm], arm)
        for a, b, look in DIFFERENCES:
            rows = differences[(differences["pool"] == pool) & (differences["a"] == a) & (differences["b"] == b)]
            band = rows[["kept", "points", "low", "high"]].to_numpy(float).T
            plot_band(below, band, look, f"{a} − {b}")
        below.axhline(0, color="0.3", linewidth=0.9, zorder=1)
        above.set_title(f"chosen from {pool} times as many", loc="left")
        below.set_xlabel("images kept")
    axes[0, 0].set_ylabel("accuracy, %")
    axes[1, 0].set_ylabel("difference of pairs, points")
    for panel in axes[:, -1]:
        panel.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, fontsize=8)
    return drawing


def plot_band(axes: Any, band: np.ndarray, look: tuple, label: str) -> None:
    """Means, joined, with a band; ``band``: [x, mean, low, high]."""
    x, mean, low, high = band
    colour, marker, dashes = palette()[look[0]], *look[1:]
    style = {"marker": marker, "markersize": 4, "linestyle": dashes, "linewidth": 1.4, "markeredgecolor": "white"}
    axes.plot(x, mean, color=colour, label=label, zorder=3, **style)
    axes.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0, zorder=2)
