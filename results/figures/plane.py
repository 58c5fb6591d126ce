"""A task of two numbers as it happened (probe=truth): the density and plain samples, then, addition by addition as in a strip of film, what
was added and what the learner thought of the plane when it came; last, the learner at the end.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import chosen, parameters, rank
from results.analysis.comparisons import UNIT
from results.figures.selection import one_scale
from results.figures.style import USUAL, file_name, head, palette, save, sheet
from results.reading.history import plane
from results.tables.words import conditions

MOST, POINTS = 6, 400  # strips; points a panel
MARKS = "o^sDvPX*"
SHARES = (0.9, 0.5, 0.1)  # of the mass of P, inside each contour


def draw(rows, folder, group, exclude=(), on="test"):
    """[Figure], or [] without a run that kept a map. One replicate: the first that most arms have."""
    mine = rows[(rows["state"] == "done") & (rows["values"].map(lambda values: values.get("probe")) == "truth")]
    mine = mine[mine["scale"] == one_scale(mine)]
    maps = {index: drawn for index, run in mine.iterrows() if (drawn := plane(run["folder"])) is not None}
    mine = mine.loc[list(maps)]
    if not len(mine):
        return []
    replicate = mine[UNIT].value_counts(sort=False).sort_index().idxmax()
    mine = mine[(mine[UNIT] == replicate).all(axis=1)]
    picked = telling(mine)
    left_out = sorted(set(mine["arm"]) - set(picked["arm"]), key=rank)
    strips = [(run["arm"], run, maps[index]) for index, run in picked.iterrows()]
    scale, seed = int(mine["scale"].iloc[0]), replicate[0]
    title = f"The plane, addition by addition, at {short(scale)} images"
    shares = ", ".join(f"{100 * share:.0f} %" for share in SHARES)
    caption = (
        f"One run of each arm, seed {seed}, scale {scale:,}: an example, no statistics. Left: the teacher's density P (contours hold {shares} "
        "of its mass) and what was added after the initial set, or, without additions, plain DDIM samples. Then, for every addition, up "
        f"to {POINTS} of the points that were added (marker and colour: the label they were made for) on the learner as it was when they "
        "came, before it learned from them, and at the end the final learner and its test accuracy. The shade is the mix of the classes' "
        "colours in the shares of the predicted probabilities; black lines are the learner's boundaries. Weights at additions are kept in "
        "half precision; the maps are files of the runs, named in their ledgers with their digests."
        + (f" Not drawn: {', '.join(left_out)}." if left_out else "")
        + f" {conditions(group)}"
    )
    with sheet() as plt:
        figure, shown = plot(plt, strips, title, group)
        return [save(figure, shown, Path(folder) / file_name("plane", group, on), title, caption)]


def telling(runs):
    """At most MOST of these runs, one an arm: the usual arms, then of others that differ in ω only the one with the largest."""

    def kin(run):
        return run["strategy"], *(
            (name, str(value)) for name, value in chosen(run["values"]).items() if name != "omega"
        )

    omega = lambda index: abs(parameters(runs.at[index, "values"]).get("omega", 0.0))
    order = sorted(runs.index, key=lambda index: (runs.at[index, "arm"] not in USUAL, -omega(index)))
    found, families = [], set()
    for index in order:
        usual, family = runs.at[index, "arm"] in USUAL, kin(runs.loc[index])
        if usual or family not in families:
            found.append(index)
            families |= set() if usual else {family}
    return runs.loc[sorted(found[:MOST], key=lambda index: rank(runs.at[index, "arm"]))]


def plot(plt, strips, title, group):
    """(figure, frame of every point and boundary in it: ``what, arm, panel, label, x, y``)."""
    columns = 1 + max(len(drawn["seen"]) for _, _, drawn in strips)
    figure, axes = plt.subplots(
        len(strips),
        columns,
        figsize=(1.75 * columns + 0.4, 1.95 * len(strips) + 0.8),
        layout="constrained",
        squeeze=False,
    )
    head(figure, title, group.title)
    rows = []
    for line, (arm, run, drawn) in zip(axes, strips):
        colours = palette()[: drawn["probabilities"].shape[-1]]
        contours(line[0], drawn)
        later = drawn["addition"] > 0
        all_added = ("density and all\nthat was added later", drawn["points"][later], drawn["labels"][later], "later")
        words, *shown = (
            all_added if later.any() else ("density and\nplain samples", drawn["plain"], drawn["plain_labels"], "plain")
        )
        rows += points(line[0], *shown[:2], colours, arm, shown[2])
        line[0].set_title(words, loc="left", fontsize=7.5)
        line[0].set_ylabel(arm.replace(" ", "\n"), fontsize=8)
        last = len(drawn["seen"]) - 1
        for panel, seen in enumerate(drawn["seen"]):
            here, name = line[1 + panel], "end" if panel == last else str(panel)
            rows += regions(here, drawn["axis"], drawn["probabilities"][panel].astype(float), colours, arm, name)
            if panel < last:
                mine = drawn["addition"] == panel
                rows += points(here, drawn["points"][mine], drawn["labels"][mine], colours, arm, name)
            what = (
                f"end, {100 * run['accuracy']:.1f} %"
                if panel == last
                else "initial set"
                if not panel
                else f"addition {panel}"
            )
            here.set_title(f"{what}\n{seen:,} seen", loc="left", fontsize=7.5)
        for spare in line[1 + len(drawn["seen"]) :]:
            spare.set_axis_off()
        for here in line:
            here.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[], aspect="equal")
    return figure, pd.DataFrame(rows, columns=["what", "arm", "panel", "label", "x", "y"])


def points(here, stored, labels, colours, arm, panel):
    """Draw at most POINTS; returns their rows."""
    spread = np.linspace(0, len(labels) - 1, min(POINTS, len(labels))).astype(int)
    xy, labels = stored[spread] / 127.5 - 1, labels[spread]
    for label, colour in enumerate(colours):
        mine = labels == label
        here.scatter(
            *xy[mine].T,
            s=5,
            marker=MARKS[label % len(MARKS)],
            color=colour,
            edgecolors="0.15",
            linewidths=0.2,
            zorder=3,
        )
    return [("point", arm, panel, int(label), float(x), float(y)) for label, (x, y) in zip(labels, xy)]


def contours(here, drawn):
    """Lines around the densest parts that hold the shares of P, all classes together."""
    density = np.exp(drawn["log_density"].astype(float)).mean(-1)
    falling = np.sort(density.ravel())[::-1]
    mass = np.cumsum(falling) / falling.sum()
    levels = [falling[np.searchsorted(mass, share)] for share in SHARES]
    here.contour(drawn["axis"], drawn["axis"], density, levels=levels, colors="0.45", linewidths=0.7, zorder=4)


def regions(here, axis, probabilities, colours, arm, panel):
    """Shade by the predicted probabilities and draw the boundaries; returns the rows of these."""
    pale = 1 - 0.45 * (1 - np.array(colours))
    here.imshow(
        (probabilities @ pale).clip(0, 1),
        extent=(*axis[[0, -1]], *axis[[0, -1]]),
        origin="lower",
        interpolation="bilinear",
        zorder=0,
    )
    rows = []
    for label in range(len(colours)):
        margin = probabilities[..., label] - np.delete(probabilities, label, -1).max(-1)
        if margin.min() < 0 < margin.max():
            lines = here.contour(axis, axis, margin, levels=[0], colors="0.1", linewidths=0.8, zorder=2)
            rows += [
                ("boundary", arm, panel, label, float(x), float(y)) for segment in lines.allsegs[0] for x, y in segment
            ]
    return rows
