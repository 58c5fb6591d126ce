"""Accuracy against images generated and images kept: a dot per run at its true x, the mean of every complete cell with its 95 % t
band, the ceiling as a dashed line, what the paper printed for the task as hollow markers; beside it the error and its power law.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from results import published
from results.analysis.cells import cell, column_of, expected_at, main_arms, parts, split_ceiling, total_hours
from results.analysis.comparisons import one_group
from results.analysis.power_law import LEAST, fit
from results.analysis.stats import t_interval
from results.figures.selection import joined, left_out, span
from results.figures.style import GREY, arm_look, file_name, head, log_axis, save, sheet
from results.tables.words import check_set, conditions, set_named

AXES = {"images_generated": "images generated", "images_kept": "images kept in the training set"}
NAMES = [
    "what",
    "arm",
    "scale",
    "seed",
    "split",
    "device",
    "x",
    "spent",
    "kept",
    "accuracy",
    "low",
    "high",
    "n",
    "short",
    "exponent",
    "exponent_low",
    "exponent_high",
    "factor",
    "source",
]


def points(frame, against, exclude=(), on="test"):
    """What a figure shows, a row per dot: ``what`` is run (``x``, ``accuracy``, ``seed``, ``short``), mean (of a complete
    cell: mean ``x`` and interval), ceiling, fit (``exponent`` and interval, ``factor``: results/power_law.py) or published. Accuracies
    in percent; x in images, or in device hours on ``device`` (then ``spent`` too, and no fits).
    """
    _, rows = one_group(frame)
    check_set(rows, on)
    column = column_of(on)
    done = rows[rows["state"] == "done"]
    done = done.assign(x=total_hours(done, exclude) if against == "hours" else done[against].astype(float))
    cells, ceiling = split_ceiling(done)
    cells = cells[~(cells["x"] <= 0)]  # real images are not generated, and a log axis has no zero
    found = []
    for arm, scale, part in parts(cells):
        found += [
            {
                "what": "run",
                "arm": arm,
                "scale": scale,
                "seed": run["seed"],
                "split": run["data.split"],
                "device": run["device"],
                "x": run["x"],
                "spent": run["gpu_hours_spent"],
                "kept": int(run["images_kept"]),
                "accuracy": 100 * run[column],
                "short": not run["scale_reached"],
            }
            for run in part.to_dict("records")
        ]
        whole, reached = cell(part, expected_at(rows, scale), column), part[part["scale_reached"].astype(bool)]
        if (
            whole["complete"]
            and whole["n"]
            and reached["x"].notna().all()
            and (against != "hours" or reached["device"].nunique() == 1)
        ):
            found.append(
                {
                    "what": "mean",
                    "arm": arm,
                    "scale": scale,
                    "x": reached["x"].mean(),
                    "spent": reached["gpu_hours_spent"].mean(),
                    "accuracy": 100 * whole["mean"],
                    "low": 100 * whole["low"],
                    "high": 100 * whole["high"],
                    "n": whole["n"],
                    "device": reached["device"].iloc[0],
                }
            )
    if len(ceiling):
        top = t_interval(ceiling[column])
        found.append(
            {
                "what": "ceiling",
                "arm": "real",
                "kept": int(ceiling["images_kept"].max()),
                "accuracy": 100 * top.mean,
                "low": 100 * top.low,
                "high": 100 * top.high,
                "n": top.n,
            }
        )
    if against != "hours":
        found += [*fits(cells, column), *printed(rows["task"].iloc[0], on)]
    return pd.DataFrame(found, columns=NAMES).astype(dict.fromkeys(("scale", "seed", "split", "kept", "n"), "Int64"))


def fits(cells, column):
    """A row per arm with a power law; runs that ended below their scale take no part."""
    cells = cells[cells["scale_reached"].astype(bool)].assign(error=lambda rows: 1 - rows[column])
    found = [(arm, fit(part)) for arm, part in cells.groupby("arm")]
    return [
        {
            "what": "fit",
            "arm": arm,
            "n": law.n,
            "exponent": law.exponent,
            "exponent_low": law.low,
            "exponent_high": law.high,
            "factor": law.factor,
        }
        for arm, law in found
        if law
    ]


def printed(task, on):
    """A row per point of the paper's scaling curves on this task and set."""
    curve, column = published.scaling(task), published.SETS.get(on)
    if curve is None or column not in curve:
        return []
    return [
        {
            "what": "published",
            "arm": row["strategy"],
            "x": float(row["images"]),
            "kept": int(row["images"]),
            "accuracy": row[column],
            "source": row.get("source"),
        }
        for row in curve.dropna(subset=[column]).to_dict("records")
    ]


