"""The league: every method's errors against static in both worlds, by what it saw of the real world, best first."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results.analysis.comparisons import Comparison
from results.analysis.effects import FEW
from results.analysis.league import League, Standing, league
from results.figures.drawing.factor_axis import LABEL, factor_axis
from results.figures.drawing.narrow import WIDTH
from results.figures.drawing.selection import joined
from results.figures.drawing.style import GREY, SMALL, Figure, head, palette, save, sheet, stem
from results.figures.drawing.worlds import TITLES
from results.frames import records
from results.tables.captions import conditions
from results.tables.in_words import shown
from results.tables.league_words import CLASSES, lead_of, rank_text, scales_named, sentences

POSITION = 2
ROW, NAMED_ROW = 0.185, 0.30  # inches of a method: beside its name, and below it
PANEL = 3.1  # inches, about
LONGEST = 40  # letters of a name
COLOURS = (0, 1, 2, 4)  # of the palette, by class of information
MARKERS = "osD^"


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] where the comparison has too few methods for a league."""
    found = league(comparison)
    if found is None or comparison.eval_set != "test":
        return []
    rows = pd.DataFrame([row for world in found.worlds for row in rows_of(found, world)])
    title = "The league: who makes fewer errors than static"
    caption = joined(
        *sentences(comparison)[:1],
        "Errors as a factor on those of `static` at equal seed, 95 % intervals (over seeds in the teacher's world, "
        f"over seeds × images on real ones; none below {FEW} seeds); right of ×1 a method makes fewer. Filled: decided "
        "over the whole league (Holm). Right of a panel: rank within its class; = is shared, not told apart. In the "
        f"order of errors on real images, pooled {scales_named(found.scales)} or those of them that were run.",
        "Dashed: training on the real images." if found.ceiling else "",
        conditions(comparison.group),
    )
    with sheet() as plt:
        drawing = plot(plt, rows, found, title)
        path = stem(folder, "league")
        return [save(drawing, rows, path, title, caption, lambda: plot_small(plt, rows, found))]


def rows_of(found: League, world: str) -> list[dict[str, Any]]:
    """A row per method that was measured in one world, and one of the ceiling."""
    rows = [row_of(one, world, f"I{one.information}") for one in found.methods if world in one.contrasts]
    ceiling = found.ceiling
    return rows + ([row_of(ceiling, world, "ceiling")] if ceiling and world in ceiling.contrasts else [])


def row_of(one: Standing, world: str, information: str) -> dict[str, Any]:
    """One line of the plot."""
    interval = shown(one.contrasts[world])
    return {
        "world": world,
        "class": information,
        "arm": one.arm,
        "rank": rank_text(one, world),
        "log_error_ratio": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
        "verdict": one.verdicts.get(world, ""),
        "scales": " ".join(map(str, one.scales)),
    }


def places(found: League) -> tuple[dict[str, float], dict[int, float]]:
    """({arm: its line}, {class: the line of its heading}), from the top."""
    lines: dict[str, float] = {}
    headings: dict[int, float] = {}
    line = 0.0
    for information, methods in found.standings.items():
        headings[information] = line
        for one in methods:
            line += 1
            lines[one.arm] = line
        line += 1.4
    return lines, headings


def plot(plt: Any, rows: pd.DataFrame, found: League, title: str) -> Any:
    """The drawing: a panel per world, names left of the first."""
    lines, headings = places(found)
    worlds = [world for world in found.worlds if (rows["world"] == world).any()]
    height = 1.25 + ROW * (max(lines.values()) + 1.5)
    drawing, axes = plt.subplots(
        1, len(worlds), figsize=(PANEL * len(worlds) + 2.9, height), layout="constrained", squeeze=False
    )
    head(drawing, title, found.comparison.group.title)
    lead = lead_of(found)
    for number, (panel, world) in enumerate(zip(axes[0], worlds)):
        plot_world(panel, rows[rows["world"] == world], lines, PANEL)
        frame(panel, world, max(lines.values()))
        panel.set_yticks(list(lines.values()), [cut(arm) for arm in lines], fontsize=8)
        for text, arm in zip(panel.get_yticklabels(), lines):
            text.set_fontweight("bold" if lead and arm == lead.arm else "normal")
        panel.tick_params(labelleft=number == 0, left=False)
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        heading_style = {"fontsize": 8, "color": GREY, "va": "center", "style": "italic", "bbox": back, "zorder": 5}
        for information, line in headings.items() if number == 0 else ():
            text = f"I{information}: {CLASSES[information]}"
            panel.text(0.01, line, text, transform=panel.get_yaxis_transform(), **heading_style)
    return drawing


