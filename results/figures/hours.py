"""Accuracy against device hours, a figure per device name: hours of the result solid, all that was spent thin (interruptions included)."""

from pathlib import Path

from results.analysis.cells import main_arms
from results.analysis.repricing import kind_of, marking
from results.figures.accuracy import ceiling_line, counted, frame_of, legend, points
from results.figures.selection import joined, left_out
from results.figures.style import arm_look, file_name, head, save, sheet
from results.tables.words import conditions, set_named, total_words, unit_of, where


def draw(rows, folder, group, exclude=(), on="test"):
    """[Figure], one per device; hours on several kinds of device have none."""
    shown = points(rows, "hours", exclude, on)
    shown = shown[shown["arm"].isin(main_arms(rows) | {"real"})]
    devices = sorted(shown.loc[shown["x"].notna(), "device"].dropna().unique())
    found = []
    for device in devices:
        mine = shown[(shown["device"] == device) | (shown["what"] == "ceiling")]
        unit, factor = unit_of(mine["x"].max())
        mine = mine.assign(x=mine["x"] * factor, spent=mine["spent"] * factor)
        kind = kind_of(device).replace("hours", unit)
        label = (
            f"{kind} of one run"
            + (f" on {device}" if device != "cpu" else "")
            + (f" (without {', '.join(exclude)})" if exclude else "")
        )
        title = f"Accuracy on {on} against {kind}" + (f" on {device}" if device != "cpu" else "")
        name = "accuracy-hours" if len(devices) == 1 else f"accuracy-hours-{device}"
        with sheet() as plt:
            figure = plot(plt, mine, arm_look(rows["arm"]), label, on, group, title)
            found.append(
                save(
                    figure,
                    mine.assign(unit=label),
                    Path(folder) / file_name(name, group, on),
                    title,
                    caption(rows, mine, label, device, exclude, on, group),
                )
            )
    return found


def caption(rows, shown, label, device, exclude, on, group):
    words = [
        f"Accuracy on {set_named(rows, on)} against {label}, log axis; device: {where(device, rows.loc[rows['device'] == device, 'cpus'])}.",
        f"Dots: runs; markers: means over {counted(shown)} at their mean hours ({total_words(exclude)}), joined in the order of scale; bars: "
        "95 % t-interval, cut by the frame where it is wider.",
    ]
    if shown["spent"].notna().any():
        words.append(
            "Thin line: the same means at what was spent, which counts all attempts with work lost to interruptions."
        )
    return joined(*words, marking(device), left_out(rows), conditions(group))


def plot(plt, shown, looks, label, on, group, title):
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure, axes = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    head(figure, title, group.title)
    for arm, (colour, marker, dashes) in looks.items():
        mine = shown[shown["arm"] == arm]
        runs, means = mine[mine["what"] == "run"], mine[mine["what"] == "mean"].sort_values("scale")
        if not len(runs):
            continue
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
        axes.vlines(means["x"], means["low"], means["high"], color=colour, linewidth=1, alpha=0.6, zorder=2)
        axes.plot(means["spent"], means["accuracy"], color=colour, linewidth=0.7, zorder=3)
    if shown["spent"].notna().any():
        axes.plot([], [], color="0.3", linewidth=0.7, label="spent, lost work included")
    ceiling_line(axes, shown[shown["what"] == "ceiling"])
    axes.set_ylim(*frame_of(shown))
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(False, which="minor")
    axes.set_xlabel(f"{label} (log scale)")
    axes.set_ylabel(f"accuracy on {on}, %")
    legend(
        axes,
        False,
        "mean, 95 % t-interval over seeds\ndot: one run"
        + ("; hollow: short of its scale" if shown["short"].eq(True).any() else ""),
    )
    return figure