def draw(rows, folder, group, exclude=(), on="test"):
    """[Figure]: against images generated, and against images kept."""
    found = []
    for against, label in AXES.items():
        shown = points(rows, against, exclude, on)
        shown = shown[shown["arm"].isin(main_arms(rows) | {"real"}) | (shown["what"] == "published")]
        if not (shown["what"] == "run").any():
            continue
        title = f"Accuracy on {on} against {label.removesuffix(' in the training set')}"
        with sheet() as plt:
            figure = plot(plt, shown, arm_look(rows["arm"]), label, on, group, title)
            found.append(
                save(
                    figure,
                    shown.assign(unit=label),
                    Path(folder) / file_name(f"accuracy-{against}", group, on),
                    title,
                    caption(rows, shown, label, on, group),
                )
            )
    return found


def caption(rows, shown, label, on, group):
    words = [
        f"Accuracy on {set_named(rows, on)} against {label}, log axis. Dots: runs at their true x (hollow: ended below their scale, not in means "
        f"or fits); line and band: mean and 95 % t-interval over {counted(shown)} (cut by the frame where it is wider)."
    ]
    laws = shown[shown["what"] == "fit"]
    if len(laws):
        told = "; ".join(f"{row['arm']}: {law_text(row)}" for row in laws.to_dict("records"))
        words.append(
            f"Right, the error with its power law a·x^-b: least squares on log-log over scales for each seed (with at least {LEAST} scales), "
            f"b the mean over n seeds with its 95 % t-interval: {told}."
        )
    theirs = shown.loc[shown["what"] == "published", "source"]
    if len(theirs):
        words.append(
            f"Large hollow markers: points printed in {'; '.join(sorted(set(theirs.dropna())))}, without number of runs or interval; they "
            "take no part in any mean or fit."
        )
    if (shown["what"] == "ceiling").any():
        words.append("Dashed: the ceiling, trained on real images.")
    return joined(*words, left_out(rows), conditions(group))


def counted(shown):
    """Of how many seeds means are, in words."""
    n = shown.loc[shown["what"] == "mean", "n"].dropna()
    return (
        f"{span(n)} seed{'' if max(n) == 1 else 's'} of each complete cell"
        if len(n)
        else "the seeds of a complete cell, of which there is none yet"
    )


def law_text(row):
    bounds = "" if np.isnan(row["exponent_low"]) else f" [{row['exponent_low']:.2f}, {row['exponent_high']:.2f}]"
    return f"b = {row['exponent']:.2f}{bounds}, n={row['n']}"


def plot(plt, shown, looks, label, on, group, title):
    laws = shown[shown["what"] == "fit"]
    figure, axes = plt.subplots(
        1, 2 if len(laws) else 1, figsize=(10.4 if len(laws) else 7.2, 4.4), layout="constrained", squeeze=False
    )
    head(figure, title, group.title)
    left = axes[0, 0]
    for arm, look in looks.items():
        mine = shown[shown["arm"] == arm]
        if (mine["what"] == "run").any():
            line(left, mine, arm, look)
            paper(left, mine[mine["what"] == "published"], f"{arm}, the paper's", look, lambda accuracy: accuracy)
    ceiling_line(left, shown[shown["what"] == "ceiling"])
    left.set_ylabel(f"accuracy on {on}, %")
    left.set_ylim(*frame_of(shown))
    hollow = "\nhollow: short of its scale" if shown["short"].eq(True).any() else ""
    legend(left, len(laws), f"mean, 95 % t band over seeds; dot: one run{hollow}")
    for here in axes[0]:
        log_axis(here, ticks(shown))
        here.set_xlabel(f"{label} (log scale)")
        here.grid(False, which="minor")
    if len(laws):
        errors(axes[0, 1], shown, looks, on)
    return figure


