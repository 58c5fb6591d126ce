"""Errors in both worlds against a cost: what the figures by images and by price share.

Left the teacher's world, where it was measured, right the real one; both axes logarithmic, so that a power law is a
straight line and equal factors are equal distances. A mean is the geometric mean over seeds.
"""

from collections.abc import Callable
from math import exp, log10
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results.analysis.comparisons import Comparison, by_arm_and_scale
from results.analysis.contrasts import POPULATION
from results.analysis.effects import share_of_errors
from results.analysis.stats import t_interval
from results.figures.drawing.style import GREY, SMALL, if_enough
from results.reading import references
from results.reading.correctness import column_of
from results.tables.cell_texts import FEWEST
from results.tables.in_words import worlds

TITLES = {POPULATION: "in the teacher's world", "test": "on real test images"}


def errors_of(comparison: Comparison, cost: pd.Series) -> pd.DataFrame:
    """The rows of a figure of errors.

    Args:
        comparison: of whose main arms the runs are shown.
        cost: of each run, by its index in ``comparison.runs``.

    Returns:
        A row per dot: ``what`` is run or mean (of a complete cell: geometric means of cost and error, and the 95 %
        t-interval of the error over seeds, nan below FEWEST), ``world``, ``arm``, ``scale``, ``seed``, ``x``,
        ``error``, ``low``, ``high`` (percent), ``n``.
    """
    cells = comparison.cells
    done = cells[(cells["state"] == "done") & cells["arm"].isin(comparison.drawn_arms)]
    done = done.assign(x=cost[done.index].astype(float))
    done = done[done["x"] > 0]
    rows: list[dict[str, Any]] = []
    for world in worlds(comparison):
        column, images = column_of(world), images_of(world)
        for arm, scale, part in by_arm_and_scale(done[done[column].notna()]):
            if not len(part):
                continue
            place = {"world": world, "arm": arm, "scale": scale}
            errors = 100 * share_of_errors(1 - part[column].to_numpy(float), part[images].to_numpy(float))
            rows += [
                {**place, "what": "run", "seed": seed, "x": x, "error": error, "short": not reached}
                for seed, x, error, reached in zip(part["seed"], part["x"], errors, part["scale_reached"])
            ]
            there = part["scale_reached"].astype(bool).to_numpy()
            if there.any() and comparison.is_whole(arm, scale, part):
                found = t_interval(np.log(errors[there]))
                low, high = (exp(found.low), exp(found.high)) if found.n >= FEWEST else (np.nan, np.nan)
                x = exp(float(np.log(part["x"][there]).mean()))
                rows.append(
                    {**place, "what": "mean", "x": x, "error": exp(found.mean), "low": low, "high": high, "n": found.n}
                )
    names = ["what", "world", "arm", "scale", "seed", "x", "error", "low", "high", "n", "short"]
    return pd.DataFrame(rows, columns=names)


def images_of(world: str) -> str:
    """The column that says how many images a world has."""
    return "population_images" if world == POPULATION else "test_images"


def references_of(comparison: Comparison, cost: pd.Series) -> pd.DataFrame:
    """What simple classifiers get from the same images: rows as those of ``errors_of``, ``what`` being reference and
    ``arm`` the method; x is the cost of the run whose images they are, none of the teacher's Bayes rule.
    """
    folders = {Path(folder).parent for folder in comparison.done["folder"].dropna()}
    found = references.read(sorted(folders | {folder.parent for folder in folders}))
    by_id = dict(zip(comparison.done["run_id"], cost[comparison.done.index].astype(float)))
    found = found[found["run_id"].isin(by_id) & found["set"].isin(worlds(comparison))]
    error = 100 * share_of_errors(1 - found["accuracy"].to_numpy(float), found["images"].to_numpy(float))
    x = found["run_id"].map(by_id).where(found["method"] != "bayes")
    shown = found.assign(what="reference", world=found["set"], arm=found["method"], x=x, error=error)
    keys = ["what", "world", "arm", "scale"]
    return shown.groupby(keys, as_index=False, dropna=False)[["x", "error"]].mean()


