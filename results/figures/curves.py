"""Accuracy against the guidance weight ω and against oversampling at one scale, the inverted U, in both worlds.

Beside them the theory's curve, where a ledger of ``benchmarks.theory`` lies beside the runs.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dp_common.config.specification import short
from results.analysis import theory
from results.analysis.comparisons import Comparison, replicates
from results.analysis.contrasts import POPULATION
from results.analysis.stats import t_interval
from results.figures.drawing.accuracy_axes import dots
from results.figures.drawing.selection import joined, span, varying
from results.figures.drawing.style import (
    GREY,
    SMALL,
    Figure,
    arm_look,
    head,
    if_enough,
    legend,
    log_axis,
    palette,
    save,
    sheet,
    stem,
)
from results.figures.drawing.theory_lines import ORDERED, panel_of, plot_series
from results.frames import records
from results.reading.correctness import column_of
from results.tables.captions import conditions, set_named
from results.tables.cell_texts import FEWEST
from results.tables.in_words import limited, worlds

POSITION = 80
COLUMNS = ["what", "world", "arm", "value", "seed", "accuracy", "monitor", "short", "n", "low", "high"]
WORDS = {POPULATION: "in the teacher's world"}
LEAST = 3  # values of a parameter that make a curve


class Parameter(NamedTuple):
    """A parameter of a strategy that may have a curve."""

    strategy: str
    name: str
    axis: str
    title: str
    log: bool


PARAMETERS = (
    Parameter("dp", "omega", "guidance weight ω", "guidance weight", False),
    Parameter("prune", "oversample", "oversampling, candidates / kept", "oversampling", True),
)


class Curve(NamedTuple):
    """The points of one parameter at one scale in one world, as ``curve_of`` says."""

    parameter: Parameter
    world: str
    scale: int
    points: pd.DataFrame


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] where neither parameter was run at three values or more."""
    asked = [(parameter, world) for world in worlds(comparison) for parameter in PARAMETERS]
    curves = [curve for curve in (curve_of(parameter, comparison, world) for parameter, world in asked) if curve]
    if not curves:
        return []
    limit, options = theory_beside(comparison)
    frames = [curve.points.assign(parameter=curve.parameter.name, scale=curve.scale) for curve in curves]
    shown = pd.concat([*frames, *([] if limit is None else [from_theory(limit)])], ignore_index=True)
    drawn = dict.fromkeys(curve.parameter for curve in curves)
    title = "How much to select: " + " and ".join(parameter.title for parameter in drawn)
    caption = joined(
        f"Accuracy in the teacher's world and on {set_named(comparison)} over the values of one parameter, all else "
        "equal."
        if len({curve.world for curve in curves}) > 1
        else f"Accuracy on {set_named(comparison)} over the values of one parameter, all else equal.",
        f"Dots: runs; line and bars: mean and 95 % t-interval over seeds of complete values (n = {seeds_of(shown)}; "
        f"none below {FEWEST}); thin grey: mean accuracy on monitor, on which a value may be chosen.",
        *dict.fromkeys(
            f"{curve.parameter.axis}: {curve.parameter.strategy} at scale {curve.scale:,}." for curve in curves
        ),
        about_theory(options),
        conditions(comparison.group),
    )
    with sheet() as plt:
        drawing = plot(plt, curves, limit, options, comparison, title)
        return [save(drawing, shown, stem(folder, "curves", comparison.eval_set), title, caption)]


def about_theory(options: theory.Record | None) -> str:
    """What the caption says of the theory's panel; "" without one."""
    if not options:
        return ""
    return (
        f"Right, the theory's curve, from the ledger of benchmarks.theory: ridge classifier in d = {options['d']}, λ "
        f"= {options['lam'][-1]:g} per pool, the hardest kept by a pruner of cosine {options['rho']:g}; lines: the "
        f"limit, points: simulation with 95 % t-intervals over {options['repeats']} repeats. Another learner on other "
        "data: shapes compare, heights do not."
    )


def curve_of(parameter: Parameter, comparison: Comparison, world: str) -> Curve | None:
    """The curve of one parameter at the scale with the most values, the largest of those; None below LEAST values.

    Its points are a row per run and per complete value: ``what, world, value, accuracy, monitor, low, high, n``,
    percent.
    """
    done, column = comparison.done, column_of(world)
    done = done[done[column].notna()]
    runs = varying(done[done["strategy"] == parameter.strategy], parameter.name)
    counts = runs.groupby("scale")["value"].nunique()
    if not len(counts) or counts.max() < LEAST:
        return None
    scale = int(counts[counts == counts.max()].index.max())
    runs = runs[runs["scale"] == scale]
    expected, rows = replicates(runs), []
    for value, part in runs.groupby("value"):
        rows += [run_row(run, column, world) for run in records(part)]
        reached = part[part["scale_reached"].astype(bool)]
        if comparison.is_whole(str(part["arm"].iloc[0]), scale, part, expected) and len(reached):
            interval = limited(t_interval(100 * reached[column].astype(float)).within(0, 100))
            rows.append(
                {
                    "what": "mean",
                    "world": world,
                    "arm": part["arm"].iloc[0],
                    "value": value,
                    "n": interval.n,
                    "accuracy": interval.mean,
                    "low": interval.low,
                    "high": interval.high,
                    "monitor": 100 * reached["monitor_accuracy"].astype(float).mean(),
                }
            )
    return Curve(parameter, world, scale, pd.DataFrame(rows, columns=COLUMNS))


