"""The answer: paired differences of one arm against another, by scale and pooled below, in both worlds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dp_common.config.specification import short
from results.analysis.comparisons import Comparison
from results.analysis.contrasts import Contrast, at_scales, pooled
from results.figures.drawing.factor_axis import LABEL, factor_axis
from results.figures.drawing.selection import joined, left_out
from results.figures.drawing.style import GREY, Figure, arm_look, head, save, sheet, stem
from results.figures.drawing.worlds import TITLES
from results.frames import records
from results.tables.captions import conditions
from results.tables.cell_texts import FEWEST
from results.tables.in_words import shown, worlds
from results.tables.pooled import contrasts_of

POSITION = 1
MOST = 4  # contrasts that are drawn; the table of pooled contrasts has all
ROW = 0.18  # inches
PANEL = 2.8  # inches, at least


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] without a finished pair."""
    if comparison.eval_set != "test":
        return []
    pairs = contrasts_of(comparison)[:MOST]
    rows = [row for pair in pairs for world in worlds(comparison) for row in rows_of(comparison, *pair, world)]
    if not rows:
        return []
    found = pd.DataFrame(rows)
    title = "Who makes fewer errors: paired differences by scale, and pooled"
    caption = joined(
        "Errors of the first arm as a factor on those of the second at equal seed; right of ×1 it makes fewer. Dots: "
        "single scales, which explore; diamonds: the mean over all scales, on which verdicts rest; faint dots: its "
        f"seeds. Bars: 95 % intervals, over seeds in the teacher's world, over seeds × images on real ones; none below "
        f"{FEWEST} seeds.",
        left_out(comparison),
        conditions(comparison.group),
    )
    with sheet() as plt:
        drawing = plot(plt, found, comparison, title)
        return [save(drawing, found.drop(columns="seeds"), stem(folder, "forest"), title, caption)]


def rows_of(comparison: Comparison, arm: str, baseline: str, world: str) -> list[dict[str, Any]]:
    """The rows of one contrast in one world: a scale each, then all together; [] without a finished pair."""
    together = pooled(comparison, arm, baseline, world)
    if together is None:
        return []
    alone = at_scales(comparison, arm, baseline, world)
    rows = [row_of(one, f"{short(one.scales[0])}") for one in alone]
    rows.append(row_of(together, "pooled") | {"seeds": together.by_seed})
    return [{"contrast": f"{arm} − {baseline}", "arm": arm, "world": world, "seeds": None, **row} for row in rows]


def row_of(contrast: Contrast, label: str) -> dict[str, Any]:
    """One line of the plot."""
    interval = shown(contrast)
    numbers = {"log_error_ratio": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n}
    return {"label": label, "scales": " ".join(map(short, contrast.scales)), **numbers}


def plot(plt: Any, found: pd.DataFrame, comparison: Comparison, title: str) -> Any:
    """The drawing: a panel per world, the same lines in each."""
    there = [world for world in worlds(comparison) if (found["world"] == world).any()]
    lines = lines_of(found)
    height = 1.3 + ROW * (max(lines.values()) + 1)
    drawing, axes = plt.subplots(
        1, len(there), figsize=(3.9 * len(there) + 0.6, height), layout="constrained", squeeze=False
    )
    looks = arm_look(comparison.arms)
    head(drawing, title, comparison.group.title)
    for number, (panel, world) in enumerate(zip(axes[0], there)):
        rows = found[found["world"] == world]
        plot_world(panel, rows, lines, looks)
        panel.set_title(TITLES.get(world, world), loc="left")
        panel.set_ylim(max(lines.values()) + 0.8, -0.8)
        panel.grid(False, axis="y")
        for contrast in dict.fromkeys(name for name, _ in lines):
            style = {"fontsize": 8, "fontweight": "bold", "va": "center", "transform": panel.get_yaxis_transform()}
            back = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
            panel.text(0.015, first_of(contrast, lines) - 1, contrast, bbox=back, zorder=5, **style)
        panel.set_yticks(list(lines.values()), [label for _, label in lines], fontsize=8)
        for text in panel.get_yticklabels():
            text.set_fontweight("bold" if text.get_text() == "pooled" else "normal")
        panel.tick_params(labelleft=number == 0, left=False)
        panel.set_xlabel(LABEL)
    return drawing


def lines_of(found: pd.DataFrame) -> dict[tuple[str, str], float]:
    """{(contrast, label): line}, a line being free above each contrast for its name."""
    lines: dict[tuple[str, str], float] = {}
    line = 0.0
    for contrast, part in found.groupby("contrast", sort=False):
        scales = part[part["label"] != "pooled"]["scales"].drop_duplicates()
        labels = [*sorted(scales, key=lambda text: list(part["label"]).index(text)), "pooled"]
        line += 1  # its name
        for label in labels:
            lines[str(contrast), label] = line
            line += 1
        line += 0.5  # room
    return lines


def first_of(contrast: str, lines: dict[tuple[str, str], float]) -> float:
    """The first line of a contrast."""
    return min(line for (name, _), line in lines.items() if name == contrast)


def plot_world(axes: Any, rows: pd.DataFrame, lines: dict[tuple[str, str], float], looks: dict[str, tuple]) -> None:
    """The lines of one world."""
    axes.axvline(0, color=GREY, linewidth=1, zorder=1)
    for row in records(rows):
        colour, y = looks.get(row["arm"], [GREY])[0], lines[row["contrast"], row["label"]]
        whole = row["label"] == "pooled"
        if row["seeds"] is not None:
            axes.scatter(row["seeds"], np.full(len(row["seeds"]), y), s=8, color=[colour], alpha=0.35, linewidths=0)
        axes.hlines(y, row["low"], row["high"], color=colour, linewidth=2.2 if whole else 1.1, zorder=3)
        size, marker = (7.5, "D") if whole else (4.5, "o")
        axes.plot(row["log_error_ratio"], y, marker, color=colour, markersize=size, markeredgecolor="white", zorder=4)
        if whole:  # beside the panel, where no seed can be
            text = f"×{np.exp(-row['log_error_ratio']):.2f}"
            place = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "va": "center"}
            axes.annotate(text, (1, y), (4, 0), fontsize=8, color=GREY, annotation_clip=False, **place)
    shown = rows[["log_error_ratio", "low", "high"]].to_numpy(float)
    seeds = [np.asarray(values, dtype=float) for values in rows["seeds"] if values is not None]
    seen = np.concatenate([shown.ravel(), [0.0], *seeds])
    low, high = np.nanmin(seen), np.nanmax(seen)
    room = 0.06 * max(high - low, 0.1)
    factor_axis(axes, low - room, high + room, PANEL)