def panels(comparison: Comparison) -> list[str]:
    """The worlds, in the order of panels."""
    return list(worlds(comparison))


def plot_world(axes: Any, shown: pd.DataFrame, looks: dict[str, tuple], aside: float) -> None:
    """One panel: runs as faint dots, means with bars, joined where every one of them has FEWEST seeds.

    ``aside``: the factor between the places of two arms of equal cost, whose bars would hide each other.
    """
    arms = [arm for arm in looks if (shown["arm"] == arm).any()]
    for index, arm in enumerate(arms):
        colour, marker, dashes = looks[arm]
        rows = shown[shown["arm"] == arm]
        place = aside ** (index - (len(arms) - 1) / 2)
        runs, means = rows[rows["what"] == "run"], rows[rows["what"] == "mean"].sort_values("scale")
        axes.scatter(runs["x"] * place, runs["error"], s=7, color=[colour], alpha=0.3, linewidths=0, zorder=2)
        line = if_enough(means["n"], dashes)
        axes.plot(
            means["x"] * place,
            means["error"],
            color=colour,
            marker=marker,
            linestyle=line,
            markersize=6,
            linewidth=1.5,
            markeredgecolor="white",
            markeredgewidth=0.6,
            label=arm,
            zorder=4,
        )
        axes.vlines(means["x"] * place, means["low"], means["high"], color=colour, linewidth=1.3, zorder=3)


def plot_references(axes: Any, shown: pd.DataFrame) -> None:
    """Thin grey lines through what each method gets; the Bayes rule's across the panel."""
    dashes = {"1-nn": (0, (1, 1.5)), "rbf-svm": (0, (4, 2))}
    for method, style in dashes.items():
        rows = shown[shown["arm"] == method].sort_values("x")
        if len(rows):
            label = f"{references.LABELS[method]}, static's images"
            axes.plot(rows["x"], rows["error"], color=GREY, linestyle=style, linewidth=1.1, label=label, zorder=1)
    rows = shown[shown["arm"] == "bayes"]
    if len(rows):
        label = references.LABELS["bayes"]
        axes.axhline(rows["error"].mean(), color=GREY, linewidth=0.9, linestyle="-", label=label, zorder=1)


def error_axis(axes: Any, shown: pd.DataFrame, world: str) -> None:
    """A logarithmic axis of percent wrong around what is shown."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    seen = pd.concat([shown["error"], shown["low"].dropna(), shown["high"].dropna()])
    low, high = 0.88 * seen.min(), 1.14 * seen.max()
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    steps = (1, 1.5, 2, 3, 4, 5, 7) if log10(high / low) < 1.2 else (1, 2, 5)
    ticks = [step * 10.0**decade for decade in range(-4, 3) for step in steps]
    axes.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.set_title(TITLES.get(world, f"on real images ({world})"), loc="left")
    axes.set_ylabel("errors, % (log scale)")


def figure_of(
    plt: Any,
    comparison: Comparison,
    shown: pd.DataFrame,
    looks: dict[str, tuple],
    x_axis: Callable[[Any], None],
    aside: float = 1.0,
) -> Any:
    """A panel per world, with a legend beside them; ``x_axis`` finishes a panel's lower axis; ``aside``: see
    ``plot_world``.
    """
    found = [world for world in panels(comparison) if (shown["world"] == world).any()]
    drawing, axes = plt.subplots(
        1, len(found), figsize=(4.1 * len(found) + 1.9, 4.2), layout="constrained", squeeze=False
    )
    for panel, world in zip(axes[0], found):
        rows = shown[shown["world"] == world]
        plot_references(panel, rows[rows["what"] == "reference"])
        plot_world(panel, rows[rows["what"] != "reference"], looks, aside)
        error_axis(panel, rows, world)
        x_axis(panel)
        panel.grid(False, which="minor")
    return drawing


def corner(axes: Any, text: str) -> None:
    """Small print in the upper right corner of a panel."""
    style = {"transform": axes.transAxes, "ha": "right", "va": "top", "fontsize": SMALL, "color": GREY}
    axes.text(0.98, 0.98, text, **style)
