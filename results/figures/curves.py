"""Accuracy against the guidance weight ω and against oversampling at one scale, the inverted U; beside them the theory's curve, where a
ledger of ``benchmarks.theory`` lies beside the runs.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dp_common.config.specification import short
from results.analysis import theory
from results.analysis.cells import column_of, replicates
from results.analysis.stats import t_interval
from results.figures.selection import joined, span, varying
from results.figures.style import GREY, arm_look, file_name, head, legend, log_axis, palette, save, sheet
from results.figures.theory import ORDERED, panel, series
from results.tables.words import conditions, set_named

LEAST = 3  # values of a parameter that make a curve
PARAMETERS = {("dp", "omega"): "guidance weight ω", ("prune", "oversample"): "oversampling, candidates / kept"}


def draw(rows, folder, group, exclude=(), on="test"):
    """[Figure], or [] where neither parameter was run at three values or more."""
    done = rows[rows["state"] == "done"]
    curves = [(key, *curve(done[done["strategy"] == key[0]], key[1], rows, on)) for key in PARAMETERS]
    curves = [(key, scale, points) for key, scale, points in curves if scale]
    if not curves:
        return []
    limit, options = theory_beside(rows)
    shown = pd.concat(
        [points.assign(parameter=key[1], scale=scale) for key, scale, points in curves], ignore_index=True
    )
    if limit is not None:
        shown = pd.concat([shown, from_theory(limit)], ignore_index=True)
    title = "How much to select: " + " and ".join(
        "guidance weight" if key[1] == "omega" else "oversampling" for key, *_ in curves
    )
    caption = joined(
        f"Accuracy on {set_named(rows, on)} over the values of one parameter, all else equal. Dots: runs; line and bars (cut by the frame): mean and 95 % "
        f"t-interval over seeds of the complete values (n = {counted(shown)}); thin grey: mean accuracy on monitor, on which a value may be chosen.",
        *(f"{PARAMETERS[key]}: {key[0]} at scale {scale:,}." for key, scale, _ in curves),
        told_of(options),
        conditions(group),
    )
    with sheet() as plt:
        figure = plot(plt, curves, limit, options, arm_look(rows["arm"]), on, title, group)
        return [save(figure, shown, Path(folder) / file_name("curves", group, on), title, caption)]


def told_of(options):
    """What the caption says of the theory's panel; "" without one."""
    return (
        ""
        if not options
        else (
            f"Right, the theory's curve, from the ledger of benchmarks.theory: ridge classifier in d = {options['d']}, λ = {options['lam'][-1]:g} per pool, the "
            f"hardest kept by a pruner of cosine {options['rho']:g}; lines: the limit, points: simulation with 95 % t-intervals over {options['repeats']} "
            "repeats. Another learner on other data: shapes compare, heights do not."
        )
    )


def curve(done, name, rows, on):
    """(scale, points) of one parameter: at the scale with the most values, the largest of those; (None, None) below LEAST values. A row per
    run and per complete value: ``what, value, accuracy, monitor, low, high, n``, percent.
    """
    mine, column = varying(done, name), column_of(on)
    counts = mine.groupby("scale")["value"].nunique()
    if not len(counts) or counts.max() < LEAST:
        return None, None
    scale = int(counts[counts == counts.max()].index.max())
    mine = mine[(mine["scale"] == scale)]
    expected, found = replicates(mine), []
    for value, part in mine.groupby("value"):
        reached = part[part["scale_reached"].astype(bool)]
        found += [
            {
                "what": "run",
                "arm": run["arm"],
                "value": value,
                "seed": run["seed"],
                "accuracy": 100 * run[column],
                "monitor": 100 * run.get("monitor_accuracy", np.nan),
                "short": not run["scale_reached"],
            }
            for run in part.to_dict("records")
        ]
        if replicates(part) >= expected and len(reached):
            interval = t_interval(100 * reached[column])
            monitor = 100 * reached["monitor_accuracy"].mean() if "monitor_accuracy" in reached else np.nan
            found.append(
                {
                    "what": "mean",
                    "arm": part["arm"].iloc[0],
                    "value": value,
                    "n": interval.n,
                    "accuracy": interval.mean,
                    "low": interval.low,
                    "high": interval.high,
                    "monitor": monitor,
                }
            )
    return scale, pd.DataFrame(found)


