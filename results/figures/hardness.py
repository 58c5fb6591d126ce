"""Hardness over time (probe=hardness or truth): the error of each added batch before, when and after it came, of the whole batch and of those of
its images that were misclassified when added.
"""

from pathlib import Path

import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.cells import main_arms
from results.analysis.comparisons import UNIT
from results.analysis.stats import t_interval
from results.figures.selection import joined, left_out, one_scale, span
from results.figures.style import MARKERS, file_name, head, legend, rising, save, sheet
from results.reading.history import hardness
from results.tables.words import conditions

MOST, BATCHES = 4, 6  # arms side by side; additions drawn of each
CURVES = ("error", "error_missed")  # of the whole batch, and of those of it that were misclassified when added


def draw(rows, folder, group, exclude=(), on="test"):
    """[Figure], or [] without a probed run that added something."""
    mine, scale, measured = probed(rows)
    measured = measured[measured["addition"] > 0] if len(measured) else measured
    if not len(measured):
        return []
    shown = averaged(measured)
    arms = sorted(shown["arm"].unique(), key=rank)[:MOST]
    shown = shown[shown["arm"].isin(arms)]
    title = f"Hardness of each added batch over time, at {short(scale)} images"
    caption = joined(
        f"Error of the learner on the images of each addition (the first 2,048 at most, by their labels), at scale {scale:,}, with its weights at each "
        f"addition, before anything was learned from it, and at the end. Means over seeds with 95 % t-intervals ({counted(shown)} seeds a point), cut by "
        "the frame. Large marker: the moment of inclusion. Above, the whole batch; below, only those of its images that were misclassified when added: "
        "this curve is 100 % at inclusion by construction, and regresses to the mean on both sides whatever was learned; it is drawn because the paper "
        "draws it, and claims rest on the whole batch. The untrained learner, at chance, is in the CSV only.",
        cost(mine),
        left_out(rows),
        conditions(group),
    )
    with sheet() as plt:
        figure = plot(plt, shown, arms, title, group)
        return [save(figure, shown, Path(folder) / file_name("hardness", group, on), title, caption)]


def probed(rows):
    """(runs, scale, frame of their probes): finished runs of the main arms at the scale at which most of them are complete."""
    mine = rows[rows["arm"].isin(main_arms(rows)) & (rows["state"] == "done")]
    mine = mine[mine["values"].map(lambda values: values.get("probe") in ("hardness", "truth")).astype(bool)]
    scale = one_scale(mine)
    mine = mine[mine["scale"] == scale].sort_values(["arm", *UNIT])
    found = [
        hardness(run["folder"]).assign(arm=run["arm"], seed=run["seed"], split=run["data.split"])
        for run in mine.to_dict("records")
    ]
    found = [frame.assign(end=frame["at"] == frame["at"].max()) for frame in found if len(frame)]
    return mine, scale, pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def averaged(measured):
    """A row per arm × addition × moment × curve: n, mean, low and high of the error over seeds, in percent."""
    found = []
    measured = measured.assign(
        moment=measured["at"].where(~measured["end"], -1)
    )  # the end is the end, however many additions a seed made
    for (arm, addition, moment), part in measured.groupby(["arm", "addition", "moment"]):
        for curve in CURVES:
            interval = t_interval(100 * part[curve].dropna())
            if interval.n:
                found.append(
                    {
                        "arm": arm,
                        "addition": addition,
                        "at": "end" if moment < 0 else moment,
                        "curve": curve,
                        "included": addition == moment,
                        **interval._asdict(),
                    }
                )
    return pd.DataFrame(found)


def counted(shown):
    return span(shown["n"])


def cost(runs):
    """What the probe cost, in the sentence of a caption."""
    hours = runs["probe_hours"].dropna() if "probe_hours" in runs else []
    if not len(hours):
        return ""
    share = 100 * hours.sum() / runs.loc[hours.index, "gpu_hours.total"].sum()
    return f"The probe took {3600 * hours.mean():.2g} device seconds a run on average, {share:.1f} % of its total and not part of it."


def plot(plt, shown, arms, title, group):
    batches = sorted(shown["addition"].unique())
    picked = (
        batches
        if len(batches) <= BATCHES
        else [batches[round(k * (len(batches) - 1) / (BATCHES - 1))] for k in range(BATCHES)]
    )
    shown = shown[shown["at"] != 0]
    moments = [*sorted(set(shown["at"]) - {"end"}), "end"]
    figure, axes = plt.subplots(
        2,
        len(arms),
        figsize=(2.4 * len(arms) + 1.9, 5.4),
        layout="constrained",
        squeeze=False,
        sharex=True,
        sharey="row",
    )
    head(figure, title, f"{group.title}\nmean, 95 % t-interval over seeds; large marker: at inclusion")
    for column, arm in enumerate(arms):
        for row, curve in enumerate(CURVES):
            here = axes[row, column]
            for number, (batch, colour) in enumerate(zip(picked, rising(len(picked)))):
                mine = shown[(shown["arm"] == arm) & (shown["addition"] == batch) & (shown["curve"] == curve)]
                mine = mine.assign(x=[moments.index(at) for at in mine["at"]]).sort_values("x")
                x = mine["x"] + 0.06 * (number - (len(picked) - 1) / 2)
                here.plot(
                    x,
                    mine["mean"],
                    color=colour,
                    linewidth=1.3,
                    marker=MARKERS[number],
                    markersize=3.5,
                    markeredgecolor="white",
                    markeredgewidth=0.4,
                    label=f"addition {batch}",
                    zorder=3,
                )
                here.vlines(
                    x,
                    mine["low"].clip(lower=-5),
                    mine["high"].clip(upper=105),
                    color=colour,
                    linewidth=0.8,
                    alpha=0.6,
                    zorder=2,
                )
                born = mine["included"]
                here.plot(
                    x[born],
                    mine["mean"][born],
                    color=colour,
                    marker=MARKERS[number],
                    markersize=8,
                    markeredgecolor="0.1",
                    markeredgewidth=0.8,
                    linestyle="none",
                    zorder=4,
                )
            here.set_xticks(range(len(moments)), [str(at) for at in moments])
            if not row:
                here.set_title(arm, loc="left")
        axes[1, column].set_xlabel("weights at addition")
    axes[0, 0].set_ylim(-2, min(104, 1.35 * shown.loc[shown["curve"] == "error", "mean"].max() + 1))
    axes[1, 0].set_ylim(-4, 104)
    axes[0, 0].set_ylabel("error, %, of the whole batch")
    axes[1, 0].set_ylabel("error, %, of those\nmisclassified when added")
    legend(figure, axes[0, 0], "batch")
    return figure