def run_row(run: dict[str, Any], column: str, world: str) -> dict[str, Any]:
    """The dot of one run."""
    monitor = run["monitor_accuracy"]
    return {
        "what": "run",
        "world": world,
        "arm": run["arm"],
        "value": run["value"],
        "seed": run["seed"],
        "accuracy": 100 * run[column],
        "monitor": np.nan if monitor is None else 100 * monitor,
        "short": not run["scale_reached"],
    }


def theory_beside(comparison: Comparison) -> tuple[pd.DataFrame | None, theory.Record | None]:
    """The theory's oversampling at its last λ, and its options, from its ledger in a folder that holds some of these
    runs.
    """
    for root in sorted({Path(folder).parent for folder in comparison.runs["folder"].dropna()}):
        if (root / theory.NAME).exists():
            options, lines = theory.of_study(theory.read(root / theory.NAME))
            rows = panel_of(theory.table(lines, "accuracy-oversample"), options["lam"][-1], "pool")
            return (rows, options) if len(rows) else (None, None)
    return None, None


def from_theory(limit: pd.DataFrame) -> pd.DataFrame:
    """The theory's points as rows of the CSV."""
    percent = 100 - 100 * limit[["error", "high", "low"]].set_axis(["accuracy", "low", "high"], axis="columns")
    points = limit[["what", "series", "x"]].assign(what="theory " + limit["what"], parameter="pool/kept")
    return points.join(percent).rename(columns={"x": "value", "series": "kept"})


def seeds_of(shown: pd.DataFrame) -> str:
    """Of how many seeds the means are."""
    n = shown.loc[shown["what"] == "mean", "n"]
    return span(n) if len(n) else "no value is complete"


def plot(
    plt: Any,
    curves: list[Curve],
    limit: pd.DataFrame | None,
    options: theory.Record | None,
    comparison: Comparison,
    title: str,
) -> Any:
    """The drawing: a row of panels per world, one per parameter, and the theory's beside the first."""
    parameters = list(dict.fromkeys(curve.parameter for curve in curves))
    found = list(dict.fromkeys(curve.world for curve in curves))
    panels, looks = len(parameters) + (limit is not None), arm_look(comparison.arms)
    size = (3.5 * panels + 1.3, 0.9 + 2.8 * len(found))
    drawing, axes = plt.subplots(len(found), panels, figsize=size, layout="constrained", squeeze=False)
    head(drawing, title, f"{comparison.group.title}\nmean, 95 % t-interval over seeds; dot: one run")
    known = {(curve.world, curve.parameter): curve for curve in curves}
    for row, world in zip(axes, found):
        for panel, parameter in zip(row, [*parameters, None]):
            if parameter is None or (world, parameter) not in known:
                panel.set_visible(parameter is None and world == found[0])
                continue
            plot_curve(panel, known[world, parameter], looks)
        where = WORDS.get(world, f"on {world}")
        row[0].set_ylabel(f"accuracy {where}, %")
    if limit is not None and options:
        last = axes[0, -1]
        last.set_visible(True)
        for kept, look in zip(options["n"], ORDERED[::-1]):
            rows = limit[limit["series"] == str(kept)]
            plot_series(last, palette(), rows, look, f"{kept:,} kept", accuracy=True)
        log_axis(last, [1, 2, 4, 8, 16, 32, 64])
        last.set_xlabel("pool / kept (log scale)")
        last.set_title(f"theory: d = {options['d']}, λ = {options['lam'][-1]:g}", loc="left")
        last.set_ylabel("accuracy, %")
        legend(drawing, last, "theory, of a pool\nthe hardest kept")
    return drawing


def plot_curve(axes: Any, curve: Curve, looks: dict[str, tuple]) -> None:
    """One parameter's runs and means, the default value's arm giving the colour."""
    parameter, points = curve.parameter, curve.points
    colour, marker, dashes = looks.get(parameter.strategy) or next(iter(looks.values()))
    runs, means = points[points["what"] == "run"], points[points["what"] == "mean"].sort_values("value")
    dots(axes, runs, (colour, "o", dashes), x="value")
    line = if_enough(means["n"], "-")
    if curve.world != POPULATION and line != "none" and means["monitor"].notna().any():
        style = {"color": GREY, "linewidth": 0.8, "linestyle": (0, (1, 1.2)), "zorder": 2, "label": "on monitor"}
        axes.plot(means["value"], means["monitor"].astype(float), **style)
        axes.legend(fontsize=SMALL, frameon=False, loc="best")
    style = {"color": colour, "marker": marker, "markersize": 5, "markeredgecolor": "white", "linewidth": 1.3}
    axes.plot(means["value"], means["accuracy"], zorder=4, linestyle=line, **style)
    axes.vlines(means["value"], means["low"], means["high"], color=colour, linewidth=2.2, alpha=0.8, zorder=3)
    beside = means["monitor"].dropna().astype(float) if curve.world != POPULATION else means["accuracy"]
    seen = pd.concat([runs["accuracy"], beside])
    room = max(0.05, 0.35 * (seen.max() - seen.min()))
    axes.set_ylim(max(0, seen.min() - room), min(100.5, seen.max() + room))
    axes.set_title(f"{parameter.strategy} at {short(curve.scale)} images", loc="left")
    values = sorted(points["value"].unique())
    if parameter.log:
        log_axis(axes, values)
    else:
        least = min((value for value in values if value > 0), default=1.0)
        axes.set_xscale("symlog", linthresh=least, linscale=0.6)  # zero has a place too
        axes.set_xlim(right=1.2 * max(values))
        axes.set_xticks(values, [f"{value:g}" for value in values])
        axes.minorticks_off()
    axes.set_xlabel(parameter.axis + (" (log scale)" if parameter.log else " (log scale from the first on)"))
