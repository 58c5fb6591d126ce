"""Drawing of accuracies: the dots of runs, the ceiling, the frame, the legend, for every figure of accuracy."""

from typing import Any

import numpy as np
import pandas as pd

from results.frames import records

ENOUGH = 4  # seeds of a mean, from which on means are joined and intervals are drawn as a band


def legend_beside(axes: Any, below: bool, title: str) -> None:
    """A legend right of a single panel, else under the panel it belongs to."""
    where: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
    if below:
        where = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.15), "ncols": 2}
    axes.legend(title=title, title_fontsize=8, fontsize=8, frameon=False, alignment="left", **where)


def dots(axes: Any, runs: pd.DataFrame, look: tuple, x: str = "x") -> None:
    """A dot per run, hollow where it ended below its scale."""
    colour, marker, _ = look
    hollow = runs["short"].astype(bool)
    filled = {"s": 11, "color": colour, "marker": marker, "alpha": 0.45, "linewidths": 0, "zorder": 3}
    axes.scatter(runs[x][~hollow], runs["accuracy"][~hollow], **filled)
    empty = {"s": 18, "marker": marker, "facecolors": "none", "edgecolors": [colour], "zorder": 3}
    axes.scatter(runs[x][hollow], runs["accuracy"][hollow], **empty)


def means_line(axes: Any, means: pd.DataFrame, arm: str, look: tuple) -> None:
    """The means of an arm; those of enough seeds are joined, so that the line is not of other seeds from one to the
    next.
    """
    colour, marker, dashes = look
    mark = {"color": colour, "marker": marker, "markersize": 6, "markeredgecolor": "white", "zorder": 4}
    joined, alone = means[means["n"] >= ENOUGH], means[means["n"] < ENOUGH]
    if len(joined):
        axes.plot(joined["x"], joined["accuracy"], linestyle=dashes, linewidth=1.6, **mark, label=arm)
    if len(alone):
        axes.plot(alone["x"], alone["accuracy"], linestyle="none", **mark, label=None if len(joined) else arm)


def ceiling_line(axes: Any, ceiling: pd.DataFrame) -> None:
    """A dashed line at the ceiling, with its interval as a shade."""
    for row in records(ceiling):
        label = f"real, all {row['kept']:,} images"
        axes.axhline(row["accuracy"], color="0.25", linestyle="--", linewidth=1.2, label=label, zorder=1)
        if np.isfinite(row["low"]):
            axes.axhspan(row["low"], row["high"], color="0.25", alpha=0.07, linewidth=0, zorder=0)


def frame_of(shown: pd.DataFrame) -> tuple[float, float]:
    """(low, high) of an accuracy axis: around dots and means.

    What an interval of two seeds claims beyond them is cut off.
    """
    seen = shown.loc[shown["what"] != "fit", "accuracy"]
    room = max(1.0, 0.25 * (seen.max() - seen.min()))
    return max(0.0, seen.min() - room), min(100.5, seen.max() + room)