def legend(axes, below, title):
    """Right of a single panel, else under the panel it belongs to."""
    place = (
        {"loc": "upper center", "bbox_to_anchor": (0.5, -0.15), "ncols": 2}
        if below
        else {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
    )
    axes.legend(title=title, title_fontsize=7.5, fontsize=8, frameon=False, alignment="left", **place)


def line(axes, mine, arm, look):
    """One arm: dots of its runs (hollow if short of their scale), line of means, band, and bars where there is no band."""
    colour, marker, dashes = look
    runs, means = mine[mine["what"] == "run"], mine[mine["what"] == "mean"].sort_values("scale")
    hollow = runs["short"].astype(bool)
    axes.scatter(
        runs["x"][~hollow],
        runs["accuracy"][~hollow],
        s=11,
        color=colour,
        marker=marker,
        alpha=0.45,
        linewidths=0,
        zorder=3,
    )
    axes.scatter(
        runs["x"][hollow],
        runs["accuracy"][hollow],
        s=18,
        marker=marker,
        facecolors="none",
        edgecolors=[colour],
        zorder=3,
    )
    axes.plot(
        means["x"],
        means["accuracy"],
        color=colour,
        marker=marker,
        linestyle=dashes,
        markersize=6,
        linewidth=1.6,
        markeredgecolor="white",
        label=arm,
        zorder=4,
    )
    known = means.dropna(subset=["low"])
    if len(known) > 1:
        axes.fill_between(known["x"], known["low"], known["high"], color=colour, alpha=0.15, linewidth=0, zorder=2)
    else:
        axes.vlines(known["x"], known["low"], known["high"], color=colour, linewidth=1.2, zorder=2)


def paper(axes, rows, label, look, at):
    if len(rows):
        axes.scatter(
            rows["x"],
            at(rows["accuracy"]),
            s=52,
            marker=look[1],
            facecolors="none",
            edgecolors=[look[0]],
            linewidths=1.1,
            label=label,
            zorder=5,
        )


def ceiling_line(axes, ceiling):
    for row in ceiling.to_dict("records"):
        axes.axhline(
            row["accuracy"],
            color="0.25",
            linestyle="--",
            linewidth=1.2,
            label=f"real, all {row['kept']:,} images",
            zorder=1,
        )
        if np.isfinite(row["low"]):
            axes.axhspan(row["low"], row["high"], color="0.25", alpha=0.07, linewidth=0, zorder=0)


def frame_of(shown):
    """(low, high) of an accuracy axis: around dots and means. What an interval of two seeds claims beyond them is cut off."""
    seen = shown.loc[shown["what"] != "fit", "accuracy"]
    room = max(1.0, 0.25 * (seen.max() - seen.min()))
    return max(0.0, seen.min() - room), min(100.5, seen.max() + room)


def errors(axes, shown, looks, on):
    """Error over images, both logarithmic: runs, and the fitted law of each arm as a line."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for arm, (colour, marker, dashes) in looks.items():
        mine = shown[shown["arm"] == arm]
        runs = mine[(mine["what"] == "run") & (mine["accuracy"] < 100)]
        axes.scatter(
            runs["x"], 100 - runs["accuracy"], s=11, color=colour, marker=marker, alpha=0.45, linewidths=0, zorder=3
        )
        for row in mine[mine["what"] == "fit"].to_dict("records"):
            x = np.geomspace(runs["x"].min(), runs["x"].max(), 50)
            axes.plot(
                x, 100 * row["factor"] * x ** -row["exponent"], color=colour, linestyle=dashes, linewidth=1.6, zorder=4
            )
            axes.plot(
                [], [], color=colour, linestyle=dashes, marker=marker, markersize=5, label=f"{arm}: {law_text(row)}"
            )
            paper(axes, mine[mine["what"] == "published"], None, looks[arm], lambda accuracy: 100 - accuracy)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(f"error on {on}, % (log scale)")
    axes.text(
        0.98,
        0.98,
        "line: error = a·x$^{-b}$, fitted per seed",
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=7.5,
        color=GREY,
    )
    legend(axes, True, "exponent, 95 % t-interval over n seeds")


def ticks(shown):
    """Numbers of images to print on the axis: the scales, and where else means lie, as far as there is room between them."""
    runs = shown[shown["what"].isin(["run", "published"])]
    wanted = [*sorted(runs["scale"].dropna().unique()), *sorted(runs["x"].unique())]
    room, chosen = max(1.45, (max(wanted) / min(wanted)) ** 0.09), []
    for x in map(float, wanted):
        if all(max(x / other, other / x) >= room for other in chosen) and runs["x"].min() <= x <= runs["x"].max():
            chosen.append(x)
    return chosen
