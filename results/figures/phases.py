"""Where the hours go, by phase and strategy, at equal accuracy: what each arm pays for the best accuracy that
``static`` reaches.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dp_common.persistence.meter import PRICED
from results.analysis.comparisons import Comparison
from results.analysis.cost_to_target import hours_to_target
from results.analysis.disturbance import is_disturbed
from results.analysis.repricing import kind_of, marking
from results.figures.drawing.selection import joined, left_out
from results.figures.drawing.style import COLOURS, Figure, head, palette, save, sheet, stem
from results.frames import records
from results.tables.captions import conditions, device_text, place_of, set_named, total_of_phases, unit_of
from results.tables.cost_to_target import default_targets

POSITION = 30
HATCHES = {"generate": "", "guided": "////", "score": "....", "train": "", "monitor": "xxxx"}


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw one figure per device and target that at least two arms reach; [] where other work touched the hours."""
    if is_disturbed(comparison):
        return []
    main = comparison.only(comparison.drawn_arms)
    figures = []
    for device in main.devices:
        if device != "mixed":
            # what is not finished has no device yet, and keeps its curve open
            runs = main.runs[(main.runs["state"] != "done") | (main.runs["device"] == device)]
            name = "hours-by-phase" + (f"-{device}" if len(main.devices) > 1 else "")
            figures += on_device(device, name, replace(main, runs=runs), comparison, folder)
    return figures


def on_device(device: str, name: str, main: Comparison, comparison: Comparison, folder: Path) -> list[Figure]:
    """The figures of one device; ``main``: its runs of the main arms."""
    figures, eval_set = [], comparison.eval_set
    phases = [phase for phase in PRICED if phase not in comparison.exclude]
    for number, (target, why) in enumerate(default_targets(comparison)):
        bars = hours_to_target(main, target)
        if ((bars["n"] > 0) | (bars["at_once"] > 0)).sum() < 2:
            continue
        title = f"Where the hours go, at {100 * target:.1f} % on {eval_set}"
        caption = joined(
            f"{kind_of(device)} by phase that each arm pays for {100 * target:.1f} % correct on "
            f"{set_named(comparison)}, {why}; device: {device_text(device, main.done['cpus'])}. For each seed read "
            "between the two neighbouring scales where its accuracy first gets there (the logarithm of the hours "
            "linear in accuracy), as in the table of costs; bars are the geometric means over the n of N seeds that "
            "cross it, split as their hours are on average; whiskers the 95 % t-interval, cut by the frame. Seeds "
            "that are there at their smallest scale already are in no mean (≤: what that costs, where all are); seeds "
            f"with runs still to come are in neither; {total_of_phases(comparison.exclude)}.",
            marking(device),
            left_out(comparison),
            conditions(comparison.group),
        )
        path = stem(folder, name + ("-all-seeds" if number else ""), eval_set)
        with sheet() as plt:
            drawing = plot(plt, bars, phases, device, title, f"{why.replace('`', '')}\n{comparison.group.title}")
            frame = bars.assign(target_percent=100 * target, device=device)
            figures.append(save(drawing, frame, path, title, caption))
    return figures


def plot(plt: Any, bars: pd.DataFrame, phases: list[str], device: str, title: str, subtitle: str) -> Any:
    """The drawing: a bar per arm."""
    widest = np.nanmax(bars[["mean", "bound"]].to_numpy(float))
    unit, factor = unit_of(widest)
    drawing, axes = plt.subplots(figsize=(7.6, 1.9 + 0.42 * len(bars)), layout="constrained")
    head(drawing, title, subtitle)
    most = factor * np.nanmax(bars[["mean", "bound", "high"]].clip(upper=1.6 * widest).to_numpy(float))
    for index, row in enumerate(records(bars)):
        plot_bar(axes, index, {name: factor * row[name] for name in phases}, phases)
        high = min(factor * row["high"], 1.02 * most)
        axes.hlines(index, factor * row["low"], high, color="0.15", linewidth=1.1, zorder=5)
        end = np.nanmax([0.0, factor * row["mean"], high])
        axes.text(end + 0.02 * most, index, bar_text(row, factor), va="center", fontsize=8, color="0.25")
    for number, phase in enumerate(phases):
        style = {"color": palette()[COLOURS[number]], "hatch": HATCHES[phase], "edgecolor": "white"}
        axes.barh(0, 0, label=phase, **style)
    axes.set_yticks(range(len(bars)), bars["arm"])
    axes.set_ylim(len(bars) - 0.4, -0.6)  # room for words in place of a bar
    axes.set_xlim(0, 1.45 * most)
    axes.grid(False, axis="y")
    axes.set_xlabel(f"{kind_of(device).replace('hours', unit)} of one run{place_of(device)}")
    axes.legend(
        title="phase",
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )
    return drawing


def plot_bar(axes: Any, index: int, hours: dict[str, float], phases: list[str]) -> None:
    """One arm: its phases behind each other."""
    left = 0.0
    for number, phase in enumerate(phases):
        if hours[phase] > 0:
            style = {
                "color": palette()[COLOURS[number]],
                "hatch": HATCHES[phase],
                "edgecolor": "white",
                "linewidth": 0.6,
            }
            axes.barh(index, hours[phase], left=left, height=0.62, **style)
            left += hours[phase]


def bar_text(row: dict[str, Any], factor: float) -> str:
    """What stands behind a bar, or in its place."""
    expected = row["n"] + row["never"] + row["at_once"]
    if not expected:
        return "no seed finished"
    if row["n"]:
        return f"{factor * row['mean']:,.3g}   n = {row['n']} of {expected}"
    if row["at_once"]:
        return f"≤ {factor * row['bound']:,.3g}   {row['at_once']} of {expected} at once"
    return f"not reached, 0 of {expected} seeds"
