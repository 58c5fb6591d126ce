"""Accuracy against what it cost: images generated, images kept, hours. A dot per run at its true x, the mean of every complete
cell with its 95 % t band, the ceiling as a dashed line. Each figure is SVG, PNG and the CSV it was drawn from."""

from pathlib import Path

import numpy as np
import pandas as pd

from dp_common.spec import short
from results.arms import rank
from results.cells import cell, column_of, parts, replicates, split_ceiling, total_hours
from results.groups import one_group
from results.stats import t_interval
from results.tables import check_set, unit_of

AXES = {"images_generated": "images generated", "images_kept": "images kept in the training set", "hours": "hours of the result"}
USUAL = ("static", "prune", "prune score=random", "dp", "dp omega=0")  # look the same in every figure; others take what is left
COLOURS = (0, 1, 7, 2, 4, 3, 9, 5, 6, 8)  # of seaborn's "colorblind", neighbours far apart
MARKERS, LINES = "os^DvPX<>*", ["-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1))]


def points(frame, against, exclude=(), on="test"):
    """What a figure shows, a row per dot: ``what`` is run (``x``, ``accuracy``, ``seed``, ``short``), mean (of a complete
    cell: mean ``x`` and interval) or ceiling. Accuracies in percent; x in images, or device hours on ``device``."""
    _, rows = one_group(frame)
    check_set(rows, on)
    column, expected = column_of(on), replicates(rows)
    done = rows[rows["state"] == "done"]
    done = done.assign(x=total_hours(done, exclude) if against == "hours" else done[against].astype(float))
    cells, ceiling = split_ceiling(done)
    cells = cells[~(cells["x"] <= 0)]  # real images are not generated, and a log axis has no zero
    found = []
    for arm, scale, part in parts(cells):
        found += [{"what": "run", "arm": arm, "scale": scale, "seed": run["seed"], "split": run["data.split"], "device": run["device"],
                   "x": run["x"], "kept": int(run["images_kept"]), "accuracy": 100 * run[column], "short": not run["scale_reached"]}
                  for run in part.to_dict("records")]
        whole, reached = cell(part, expected, column), part[part["scale_reached"].astype(bool)]
        if whole["complete"] and whole["n"] and reached["x"].notna().all() and (against != "hours" or reached["device"].nunique() == 1):
            found.append({"what": "mean", "arm": arm, "scale": scale, "x": reached["x"].mean(), "accuracy": 100 * whole["mean"],
                          "low": 100 * whole["low"], "high": 100 * whole["high"], "n": whole["n"], "device": reached["device"].iloc[0]})
    if len(ceiling):
        top = t_interval(ceiling[column])
        found.append({"what": "ceiling", "arm": "real", "kept": int(ceiling["images_kept"].max()), "accuracy": 100 * top.mean,
                      "low": 100 * top.low, "high": 100 * top.high, "n": top.n})
    names = ["what", "arm", "scale", "seed", "split", "device", "x", "kept", "accuracy", "low", "high", "n", "short"]
    return pd.DataFrame(found, columns=names).astype({name: "Int64" for name in ("scale", "seed", "split", "kept", "n")})


def draw(frame, folder, exclude=(), on="test", group=None):
    """Write all figures of one comparison into an existing ``folder``; returns the paths. The same runs give the same bytes.

    Hours get a figure per device name. Raises BadInput as ``one_group`` does.
    """
    group, rows = one_group(frame, group)
    paths = []
    for against, label in AXES.items():
        shown = points(rows, against, exclude, on)
        devices = sorted(shown.loc[shown["x"].notna(), "device"].dropna().unique()) if against == "hours" else [None]
        for device in devices:
            mine = shown if device is None else shown[(shown["device"] == device) | (shown["what"] == "ceiling")]
            mine, unit = in_units(mine, device) if device else (mine, label)
            name = f"accuracy-{against}-{group.slug}" + (f"-{device}" if len(devices) > 1 else "")
            stem = Path(folder) / (name if on == "test" else f"{on}-{name}").replace(" ", "-")
            if (mine["what"] == "run").any():
                paths += save(mine, stem, unit + (f" (without {', '.join(exclude)})" if device and exclude else ""), on, group)
    return paths


def in_units(shown, device):
    """(points with x in readable units, label of the axis): hours of a second or so are given in seconds."""
    unit, factor = unit_of(shown["x"].max())
    kind = "CPU" if device == "cpu" else "GPU"
    return shown.assign(x=shown["x"] * factor), f"{kind} {unit} of one run" + ("" if device == "cpu" else f" on {device}")


def save(shown, stem, label, on, group):
    """Draw one figure and write ``stem``.svg, .png and .csv."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn

    fixed = {"svg.hashsalt": "results", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9}
    with plt.rc_context(seaborn.axes_style("whitegrid") | fixed):
        figure, axes = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
        try:
            lines, palette = shown[shown["what"] != "ceiling"], seaborn.color_palette("colorblind", 10)
            for arm, place in places(lines["arm"].unique()):
                line(axes, lines[lines["arm"] == arm], arm, palette[COLOURS[place % len(COLOURS)]], place)
            ceiling_line(axes, shown[shown["what"] == "ceiling"])
            dress(axes, label, on, group, shown)
            for ending, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
                figure.savefig(f"{stem}.{ending}", dpi=150, metadata=metadata)
        finally:
            plt.close(figure)
    shown.assign(unit=label).to_csv(f"{stem}.csv", index=False, lineterminator="\n", float_format="%.10g")
    return [Path(f"{stem}.{ending}") for ending in ("svg", "png", "csv")]


def places(arms):
    """[(arm, number of its colour, marker and dashes)] in the order of the legend."""
    others = [arm for arm in sorted(arms, key=rank) if arm not in USUAL]
    return [(arm, USUAL.index(arm) if arm in USUAL else len(USUAL) + others.index(arm)) for arm in sorted(arms, key=rank)]


def line(axes, mine, arm, colour, place):
    """One arm: dots of its runs (hollow if short of their scale), line of means, band, and bars where there is no band."""
    marker, dashes = MARKERS[place % len(MARKERS)], LINES[place % len(LINES)]
    runs, means = mine[mine["what"] == "run"], mine[mine["what"] == "mean"].sort_values("scale")
    hollow = runs["short"].astype(bool)
    axes.scatter(runs["x"][~hollow], runs["accuracy"][~hollow], s=11, color=colour, marker=marker, alpha=0.45, linewidths=0, zorder=3)
    axes.scatter(runs["x"][hollow], runs["accuracy"][hollow], s=18, marker=marker, facecolors="none", edgecolors=[colour], zorder=3)
    axes.plot(means["x"], means["accuracy"], color=colour, marker=marker, linestyle=dashes, markersize=6, linewidth=1.6,
              markeredgecolor="white", label=arm, zorder=4)
    known = means.dropna(subset=["low"])
    if len(known) > 1:
        axes.fill_between(known["x"], known["low"], known["high"], color=colour, alpha=0.15, linewidth=0, zorder=2)
    else:
        axes.vlines(known["x"], known["low"], known["high"], color=colour, linewidth=1.2, zorder=2)


def ceiling_line(axes, ceiling):
    for row in ceiling.to_dict("records"):
        axes.axhline(row["accuracy"], color="0.25", linestyle="--", linewidth=1.2, label=f"real, all {row['kept']:,} images", zorder=1)
        if np.isfinite(row["low"]):
            axes.axhspan(row["low"], row["high"], color="0.25", alpha=0.07, linewidth=0, zorder=0)


def ticks(shown):
    """Numbers of images to print on the axis: the scales, and where else means lie, as far as there is room between them."""
    runs = shown[shown["what"] != "ceiling"]
    wanted = [*sorted(runs["scale"].unique()), *sorted(runs["x"].unique())]
    room, chosen = max(1.35, (max(wanted) / min(wanted)) ** 0.08), []
    for x in map(float, wanted):
        if all(max(x / other, other / x) >= room for other in chosen) and runs["x"].min() <= x <= runs["x"].max():
            chosen.append(x)
    return chosen


def dress(axes, label, on, group, shown):
    """Axes, title, legend."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(ticks(shown)) if label in AXES.values() else LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}" if x < 1000 else short(round(x))))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(False, which="minor")
    axes.set_xlabel(f"{label} (log scale)")
    axes.set_ylabel(f"accuracy on {on}, %")
    axes.set_title(group.title, fontsize=8, loc="left")
    hollow = "; hollow: short of its scale" if shown["short"].eq(True).any() else ""
    axes.legend(title=f"mean, 95 % t band over seeds\ndot: one run{hollow}", title_fontsize=7.5, fontsize=8, loc="center left",
                bbox_to_anchor=(1.01, 0.5), frameon=False, alignment="left")
