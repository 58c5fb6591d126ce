"""Hardness over time (probe=hardness or truth): the error of each added batch before, when and after it came.

Of the whole batch. The paper's curve, of those of its images that were misclassified when added, is 100 % at inclusion
whatever is learned; it is in the CSV.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.comparisons import Comparison
from results.analysis.stats import t_interval
from results.figures.drawing.probes import HARDNESS, cost_of_probe, hardness_of, runs_with_probe
from results.figures.drawing.selection import joined, left_out, span, spread_over
from results.figures.drawing.style import MARKERS, WIDEST, Figure, head, legend, rising, save, sheet, stem
from results.tables.captions import conditions
from results.tables.in_words import limited

POSITION = 50
MOST, BATCHES = 4, 6  # arms side by side; additions drawn of each
CURVES = ("error", "error_missed")  # of the whole batch, and of those of it that were misclassified when added


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] without a probed run that added something."""
    runs = runs_with_probe(comparison.only(comparison.drawn_arms), HARDNESS)
    measured = hardness_of(runs)
    if not len(measured):
        return []
    scale, shown = int(runs["scale"].iloc[0]), averaged(measured[measured["addition"] > 0])
    arms = sorted(shown["arm"].unique(), key=rank)[:MOST]
    shown = shown[shown["arm"].isin(arms)]
    title = f"Hardness of each added batch over time, at {short(scale)} images"
    caption = joined(
        "Error of the learner on the images of each addition (the first 2,048 at most, by their labels), at scale "
        f"{scale:,}, with its weights at each addition, before anything was learned from it, and at the end. Means "
        f"over seeds with 95 % t-intervals ({span(shown['n'])} seeds a point), cut by the frame. Large marker: the "
        "moment of inclusion. The paper draws only those images of a batch that were misclassified when added: that "
        "curve is 100 % at inclusion by construction, and regresses to the mean on both sides whatever was learned; "
        "it is in the CSV only, as is the untrained learner, at chance.",
        cost_of_probe(runs),
        left_out(comparison),
        conditions(comparison.group),
    )
    with sheet() as plt:
        drawing = plot(plt, shown, arms, title, comparison.group.title)
        return [save(drawing, shown, stem(folder, "hardness", comparison.eval_set), title, caption)]


def averaged(measured: pd.DataFrame) -> pd.DataFrame:
    """A row per arm × addition × moment × curve: n, mean, low and high of the error over seeds, in percent."""
    rows = []
    # the end is the end, however many additions a seed made
    measured = measured.assign(moment=measured["at"].where(~measured["end"], -1))
    for place, part in measured.groupby(["arm", "addition", "moment"]):
        arm, addition, moment = str(place[0]), int(part["addition"].iloc[0]), int(part["moment"].iloc[0])
        for curve in CURVES:
            interval = limited(t_interval(100 * part[curve].dropna()).within(0, 100))
            row = {"arm": arm, "addition": addition, "at": "end" if moment < 0 else moment, "curve": curve}
            if interval.n:
                rows.append(row | {"included": addition == moment, **interval._asdict()})
    return pd.DataFrame(rows)


def plot(plt: Any, shown: pd.DataFrame, arms: list[str], title: str, subtitle: str) -> Any:
    """The drawing: a panel per arm."""
    batches = spread_over(sorted(shown["addition"].unique()), BATCHES)
    shown = shown[(shown["at"] != 0) & (shown["curve"] == "error")]
    moments = [*sorted(set(shown["at"]) - {"end"}), "end"]
    size = (min(2.4 * len(arms) + 1.9, WIDEST), 3.5)
    shared = {"layout": "constrained", "squeeze": False, "sharex": True, "sharey": "row"}
    drawing, axes = plt.subplots(1, len(arms), figsize=size, **shared)
    head(drawing, title, f"{subtitle}\nmean, 95 % t-interval over seeds; large marker: at inclusion")
    for column, arm in enumerate(arms):
        plot_batches(axes[0, column], shown[shown["arm"] == arm], batches, moments)
        axes[0, column].set_title(arm, loc="left")
        axes[0, column].set_xlabel("weights at addition")
    axes[0, 0].set_ylim(-2, min(104, 1.35 * shown["mean"].max() + 1))
    axes[0, 0].set_ylabel("error, %, of the whole batch")
    legend(drawing, axes[0, 0], "batch")
    return drawing


def plot_batches(axes: Any, part: pd.DataFrame, batches: list[int], moments: list) -> None:
    """One panel: a line per batch over the moments."""
    for number, (batch, colour) in enumerate(zip(batches, rising(len(batches)))):
        rows = part[part["addition"] == batch]
        rows = rows.assign(x=[moments.index(at) for at in rows["at"]]).sort_values("x")
        x = rows["x"] + 0.06 * (number - (len(batches) - 1) / 2)
        axes.plot(
            x,
            rows["mean"],
            color=colour,
            linewidth=1.3,
            marker=MARKERS[number],
            markersize=3.5,
            markeredgecolor="white",
            markeredgewidth=0.4,
            label=f"addition {batch}",
            zorder=3,
        )
        low, high = rows["low"].clip(lower=-5), rows["high"].clip(upper=105)
        axes.vlines(x, low, high, color=colour, linewidth=0.8, alpha=0.6, zorder=2)
        axes.plot(
            x[rows["included"]],
            rows["mean"][rows["included"]],
            color=colour,
            marker=MARKERS[number],
            markersize=8,
            markeredgecolor="0.1",
            markeredgewidth=0.8,
            linestyle="none",
            zorder=4,
        )
    axes.set_xticks(range(len(moments)), [str(at) for at in moments])
