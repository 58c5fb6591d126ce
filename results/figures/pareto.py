"""What a method's errors cost: every method of the league by price and errors, in both worlds.

A method is on the front where none that saw as little of the real world as it did is both as cheap and as good: one
that saw more takes no other's place.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results.analysis.arms import rank
from results.analysis.comparisons import Comparison
from results.analysis.disturbance import is_disturbed
from results.analysis.effects import FEW, share_of_errors
from results.analysis.league import STATIC, League, Standing, league, reached
from results.analysis.repricing import kind_of, marking
from results.figures.drawing.selection import joined
from results.figures.drawing.style import GREY, SMALL, Figure, head, palette, save, sheet, stem
from results.figures.drawing.worlds import error_axis, images_of
from results.figures.league import COLOURS, MARKERS, cut
from results.figures.price import on_front
from results.frames import records
from results.reading.correctness import column_of
from results.tables.captions import conditions, device_text, total_of_phases, unit_of
from results.tables.in_words import shown
from results.tables.league_words import CLASSES, lead_of, listed, scales_named

POSITION = 3
LEAST = 3  # priced methods


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] where there is no league, or hours are of several devices or were disturbed."""
    found = league(comparison)
    if found is None or comparison.eval_set != "test":
        return []
    device = found.comparison.device
    if device is None or is_disturbed(found.comparison):
        return []
    unit, factor = unit_of(
        max((one.hours for one in [*found.methods, found.static] if one.hours == one.hours), default=np.nan)
    )
    rows = pd.DataFrame([row for world in found.worlds for row in rows_of(found, world, factor)])
    unknown = sorted(set(rows.loc[rows["x"].isna(), "arm"]), key=rank)
    rows = rows[rows["x"].notna()]
    if STATIC in unknown or len(set(rows["arm"])) < LEAST:
        return []
    rows = numbered(rows.assign(front=fronts(rows), unit=unit), found)
    kind = kind_of(device).replace("hours", unit)
    title = f"What fewer errors cost, in {kind}"
    left = [one.arm for one in found.methods if one.scales != found.scales]
    caption = joined(
        f"Percent wrong against the price of one run, a dot a method, mean over what was pooled "
        f"({scales_named(found.scales)}); bars: 95 % intervals of the paired factor on the errors of `static`, none "
        f"below {FEW} seeds. Numbered: the front, by means: of methods of {FEW} seeds or more, "
        "none that saw as little of the real world is both as cheap and as good. Steps: those that saw least.",
        f"Not here, run at some of these scales only: {', '.join(left)}." if left else "",
        f"Not here, their hours being unknown: {listed(unknown)}." if unknown else "",
        f"{total_of_phases(comparison.exclude)}, on {device_text(device, found.comparison.done['cpus'])}. "
        f"{marking(device)}",
        conditions(comparison.group),
    )
    with sheet() as plt:
        drawing = plot(plt, rows, found, f"{kind} of one run", title)
        return [save(drawing, rows, stem(folder, "pareto"), title, caption)]


def rows_of(found: League, world: str, factor: float) -> list[dict[str, Any]]:
    """A row per method that has all scales of the league, and static's."""
    base = static_error(found, world)
    rows = [row_of(found.static, world, base, factor)]
    known = [one for one in found.methods if world in one.contrasts and one.scales == found.scales]
    return rows + [row_of(one, world, base, factor) for one in known]


def row_of(one: Standing, world: str, base: float, factor: float) -> dict[str, Any]:
    """A dot: static's errors times the paired factor."""
    interval = shown(one.contrasts[world]) if one.contrasts else None
    gain, low, high = (interval.mean, interval.low, interval.high) if interval else (0.0, np.nan, np.nan)
    errors = {"error": base * np.exp(-gain), "low": base * np.exp(-high), "high": base * np.exp(-low)}
    place = {"world": world, "arm": one.arm, "class": one.information, "n": interval.n if interval else 0}
    return {**place, "x": one.hours * factor, **errors}


def static_error(found: League, world: str) -> float:
    """Percent, the geometric mean of static's errors over seeds, then scales."""
    runs = reached(found.comparison.done)
    runs = runs[(runs["arm"] == STATIC) & runs["scale"].isin(found.scales)]
    wrong = share_of_errors(1 - runs[column_of(world)].to_numpy(float), runs[images_of(world)].to_numpy(float))
    return 100 * float(np.exp(pd.Series(np.log(wrong), index=runs.index).groupby(runs["scale"]).mean().mean()))


