"""Training as it went: loss and held-out accuracy over iterations with a dashed line at each addition, the size of the training set below.

A column per arm at one scale; the first seed is drawn strong, with its additions, the others faint (each adds at plateaus of its own).
"""

from pathlib import Path

import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.cells import main_arms
from results.analysis.comparisons import UNIT
from results.figures.selection import joined, left_out, one_scale, span
from results.figures.style import arm_look, file_name, head, save, sheet
from results.reading.history import additions, intervals
from results.tables.words import conditions

MOST = 5  # arms side by side


def draw(rows, folder, group, exclude=(), on="test"):
    """[Figure], or [] where no finished run has intervals of training."""
    mine = rows[rows["arm"].isin(main_arms(rows)) & (rows["state"] == "done")]
    scale = one_scale(mine)
    shown = history(mine[mine["scale"] == scale])
    if not len(shown):
        return []
    arms = sorted(shown["arm"].unique(), key=rank)[:MOST]
    shown = shown[shown["arm"].isin(arms)]
    title = f"Training dynamics at {short(scale)} images"
    seeds = shown.groupby("arm")["run"].nunique()
    caption = joined(
        "Mean loss of each interval of training (on the images as they are trained on, mixed and augmented where the recipe does that), accuracy on "
        f"the monitor set at its end, and size of the training set, over iterations, at scale {scale:,}. Strong: seed {seed_of(shown)}, with a dashed "
        f"line at each of its additions; faint: the other seeds ({span(seeds)} runs an arm), no mean, since each adds at plateaus of its own. The last "
        "interval is the whole cool-down. Losses of arms are on different images and do not compare; their jumps do.",
        left_out(rows),
        conditions(group),
    )
    with sheet() as plt:
        figure = plot(plt, shown, arms, arm_look(rows["arm"]), title, group)
        return [save(figure, shown, Path(folder) / file_name("dynamics", group, on), title, caption)]


def seed_of(shown):
    return int(shown["seed"].min())


def history(runs):
    """A row per interval, ``what`` = trained, and per addition, ``what`` = added, of every run: arm, seed, run, iterations, loss, monitor
    (percent), size; the additions' ``omega``.
    """
    found = []
    for run in runs.sort_values(["arm", *UNIT]).to_dict("records"):
        about = {"arm": run["arm"], "seed": run["seed"], "split": run["data.split"], "run": run["run_id"]}
        trained, added = intervals(run["folder"]), additions(run["folder"])
        if len(trained):
            trained = trained.assign(what="trained", monitor=100 * trained["monitor"].astype(float))
            found += [frame.assign(**about) for frame in (trained, added.assign(what="added"))]
    names = [
        "arm",
        "seed",
        "split",
        "run",
        "what",
        "call",
        "iterations",
        "seen_total",
        "size",
        "loss",
        "monitor",
        "cooldown",
        "images",
        "omega",
    ]
    return (
        pd.concat([frame.reindex(columns=names).astype(object) for frame in found], ignore_index=True)
        if found
        else pd.DataFrame(columns=names)
    )


def plot(plt, shown, arms, looks, title, group):
    figure, axes = plt.subplots(
        3,
        len(arms),
        figsize=(2.3 * len(arms) + 1.2, 6.2),
        layout="constrained",
        squeeze=False,
        sharex=True,
        sharey="row",
        height_ratios=(1, 1, 0.6),
    )
    head(figure, title, f"{group.title}\nstrong: seed {seed_of(shown)}, dashed: its additions; faint: other seeds")
    for column, arm in enumerate(arms):
        mine = shown[shown["arm"] == arm]
        first = mine.sort_values("seed", kind="stable")["run"].iloc[0]
        for run, part in mine.groupby("run"):
            strong = run == first
            style = {
                "color": looks[arm][0],
                "linewidth": 1.4 if strong else 0.7,
                "alpha": 1.0 if strong else 0.35,
                "zorder": 3 if strong else 2,
            }
            trained, added = part[part["what"] == "trained"], part[part["what"] == "added"]
            for row, key in enumerate(("loss", "monitor")):
                axes[row, column].plot(trained["iterations"].astype(float), trained[key].astype(float), **style)
            sizes = part.sort_values("call")
            axes[2, column].step(sizes["iterations"].astype(float), sizes["size"].astype(float), where="post", **style)
            for x in added.loc[added["iterations"] > 0, "iterations"] if strong else ():
                for here in axes[:, column]:
                    here.axvline(float(x), color="0.35", linestyle=(0, (4, 2)), linewidth=0.9, zorder=1)
        axes[0, column].set_title(arm, loc="left")
        axes[2, column].set_xlabel("iterations")
    axes[0, 0].set_yscale("log")
    axes[0, 0].set_ylabel("training loss (log scale)")
    trained = shown[shown["what"] == "trained"]
    axes[1, 0].set_ylabel("accuracy on monitor, %")
    axes[1, 0].set_ylim(
        max(0, float(trained["monitor"].astype(float).quantile(0.08)) - 3),
        min(100.5, float(trained["monitor"].max()) + 2),
    )
    axes[2, 0].set_ylabel("images in set")
    axes[2, 0].set_ylim(0)
    for here in axes[:, 1:].flat:
        here.tick_params(labelleft=False)
    return figure
