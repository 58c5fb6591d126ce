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
SIZE = (225.0, 215.0)  # of a panel, points, about
PLACES = [
    (round(far * float(np.cos(angle)), 1), round(far * float(np.sin(angle)), 1))
    for far in (9, 17, 26, 36)
    for angle in np.arange(0.7, 6.9, np.pi / 6)
]  # where a number may stand, beside its dot, points


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
        number_dots(panel, own)
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
    least = rows[rows["front"] & (rows["class"] == rows["class"].min())].sort_values("x")
    axes.step(least["x"], least["error"], where="post", color=GREY, linewidth=0.9, alpha=0.7, zorder=1)


def number_dots(axes: Any, rows: pd.DataFrame) -> None:
    """The numbers, each beside its dot where no other number and no numbered dot is, as far as there is such a place; a
    line leads to one that stands further off.
    """
    (left, right), (low, high) = np.log(axes.get_xlim()), np.log(axes.get_ylim())
    named = rows[rows["number"] > 0].sort_values("number")
    x = SIZE[0] * (np.log(named["x"].to_numpy(float)) - left) / (right - left)
    y = SIZE[1] * (np.log(named["error"].to_numpy(float)) - low) / (high - low)
    taken = [(a, b, 3.0, 3.0) for a, b in zip(x, y)]  # centre, half width and height, points
    for row, a, b in zip(records(named), x, y):
        half = (2.9 * len(str(row["number"])), 4.2)

        def crowd(offset: tuple[float, float], a: float = a, b: float = b, half: tuple = half) -> float:
            """How much of the place is taken; of two free ones the nearer."""
            place = (a + offset[0], b + offset[1], *half)
            outside = not (half[0] < place[0] < SIZE[0] - half[0] and half[1] < place[1] < SIZE[1] - half[1])
            return 100 * (sum(map(overlap, taken, [place] * len(taken))) + outside) + float(np.hypot(*offset))

        offset = min(PLACES, key=crowd)
        taken.append((a + offset[0], b + offset[1], *half))
        style = {"textcoords": "offset points", "fontsize": 8, "zorder": 7, "weight": "bold", "ha": "center"}
        if np.hypot(*offset) > 12:
            style["arrowprops"] = {"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2}
        axes.annotate(str(row["number"]), (row["x"], row["error"]), offset, va="center", **style)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Do two boxes (centre, half width and height) meet?"""
    return abs(one[0] - other[0]) < one[2] + other[2] and abs(one[1] - other[1]) < one[3] + other[3]


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
