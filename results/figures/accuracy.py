"""Accuracy against images generated and images kept.

A dot per run at its true x, the mean of every complete cell with its 95 % t band, the ceiling as a dashed line, what
the paper printed for the task as hollow markers; beside it the error and its power law.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results.analysis.comparisons import Comparison
from results.analysis.power_law import LEAST
from results.figures.drawing.accuracy_axes import ENOUGH, ceiling_line, dots, frame_of, legend_beside, means_line
from results.figures.drawing.accuracy_points import points, says_something, seeds_of_means
from results.figures.drawing.selection import joined, left_out
from results.figures.drawing.style import GREY, SMALL, Figure, arm_look, head, log_axis, save, sheet, stem
from results.frames import records
from results.tables.captions import conditions, set_named

POSITION = 10
AXES = {"images_generated": "images generated", "images_kept": "images kept in the training set"}


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw accuracy against images generated, and against images kept."""
    return [figure for cost_axis in AXES for figure in against(cost_axis, comparison, folder)]


def against(cost_axis: str, comparison: Comparison, folder: Path) -> list[Figure]:
    """One of the two; [] where there is no more than one dot."""
    shown, label, eval_set = points(comparison, cost_axis), AXES[cost_axis], comparison.eval_set
    shown = shown[shown["arm"].isin(comparison.drawn_arms | {"real"}) | (shown["what"] == "published")]
    if not says_something(shown):
        return []
    title = f"Accuracy on {eval_set} against {label.removesuffix(' in the training set')}"
    with sheet() as plt:
        drawing = plot(plt, shown, arm_look(comparison.arms), label, comparison, title)
        path = stem(folder, f"accuracy-{cost_axis}", eval_set)
        return [save(drawing, shown.assign(unit=label), path, title, caption_of(comparison, shown, label))]


def caption_of(comparison: Comparison, shown: pd.DataFrame, label: str) -> str:
    """What the figure shows, in sentences."""
    sentences = [
        f"Accuracy on {set_named(comparison)} against {label}, log axis. Dots: runs at their true x (hollow: ended "
        "below their scale, not in means or fits); line and band: mean and 95 % t-interval over "
        f"{seeds_of_means(shown)} (cut by the frame where it is wider)."
    ]
    laws = shown[shown["what"] == "fit"]
    if len(laws):
        exponents = "; ".join(f"{row['arm']}: {law_text(row)}" for row in records(laws))
        sentences.append(
            "Right, the error with its power law a·x^-b: least squares on log-log over scales for each seed (with at "
            f"least {LEAST} scales), b the mean over n seeds with its 95 % t-interval: {exponents}."
        )
    sources = shown.loc[shown["what"] == "published", "source"]
    if len(sources):
        sentences.append(
            f"Large hollow markers: points printed in {'; '.join(sorted(set(sources.dropna())))}, without number of "
            "runs or interval; they take no part in any mean or fit."
        )
    if (shown["what"] == "ceiling").any():
        sentences.append("Dashed: the ceiling, trained on real images.")
    return joined(*sentences, left_out(comparison), conditions(comparison.group))


def law_text(row: dict[str, Any]) -> str:
    """``b = 0.42 [0.38, 0.46], n=5``."""
    unknown = np.isnan(row["exponent_low"])
    interval = "" if unknown else f" [{row['exponent_low']:.2f}, {row['exponent_high']:.2f}]"
    return f"b = {row['exponent']:.2f}{interval}, n={row['n']}"


def plot(plt: Any, shown: pd.DataFrame, looks: dict[str, tuple], label: str, comparison: Comparison, title: str) -> Any:
    """The drawing: accuracies left; errors and their laws right, where there are laws."""
    with_laws = bool((shown["what"] == "fit").any())
    panels, width = (2, 10.4) if with_laws else (1, 7.2)
    rows = (shown.loc[shown["what"] == "run", "arm"].nunique() + 2) // 2 if with_laws else 0  # of the legend below
    height = 4.4 + 0.17 * max(0, rows - 3)
    drawing, axes = plt.subplots(1, panels, figsize=(width, height), layout="constrained", squeeze=False)
    drawing.get_layout_engine().set(h_pad=0.12)  # inches: a legend's rows are not as high in PNG as in SVG
    head(drawing, title, comparison.group.title)
    left = axes[0, 0]
    for arm, look in looks.items():
        arm_rows = shown[shown["arm"] == arm]
        if (arm_rows["what"] == "run").any():
            plot_arm(left, arm_rows, arm, look)
            plot_published(left, arm_rows[arm_rows["what"] == "published"], f"{arm}, the paper's", look)
    ceiling_line(left, shown[shown["what"] == "ceiling"])
    left.set_ylabel(f"accuracy on {comparison.eval_set}, %")
    left.set_ylim(*frame_of(shown))
    hollow = "\nhollow: short of its scale" if shown["short"].eq(True).any() else ""
    legend_beside(left, with_laws, f"mean, 95 % t band over seeds; dot: one run{hollow}")
    for panel in axes[0]:
        log_axis(panel, ticks(shown))
        panel.set_xlabel(f"{label} (log scale)")
        panel.grid(False, which="minor")
    if with_laws:
        plot_errors(axes[0, 1], shown, looks, comparison.eval_set)
    return drawing