def plot_small(plt: Any, rows: pd.DataFrame, found: League) -> Any:
    """The drawing for a small screen: a panel below the other, names above their lines."""
    lines, headings = places(found)
    worlds = [world for world in found.worlds if (rows["world"] == world).any()]
    height = len(worlds) * (0.8 + NAMED_ROW * (max(lines.values()) + 1.5))
    drawing, axes = plt.subplots(len(worlds), 1, figsize=(WIDTH, height), layout="constrained", squeeze=False)
    for panel, world in zip(axes[:, 0], worlds):
        plot_world(panel, rows[rows["world"] == world], lines, WIDTH - 0.5)
        frame(panel, world, max(lines.values()))
        panel.set_yticks([])
        style = {"transform": panel.get_yaxis_transform(), "fontsize": 8, "va": "center", "zorder": 5}
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
        for arm, line in lines.items():
            panel.text(0.01, line - 0.45, cut(arm), bbox=back, **style)
        for information, line in headings.items():
            panel.text(0.01, line - 0.3, f"I{information}: {CLASSES[information]}", color=GREY, bbox=back, **style)
    return drawing


def frame(panel: Any, world: str, last: float) -> None:
    """Title, axis and limits of a panel."""
    panel.set_title(TITLES.get(world, world), loc="left")
    panel.set_ylim(last + 0.8, -0.9)
    panel.grid(False, axis="y")
    panel.set_xlabel(LABEL)


def cut(arm: str) -> str:
    """A name as it is drawn: of a long one the middle is left out, for the end is what tells it from its like."""
    return arm if len(arm) <= LONGEST else f"{arm[: LONGEST // 2 - 2]}…{arm[-LONGEST // 2 - 1 :]}"


def plot_world(axes: Any, rows: pd.DataFrame, lines: dict[str, float], width: float) -> None:
    """The lines of one world; ``width``: of its panel, inches."""
    colours = palette()
    axes.axvline(0, color=GREY, linewidth=1, zorder=1)
    beside = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "va": "center"}
    for row in records(rows):
        if row["class"] == "ceiling":
            axes.axvline(row["log_error_ratio"], color=GREY, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
            continue
        information, y = int(row["class"][1:]), lines[row["arm"]]
        colour = colours[COLOURS[information]]
        axes.hlines(y, row["low"], row["high"], color=colour, linewidth=1.6, zorder=3)
        inside = "white" if row["verdict"] == "undecided" else colour
        style = {"color": colour, "markerfacecolor": inside, "markersize": 5, "markeredgewidth": 1.1, "zorder": 4}
        axes.plot(row["log_error_ratio"], y, MARKERS[information], **style)
        first = row["rank"].startswith("1") and row["rank"].rstrip("=") == "1"
        text = f"{row['rank']}" if row["rank"] != "—" else f"n={row['n']}"
        weight = "bold" if first else "normal"
        axes.annotate(text, (1, y), (3, 0), fontsize=SMALL, color=GREY, weight=weight, annotation_clip=False, **beside)
    low, high = span_of(rows[["log_error_ratio", "low", "high"]].to_numpy(float).ravel())
    factor_axis(axes, low, high, width)


def span_of(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The ends of an axis around these values and zero."""
    seen = np.append(np.asarray(values, dtype=float), 0.0)
    low, high = float(np.nanmin(seen)), float(np.nanmax(seen))
    room = 0.05 * max(high - low, 0.1)
    return low - room, high + room
