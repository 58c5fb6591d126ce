"""Errors at equal price: what each arm gets for its hours, in the teacher's world and on real test images.

Hours are re-priced where prices were given: counts of work times unit costs, which no other work on the machine can
touch. Measured ones are drawn where equal work took equal time.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from results.analysis.comparisons import Comparison
from results.analysis.disturbance import is_disturbed
from results.analysis.repricing import kind_of, marking
from results.figures.drawing.selection import joined, left_out, span
from results.figures.drawing.style import GREY, Figure, arm_look, head, legend, save, sheet, stem
from results.figures.drawing.worlds import errors_of, figure_of, panels
from results.tables.captions import conditions, device_text, total_of_phases, unit_of
from results.tables.cell_texts import FEWEST

POSITION = 8


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] where hours are of several devices, were disturbed, or only one arm has any."""
    if comparison.eval_set != "test" or comparison.device is None or is_disturbed(comparison):
        return []
    device = comparison.device
    unit, factor = unit_of(comparison.hours[comparison.done.index].max())
    shown = errors_of(comparison, comparison.hours * factor)
    if shown["arm"].nunique() < 2 or shown[["arm", "scale"]].drop_duplicates().shape[0] < 3:
        return []
    shown = shown.assign(front=on_front(shown), unit=unit)
    kind = kind_of(device).replace("hours", unit)
    title = f"Errors at equal price, in {kind}"
    means = shown[shown["what"] == "mean"]
    seeds = f" ({span(means['n'])} a point)" if len(means) else ""
    caption = joined(
        "Percent wrong against the price of one run, both axes logarithmic; markers: geometric means over seeds"
        f"{seeds} with 95 % t-intervals, none below {FEWEST}.",
        "Grey steps: the front, what no cheaper mean beats.",
        f"{total_of_phases(comparison.exclude)}, on {device_text(device, comparison.done['cpus'])}. {marking(device)}",
        left_out(comparison),
        conditions(comparison.group),
    )
    with sheet() as plt:
        drawing = plot(plt, shown, comparison, f"{kind} of one run", title)
        return [save(drawing, shown, stem(folder, "price"), title, caption)]


def on_front(shown: pd.DataFrame) -> pd.Series:
    """Is a mean on the front: is none of its world both as cheap and as good?"""
    found = pd.Series(False, index=shown.index)
    for _, means in shown[shown["what"] == "mean"].groupby("world"):
        ordered = means.sort_values(["x", "error"], kind="stable")
        best = ordered["error"].cummin().shift(fill_value=float("inf"))
        found[ordered.index[ordered["error"] < best]] = True
    return found


def plot(plt: Any, shown: pd.DataFrame, comparison: Comparison, label: str, title: str) -> Any:
    """The drawing: a panel per world."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    def x_axis(panel: Any) -> None:
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel(f"{label} (log scale)")

    drawing = figure_of(plt, comparison, shown, arm_look(comparison.arms), x_axis)
    for panel, world in zip(drawing.axes, [one for one in panels(comparison) if (shown["world"] == one).any()]):
        front = shown[(shown["world"] == world) & shown["front"]].sort_values("x")
        style = {"color": GREY, "linewidth": 0.9, "alpha": 0.7, "zorder": 1}
        panel.step(front["x"], front["error"], where="post", label="front", **style)
    head(drawing, title, comparison.group.title)
    legend(drawing, drawing.axes[0], "geometric mean,\n95 % interval over seeds")
    return drawing
