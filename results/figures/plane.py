"""A task of two numbers as it happened (probe=truth), addition by addition as in a strip of film.

The density and plain samples; then what was added and what the learner thought of the plane when it came; last, the
learner at the end.
"""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import parameters, rank
from results.analysis.comparisons import CONTROLS, UNIT, Comparison
from results.figures.drawing.probes import runs_with_probe
from results.figures.drawing.style import Figure, head, palette, save, sheet, stem
from results.frames import records
from results.reading.history import plane
from results.tables.captions import conditions

POSITION = 100
MOST, POINTS = 6, 400  # strips; points a panel
MARKS = "o^sDvPX*"
SHARES = (0.9, 0.5, 0.1)  # of the mass of P, inside each contour


class Strip(NamedTuple):
    """One arm's row of panels: its run, and the arrays of ``results.reading.history.plane``."""

    arm: str
    accuracy: float
    maps: dict[str, np.ndarray]


class Pen(NamedTuple):
    """Where one panel is drawn, and the rows of the CSV that tell what was drawn."""

    axes: Any
    arm: str
    panel: str
    colours: list
    rows: list[tuple]


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] without a run that kept a map. Of one replicate: the first that most arms have."""
    runs = runs_with_probe(comparison, ("truth",))
    maps = {run["run_id"]: arrays for run in records(runs) if (arrays := plane(run["folder"])) is not None}
    runs = runs[runs["run_id"].isin(maps)]
    if not len(runs):
        return []
    counts = Counter(zip(runs["seed"], runs["data.split"]))
    replicate = min(counts, key=lambda unit: (-counts[unit], unit))
    runs = runs[(runs[UNIT] == list(replicate)).all(axis=1)]
    picked = telling(runs)
    left_out = sorted(set(runs["arm"]) - set(picked["arm"]), key=rank)
    strips = [Strip(run["arm"], run["accuracy"], maps[run["run_id"]]) for run in records(picked)]
    seed, scale = int(replicate[0]), int(runs["scale"].iloc[0])
    title = f"The plane, addition by addition, at {short(scale)} images"
    shares = ", ".join(f"{100 * share:.0f} %" for share in SHARES)
    caption = (
        f"One run of each arm, seed {seed}, scale {scale:,}: an example, no statistics. Left: the teacher's "
        f"density P (contours hold {shares} of its mass) and what was added after the initial set, or, without "
        f"additions, plain DDIM samples. Then, for every addition, up to {POINTS} of the points that were added "
        "(marker and colour: the label they were made for) on the learner as it was when they came, before it learned "
        "from them, and at the end the final learner and its test accuracy. The shade is the mix of the classes' "
        "colours in the shares of the predicted probabilities; black lines are the learner's boundaries. Weights at "
        "additions are kept in half precision; the maps are files of the runs, named in their ledgers with their "
        "digests." + (f" Not drawn: {', '.join(left_out)}." if left_out else "") + f" {conditions(comparison.group)}"
    )
    with sheet() as plt:
        drawing, shown = plot(plt, strips, title, comparison.group.title)
        return [save(drawing, shown, stem(folder, "plane", comparison.eval_set), title, caption)]


def telling(runs: pd.DataFrame) -> pd.DataFrame:
    """At most MOST of these runs, one an arm.

    Strategies as they are by default and controls; then, of others that differ in ω only, the one with the largest.
    """
    rows = records(runs)
    proper = {row["run_id"]: " " not in row["arm"] or row["arm"] in CONTROLS for row in rows}
    picked, families = [], set()
    for row in sorted(rows, key=lambda row: (not proper[row["run_id"]], -omega_of(row))):
        beside = ((name, str(value)) for name, value in row["changed"].items() if name != "omega")
        family, is_proper = (row["strategy"], *beside), proper[row["run_id"]]
        if is_proper or family not in families:
            picked.append(row)
        if not is_proper:
            families.add(family)
    order = [row["run_id"] for row in sorted(picked[:MOST], key=lambda row: rank(row["arm"]))]
    return runs.set_index("run_id", drop=False).loc[order]


def omega_of(run: dict[str, Any]) -> float:
    """How far its guidance weight is from none."""
    return abs(parameters(run["values"]).get("omega", 0.0))


def plot(plt: Any, strips: list[Strip], title: str, subtitle: str) -> tuple[Any, pd.DataFrame]:
    """The drawing, and a row for every point and boundary in it: ``what, arm, panel, label, x, y``."""
    columns = 1 + max(len(strip.maps["seen"]) for strip in strips)
    size = (1.75 * columns + 0.4, 1.95 * len(strips) + 0.8)
    drawing, axes = plt.subplots(len(strips), columns, figsize=size, layout="constrained", squeeze=False)
    head(drawing, title, subtitle)
    rows: list[tuple] = []
    for panels, strip in zip(axes, strips):
        plot_strip(panels, strip, rows)
        for panel in panels:
            panel.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[], aspect="equal")
    return drawing, pd.DataFrame(rows, columns=["what", "arm", "panel", "label", "x", "y"])


def plot_strip(panels: Any, strip: Strip, rows: list[tuple]) -> None:
    """One arm: the density, then a panel per addition, then the end."""
    maps = strip.maps
    colours, last = palette()[: maps["probabilities"].shape[-1]], len(maps["seen"]) - 1
    later = maps["addition"] > 0
    if later.any():
        name, first_title, points = "later", "density and all\nthat was added later", maps["points"][later]
        labels = maps["labels"][later]
    else:
        name, first_title, points = "plain", "density and\nplain samples", maps["plain"]
        labels = maps["plain_labels"]
    plot_contours(panels[0], maps)
    plot_points(Pen(panels[0], strip.arm, name, colours, rows), points, labels)
    panels[0].set_title(first_title, loc="left", fontsize=7.5)
    panels[0].set_ylabel(strip.arm.replace(" ", "\n"), fontsize=8)
    for number, seen in enumerate(maps["seen"]):
        pen = Pen(panels[1 + number], strip.arm, "end" if number == last else str(number), colours, rows)
        plot_regions(pen, maps["axis"], maps["probabilities"][number].astype(float))
        if number < last:
            added = maps["addition"] == number
            plot_points(pen, maps["points"][added], maps["labels"][added])
        moment = "initial set" if number == 0 else f"addition {number}"
        moment = f"end, {100 * strip.accuracy:.1f} %" if number == last else moment
        pen.axes.set_title(f"{moment}\n{seen:,} seen", loc="left", fontsize=7.5)
    for spare in panels[2 + last :]:
        spare.set_axis_off()


def plot_points(pen: Pen, stored: np.ndarray, labels: np.ndarray) -> None:
    """At most POINTS of the points, evenly spread."""
    spread = np.linspace(0, len(labels) - 1, min(POINTS, len(labels))).astype(int)
    xy, labels = stored[spread] / 127.5 - 1, labels[spread]
    style = {"s": 5, "edgecolors": "0.15", "linewidths": 0.2, "zorder": 3}
    for label, colour in enumerate(pen.colours):
        pen.axes.scatter(*xy[labels == label].T, marker=MARKS[label % len(MARKS)], color=colour, **style)
    pen.rows.extend(("point", pen.arm, pen.panel, int(label), float(x), float(y)) for label, (x, y) in zip(labels, xy))


def plot_contours(axes: Any, maps: dict[str, np.ndarray]) -> None:
    """Lines around the densest parts that hold the shares of P, all classes together."""
    density = np.exp(maps["log_density"].astype(float)).mean(-1)
    falling = np.sort(density.ravel())[::-1]
    mass = np.cumsum(falling) / falling.sum()
    levels = [falling[np.searchsorted(mass, share)] for share in SHARES]
    axes.contour(maps["axis"], maps["axis"], density, levels=levels, colors="0.45", linewidths=0.7, zorder=4)


def plot_regions(pen: Pen, axis: np.ndarray, probabilities: np.ndarray) -> None:
    """Shade by the predicted probabilities [y, x, classes], and the boundaries between them."""
    pale = 1 - 0.45 * (1 - np.array(pen.colours))
    extent = (*axis[[0, -1]], *axis[[0, -1]])
    shade = (probabilities @ pale).clip(0, 1)
    pen.axes.imshow(shade, extent=extent, origin="lower", interpolation="bilinear", zorder=0)
    for label in range(len(pen.colours)):
        margin = probabilities[..., label] - np.delete(probabilities, label, -1).max(-1)
        if margin.min() < 0 < margin.max():
            lines = pen.axes.contour(axis, axis, margin, levels=[0], colors="0.1", linewidths=0.8, zorder=2)
            pen.rows.extend(
                ("boundary", pen.arm, pen.panel, label, float(x), float(y))
                for segment in lines.allsegs[0]
                for x, y in segment
            )