def plot_arm(axes: Any, arm_rows: pd.DataFrame, arm: str, look: tuple) -> None:
    """One arm: dots of its runs, line of means, band, and bars where there is no band."""
    means = arm_rows[arm_rows["what"] == "mean"].sort_values("scale")
    dots(axes, arm_rows[arm_rows["what"] == "run"], look)
    means_line(axes, means, arm, look)
    known = means.dropna(subset=["low"])
    band, bars = known[known["n"] >= ENOUGH], known[known["n"] < ENOUGH]
    if len(band) > 1:
        axes.fill_between(band["x"], band["low"], band["high"], color=look[0], alpha=0.15, linewidth=0, zorder=2)
    else:
        bars = known
    axes.vlines(bars["x"], bars["low"], bars["high"], color=look[0], linewidth=1.2, zorder=2)


def plot_published(
    axes: Any,
    rows: pd.DataFrame,
    label: str | None,
    look: tuple,
    y_of: Callable[[pd.Series], pd.Series] = lambda accuracy: accuracy,
) -> None:
    """The paper's points of an arm, hollow; ``y_of`` turns an accuracy into what the axis shows."""
    if len(rows):
        axes.scatter(
            rows["x"],
            y_of(rows["accuracy"]),
            s=52,
            marker=look[1],
            facecolors="none",
            edgecolors=[look[0]],
            linewidths=1.1,
            label=label,
            zorder=5,
        )


def plot_errors(axes: Any, shown: pd.DataFrame, looks: dict[str, tuple], eval_set: str) -> None:
    """Error over images, both logarithmic: runs, and the fitted law of each arm as a line."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for arm, look in looks.items():
        colour, marker, dashes = look
        arm_rows = shown[shown["arm"] == arm]
        runs = arm_rows[(arm_rows["what"] == "run") & (arm_rows["accuracy"] < 100)]
        dot = {"s": 11, "color": colour, "marker": marker, "alpha": 0.45, "linewidths": 0, "zorder": 3}
        axes.scatter(runs["x"], 100 - runs["accuracy"], **dot)
        for law in records(arm_rows[arm_rows["what"] == "fit"]):
            x = np.geomspace(runs["x"].min(), runs["x"].max(), 50)
            y = 100 * law["factor"] * x ** -law["exponent"]
            axes.plot(x, y, color=colour, linestyle=dashes, linewidth=1.6, zorder=4)
            named = {"marker": marker, "markersize": 5, "label": f"{arm}: {law_text(law)}"}
            axes.plot([], [], color=colour, linestyle=dashes, **named)
            theirs = arm_rows[arm_rows["what"] == "published"]
            plot_published(axes, theirs, None, look, lambda accuracy: 100 - accuracy)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(f"error on {eval_set}, % (log scale)")
    corner = {"transform": axes.transAxes, "ha": "right", "va": "top", "fontsize": SMALL, "color": GREY}
    axes.text(0.98, 0.98, "line: error = a·x$^{-b}$, fitted per seed", parse_math=True, **corner)
    legend_beside(axes, True, "exponent, 95 % t-interval over n seeds")


def ticks(shown: pd.DataFrame) -> list[float]:
    """Numbers of images to print on the axis: the scales, and where else means lie, as far as there is room between
    them.
    """
    runs = shown[shown["what"].isin(["run", "published"])]
    wanted = [*sorted(runs["scale"].dropna().unique()), *sorted(runs["x"].unique())]
    room = max(1.45, (max(wanted) / min(wanted)) ** 0.09)
    chosen: list[float] = []
    for x in map(float, wanted):
        apart = all(max(x / other, other / x) >= room for other in chosen)
        if apart and runs["x"].min() <= x <= runs["x"].max():
            chosen.append(x)
    return chosen
