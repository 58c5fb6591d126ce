"""The answer: paired differences of one arm against another, by scale and pooled below, in both worlds."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dp_common.config.specification import short
from results.analysis.comparisons import Comparison
from results.analysis.contrasts import Contrast, at_scales, pooled
from results.figures.drawing.selection import joined, left_out
from results.figures.drawing.style import GREY, SMALL, Figure, arm_look, head, save, sheet, stem
from results.figures.drawing.worlds import TITLES
from results.frames import records
from results.tables.captions import conditions
from results.tables.cell_texts import FEWEST
from results.tables.in_words import shown, worlds
from results.tables.pooled import contrasts_of

POSITION = 1
MOST = 4  # contrasts that are drawn; the table of pooled contrasts has all
FACTORS = (0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.4, 1.7, 2, 2.5, 3, 4)  # that are printed on an axis
ROW = 0.18  # inches


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
        panel.set_xlabel("factor on errors;  fewer →")
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
    from matplotlib.ticker import FixedLocator, FuncFormatter

    axes.axvline(0, color=GREY, linewidth=1, zorder=1)
    for row in records(rows):
        colour, y = looks[row["arm"]][0], lines[row["contrast"], row["label"]]
        whole = row["label"] == "pooled"
        if row["seeds"] is not None:
            axes.scatter(row["seeds"], np.full(len(row["seeds"]), y), s=8, color=[colour], alpha=0.35, linewidths=0)
        axes.hlines(y, row["low"], row["high"], color=colour, linewidth=2.2 if whole else 1.1, zorder=3)
        size, marker = (7.5, "D") if whole else (4.5, "o")
        axes.plot(row["log_error_ratio"], y, marker, color=colour, markersize=size, markeredgecolor="white", zorder=4)
        if whole:
            text = f"×{np.exp(-row['log_error_ratio']):.2f}"
            end = row["high"] if row["high"] == row["high"] else row["log_error_ratio"]
            axes.annotate(text, (end, y), (5, 0), textcoords="offset points", va="center", fontsize=8, color=GREY)
    seen = np.abs(rows[["log_error_ratio", "low", "high"]].to_numpy(float))
    low = min(0.0, np.nanmin(rows[["log_error_ratio", "low"]].to_numpy(float)))
    high = max(0.0, np.nanmax(rows[["log_error_ratio", "high"]].to_numpy(float)))
    room = 0.12 * max(high - low, 0.1, float(np.nanmax(seen)) * 0.2)
    axes.set_xlim(low - room, high + 2.2 * room)
    ticks = [-np.log(factor) for factor in FACTORS if low - room <= -np.log(factor) <= high + 2 * room]
    apart = 0.13 * (high - low + 3 * room)
    chosen = [0.0]
    for tick in sorted(ticks, key=abs):
        if all(abs(tick - other) >= apart for other in chosen):
            chosen.append(tick)
    axes.xaxis.set_major_locator(FixedLocator(chosen))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"×{np.exp(-x):.3g}"))
    axes.tick_params(axis="x", labelsize=SMALL + 0.5)