def fronts(rows: pd.DataFrame) -> pd.Series:
    """Is a method on the front of those of its class of information and below, in its world? Of methods with FEW seeds
    or more, and static.
    """
    found, whole = pd.Series(False, index=rows.index), rows[(rows["n"] >= FEW) | (rows["arm"] == STATIC)]
    for information in sorted(whole["class"].unique()):
        front = on_front(whole[whole["class"] <= information].assign(what="mean"))
        found |= front.reindex(rows.index, fill_value=False) & (rows["class"] == information)
    return found


def numbered(rows: pd.DataFrame, found: League) -> pd.DataFrame:
    """With a number for each method that is on a front, and for static and dp; 0 for the others."""
    lead = lead_of(found)
    named = set(rows.loc[rows["front"], "arm"]) | {STATIC} | ({lead.arm} if lead else set())
    by_price = rows.groupby("arm")["x"].first().sort_values(kind="stable").index
    numbers = {arm: number for number, arm in enumerate([arm for arm in by_price if arm in named], 1)}
    return rows.assign(number=rows["arm"].map(numbers).fillna(0).astype(int))


def plot(plt: Any, rows: pd.DataFrame, found: League, label: str, title: str) -> Any:
    """The drawing: a panel per world, the names of what is numbered right of them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    worlds = [world for world in found.worlds if (rows["world"] == world).any()]
    drawing, axes = plt.subplots(
        1, len(worlds), figsize=(3.9 * len(worlds) + 2.6, 4.2), layout="constrained", squeeze=False
    )
    for panel, world in zip(axes[0], worlds):
        own = rows[rows["world"] == world]
        plot_world(panel, own)
        error_axis(panel, own, world)
        panel.set_xscale("log")
        panel.set_xlim(0.97 * own["x"].min(), 1.05 * own["x"].max())
        wide = own["x"].max() > 4 * own["x"].min()
        few = FixedLocator(MaxNLocator(6).tick_values(own["x"].min(), own["x"].max()))
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)) if wide else few)
        panel.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel(f"{label} (log scale)")
        panel.grid(False, which="minor")
    head(drawing, title, found.comparison.group.title)
    add_legend(drawing, rows)
    return drawing


def plot_world(axes: Any, rows: pd.DataFrame) -> None:
    """The dots of one world, and the front."""
    colours = palette()
    for row in records(rows):
        colour = colours[COLOURS[row["class"]]]
        named = row["number"] > 0
        axes.vlines(row["x"], row["low"], row["high"], color=colour, linewidth=1.0, alpha=0.8 if named else 0.25)
        style = {"color": colour, "markersize": 6 if named else 4.5, "markeredgecolor": "white", "zorder": 4 + named}
        axes.plot(row["x"], row["error"], MARKERS[row["class"]], alpha=1 if named else 0.6, **style)
        if named:
            place = {"textcoords": "offset points", "fontsize": 8, "zorder": 7, "weight": "bold"}
            axes.annotate(str(row["number"]), (row["x"], row["error"]), (4, 3), **place)
    least = rows[rows["front"] & (rows["class"] == rows["class"].min())].sort_values("x")
    axes.step(least["x"], least["error"], where="post", color=GREY, linewidth=0.9, alpha=0.7, zorder=1)


def add_legend(drawing: Any, rows: pd.DataFrame) -> None:
    """The names of the numbered methods, then what marks mean."""
    from matplotlib.lines import Line2D

    colours, handles, labels = palette(), [], []

    def mark(information: int, label: str) -> None:
        style = {"color": colours[COLOURS[information]], "marker": MARKERS[information], "linestyle": "none"}
        handles.append(Line2D([], [], markeredgecolor="white", markersize=6, **style))
        labels.append(label)

    named = rows[rows["number"] > 0].drop_duplicates("arm").sort_values("number")
    for row in records(named):
        mark(row["class"], f"{row['number']}  {cut(row['arm'])}")
    if rows["class"].nunique() > 1:
        for information in sorted(rows["class"].unique()):
            mark(information, f"I{information}: {CLASSES[information]}")
    style = {"frameon": False, "fontsize": SMALL, "title_fontsize": 8, "alignment": "left"}
    drawing.legend(handles, labels, title="on a front, and static and dp", loc="outside right center", **style)