def theory_beside(rows):
    """(points and lines of the theory's oversampling at its last λ, options) from its ledger in a folder that holds some of these runs;
    (None, None) where it is not there.
    """
    for root in sorted({Path(folder).parent for folder in rows["folder"].dropna()}):
        if (root / theory.NAME).exists():
            options, lines = theory.of_study(theory.read(root / theory.NAME))
            found = panel(theory.table(lines, "accuracy-oversample"), options["lam"][-1], "pool")
            return (found, options) if len(found) else (None, None)
    return None, None


def from_theory(limit):
    """The theory's points as rows of the CSV."""
    accuracy = {
        "accuracy": 100 - 100 * limit["error"],
        "low": 100 - 100 * limit["high"],
        "high": 100 - 100 * limit["low"],
    }
    points = limit[["what", "series", "x"]].assign(what="theory " + limit["what"], parameter="pool/kept", **accuracy)
    return points.rename(columns={"x": "value", "series": "kept"})


def counted(shown):
    n = shown.loc[shown["what"] == "mean", "n"].astype(int)
    return span(n) if len(n) else "no value is complete"


def plot(plt, curves, limit, options, looks, on, title, group):
    panels = len(curves) + (limit is not None)
    figure, axes = plt.subplots(1, panels, figsize=(3.5 * panels + 1.3, 3.7), layout="constrained", squeeze=False)
    head(figure, title, f"{group.title}\nmean, 95 % t-interval over seeds; dot: one run")
    for here, (key, scale, points) in zip(axes[0], curves):
        measured(here, key, scale, points, looks)
    axes[0, 0].set_ylabel(f"accuracy on {on}, %")
    if limit is not None:
        here = axes[0, -1]
        for kept, look in zip(options["n"], ORDERED[::-1]):
            series(here, palette(), limit[limit["series"] == str(kept)], look, f"{kept:,} kept", accuracy=True)
        log_axis(here, [1, 2, 4, 8, 16, 32, 64])
        here.set_xlabel("pool / kept (log scale)")
        here.set_title(f"theory: d = {options['d']}, λ = {options['lam'][-1]:g}", loc="left")
        here.set_ylabel("accuracy, %")
        legend(figure, here, "theory, of a pool\nthe hardest kept")
    return figure


def measured(axes, key, scale, points, looks):
    """One parameter's runs and means, the default value's arm giving the colour."""
    colour, marker, _ = looks[key[0]] if key[0] in looks else next(iter(looks.values()))
    runs, means = points[points["what"] == "run"], points[points["what"] == "mean"].sort_values("value")
    short_ones = runs["short"].astype(bool)
    axes.scatter(
        runs["value"][~short_ones],
        runs["accuracy"][~short_ones],
        s=12,
        color=colour,
        alpha=0.45,
        linewidths=0,
        zorder=3,
    )
    axes.scatter(
        runs["value"][short_ones], runs["accuracy"][short_ones], s=18, facecolors="none", edgecolors=[colour], zorder=3
    )
    if means["monitor"].notna().any():
        axes.plot(
            means["value"],
            means["monitor"].astype(float),
            color=GREY,
            linewidth=0.8,
            linestyle=(0, (1, 1.2)),
            zorder=2,
            label="on monitor",
        )
    axes.plot(
        means["value"],
        means["accuracy"],
        color=colour,
        marker=marker,
        markersize=6,
        markeredgecolor="white",
        linewidth=1.5,
        zorder=4,
    )
    axes.vlines(means["value"], means["low"], means["high"], color=colour, linewidth=1.1, alpha=0.7, zorder=3)
    seen = pd.concat([runs["accuracy"], means["monitor"].dropna().astype(float)])
    room = max(1.0, 0.35 * (seen.max() - seen.min()))
    axes.set_ylim(max(0, seen.min() - room), min(100.5, seen.max() + room))
    axes.set_title(f"{key[0]} at {short(scale)} images", loc="left")
    if key[1] == "oversample":
        log_axis(axes, sorted(points["value"].unique()))
    else:
        axes.set_xticks(sorted(points["value"].unique()), [f"{value:g}" for value in sorted(points["value"].unique())])
    axes.set_xlabel(PARAMETERS[key] + (" (log scale)" if key[1] == "oversample" else ""))
    if means["monitor"].notna().any():
        axes.legend(fontsize=7.5, frameon=False, loc="best")
