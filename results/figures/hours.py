"""Accuracy against device hours, a figure per device name: hours of the result solid, all that was spent thin
(interruptions included).
"""

from pathlib import Path
from typing import Any

import pandas as pd

from results.analysis.comparisons import Comparison
from results.analysis.disturbance import is_disturbed
from results.analysis.repricing import kind_of, marking
from results.figures.drawing.accuracy_axes import ceiling_line, dots, frame_of, legend_beside, means_line
from results.figures.drawing.accuracy_points import HOURS, points, says_something, seeds_of_means
from results.figures.drawing.selection import joined, left_out
from results.figures.drawing.style import Figure, arm_look, head, save, sheet, stem
from results.tables.captions import conditions, device_text, place_of, set_named, total_of_phases, unit_of

POSITION = 20


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw one figure per device; hours on several kinds of device have none, nor those that other work touched."""
    if is_disturbed(comparison):
        return []
    shown = points(comparison, HOURS)
    shown = shown[shown["arm"].isin(comparison.drawn_arms | {"real"})]
    devices = sorted(shown.loc[shown["x"].notna(), "device"].dropna().unique())
    figures = []
    for device in devices:
        rows = shown[(shown["device"] == device) | (shown["what"] == "ceiling")]
        if says_something(rows):
            name = "accuracy-hours" if len(devices) == 1 else f"accuracy-hours-{device}"
            figures.append(on_device(device, rows, comparison, stem(folder, name, comparison.eval_set)))
    return figures


def on_device(device: str, rows: pd.DataFrame, comparison: Comparison, path: Path) -> Figure:
    """The figure of one device."""
    unit, factor = unit_of(rows["x"].max())
    rows = rows.assign(x=rows["x"] * factor, spent=rows["spent"] * factor)
    kind = kind_of(device).replace("hours", unit)
    place = place_of(device)
    without = f" (without {', '.join(comparison.exclude)})" if comparison.exclude else ""
    label, title = f"{kind} of one run{place}{without}", f"Accuracy on {comparison.eval_set} against {kind}{place}"
    with sheet() as plt:
        drawing = plot(plt, rows, arm_look(comparison.arms), label, comparison, title)
        return save(drawing, rows.assign(unit=label), path, title, caption_of(comparison, rows, label, device))


def caption_of(comparison: Comparison, shown: pd.DataFrame, label: str, device: str) -> str:
    """What the figure shows, in sentences."""
    cpus = comparison.runs.loc[comparison.runs["device"] == device, "cpus"]
    sentences = [
        f"Accuracy on {set_named(comparison)} against {label}, log axis; device: {device_text(device, cpus)}.",
        f"Dots: runs; markers: means over {seeds_of_means(shown)} at their mean hours "
        f"({total_of_phases(comparison.exclude)}), joined in the order of scale; bars: 95 % t-interval, cut by the "
        "frame where it is wider.",
    ]
    if shown["spent"].notna().any():
        sentences.append(
            "Thin line: the same means at what was spent, which counts all attempts with work lost to interruptions."
        )
    return joined(*sentences, marking(device), left_out(comparison), conditions(comparison.group))


def plot(plt: Any, shown: pd.DataFrame, looks: dict[str, tuple], label: str, comparison: Comparison, title: str) -> Any:
    """The drawing, one panel."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    drawing, axes = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    head(drawing, title, comparison.group.title)
    for arm, look in looks.items():
        arm_rows = shown[shown["arm"] == arm]
        runs, means = arm_rows[arm_rows["what"] == "run"], arm_rows[arm_rows["what"] == "mean"].sort_values("scale")
        if not len(runs):
            continue
        dots(axes, runs, look)
        means_line(axes, means, arm, look)
        axes.vlines(means["x"], means["low"], means["high"], color=look[0], linewidth=1, alpha=0.6, zorder=2)
        axes.plot(means["spent"], means["accuracy"], color=look[0], linewidth=0.7, zorder=3)
    if shown["spent"].notna().any():
        axes.plot([], [], color="0.3", linewidth=0.7, label="spent, lost work included")
    ceiling_line(axes, shown[shown["what"] == "ceiling"])
    axes.set_ylim(*frame_of(shown))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(False, which="minor")
    axes.set_xlabel(f"{label} (log scale)")
    axes.set_ylabel(f"accuracy on {comparison.eval_set}, %")
    hollow = "; hollow: short of its scale" if shown["short"].eq(True).any() else ""
    legend_beside(axes, False, f"mean, 95 % t-interval over seeds\ndot: one run{hollow}")
    return drawing
