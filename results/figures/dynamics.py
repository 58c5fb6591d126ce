"""Training as it went: loss and held-out accuracy over iterations with a dashed line at each addition, the size of the
training set below.

A column per arm at one scale; the first seed is drawn strong, with its additions, the others faint (each adds at
plateaus of its own).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.comparisons import UNIT, Comparison
from results.figures.drawing.selection import joined, left_out, one_scale, span
from results.figures.drawing.style import WIDEST, Figure, arm_look, head, save, sheet, stem
from results.frames import records
from results.reading.history import additions, intervals
from results.tables.captions import conditions
from results.tables.cell_texts import FEWEST

POSITION = 40
MOST = 5  # arms side by side
COLUMNS = [
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


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] where no finished run has intervals of training."""
    runs = comparison.only(comparison.drawn_arms).done
    scale = one_scale(runs)
    shown = history_of(runs[runs["scale"] == scale])
    if scale is None or not len(shown):
        return []
    arms = sorted(shown["arm"].unique(), key=rank)[:MOST]
    shown = shown[shown["arm"].isin(arms)]
    title = f"Training dynamics at {short(scale)} images"
    seeds = shown.groupby("arm")["run"].nunique()
    caption = joined(
        "Mean loss of each interval of training (on the images as they are trained on, mixed and augmented where the "
        "recipe does that), accuracy on the monitor set at its end, and size of the training set, over iterations, at "
        f"scale {scale:,}. Strong: seed {first_seed(shown)}, with a dashed line at each of its additions; faint: the "
        f"other seeds ({span(seeds)} runs an arm). On monitor the strong line is the mean over seeds, where there are "
        f"{FEWEST} or more. The last interval "
        "is the whole cool-down. Losses of arms are on different images and do not compare; their jumps do.",
        left_out(comparison),
        conditions(comparison.group),
    )
    with sheet() as plt:
        drawing = plot(plt, shown, arms, arm_look(comparison.arms), title, comparison.group.title)
        return [save(drawing, shown, stem(folder, "dynamics", comparison.eval_set), title, caption)]


def first_seed(shown: pd.DataFrame) -> int:
    """The seed that is drawn strong."""
    return int(shown["seed"].min())


def history_of(runs: pd.DataFrame) -> pd.DataFrame:
    """A row per interval of training, ``what`` = trained, and per addition, ``what`` = added, of every run.

    ``monitor`` in percent; ``omega`` of additions.
    """
    frames = []
    for run in records(runs.sort_values(["arm", *UNIT])):
        about = {"arm": run["arm"], "seed": run["seed"], "split": run["data.split"], "run": run["run_id"]}
        trained, added = intervals(run["folder"]), additions(run["folder"])
        if len(trained):
            trained = trained.assign(what="trained", monitor=100 * trained["monitor"].astype(float))
            frames += [frame.assign(**about) for frame in (trained, added.assign(what="added"))]
    if not frames:
        return pd.DataFrame(columns=COLUMNS)
    return pd.concat([frame.reindex(columns=COLUMNS).astype(object) for frame in frames], ignore_index=True)


def plot(plt: Any, shown: pd.DataFrame, arms: list[str], looks: dict[str, tuple], title: str, subtitle: str) -> Any:
    """The drawing: a column per arm; loss, monitor and size below each other."""
    drawing, axes = plt.subplots(
        3,
        len(arms),
        figsize=(min(2.3 * len(arms) + 1.2, WIDEST), 6.2),
        layout="constrained",
        squeeze=False,
        sharex=True,
        sharey="row",
        height_ratios=(1, 1, 0.6),
    )
    head(drawing, title, f"{subtitle}\nstrong: seed {first_seed(shown)}, dashed: its additions; faint: other seeds")
    for column, arm in enumerate(arms):
        plot_arm(axes[:, column], shown[shown["arm"] == arm], looks[arm][0])
        axes[0, column].set_title(arm, loc="left")
        axes[2, column].set_xlabel("iterations")
        axes[2, column].locator_params(axis="x", nbins=4)
    axes[0, 0].set_yscale("log")
    axes[0, 0].set_ylabel("training loss (log scale)")
    monitor = shown.loc[shown["what"] == "trained", "monitor"].astype(float)
    axes[1, 0].set_ylabel("accuracy on monitor, %")
    axes[1, 0].set_ylim(max(0, float(monitor.quantile(0.08)) - 3), min(100.5, float(monitor.max()) + 2))
    axes[2, 0].set_ylabel("images in set")
    axes[2, 0].set_ylim(0)
    for panel in axes[:, 1:].flat:
        panel.tick_params(labelleft=False)
    return drawing


def monitor_mean(arm_rows: pd.DataFrame) -> pd.Series:
    """The mean accuracy on monitor of all runs of an arm, by iterations, where every one of them looked; empty below
    FEWEST runs.
    """
    trained = arm_rows[arm_rows["what"] == "trained"]
    runs = trained["run"].nunique()
    found = trained.assign(monitor=trained["monitor"].astype(float)).groupby(trained["iterations"].astype(float))
    means = found["monitor"].mean()[found["run"].nunique() == runs]
    return means if runs >= FEWEST else means.iloc[:0]


def plot_arm(panels: Any, arm_rows: pd.DataFrame, colour: Any) -> None:
    """The column of one arm, its first seed strong; of monitor the mean, where there are seeds enough."""
    first = arm_rows.sort_values("seed", kind="stable")["run"].iloc[0]
    averaged = monitor_mean(arm_rows)
    if len(averaged):
        panels[1].plot(averaged.index, averaged, color=colour, linewidth=1.8, zorder=4)
    numbers = ["iterations", "loss", "monitor", "size", "omega", "call"]
    arm_rows = arm_rows.assign(**{name: arm_rows[name].astype(float) for name in numbers})
    is_first = arm_rows["run"] == first
    for rows, strong in ((arm_rows[~is_first], False), (arm_rows[is_first], True)):
        width, alpha, order = (1.4, 1.0, 3) if strong else (0.7, 0.35, 2)
        style = {"color": colour, "linewidth": width, "alpha": alpha, "zorder": order}
        trained, added = rows[rows["what"] == "trained"], rows[rows["what"] == "added"]
        for panel, key in zip(panels, ("loss", "monitor")):
            look = style if key == "loss" or not len(averaged) else style | {"linewidth": 0.7, "alpha": 0.35}
            panel.plot(*in_one_line(trained, key), **look)
        panels[2].step(*in_one_line(rows.sort_values("call", kind="stable"), "size"), where="post", **style)
        for x in added.loc[added["iterations"] > 0, "iterations"] if strong else ():
            for panel in panels:
                panel.axvline(x, color="0.35", linestyle=(0, (4, 2)), linewidth=0.9, zorder=1)


def in_one_line(rows: pd.DataFrame, key: str) -> tuple[np.ndarray, np.ndarray]:
    """(iterations, values) of several runs one after the other, with a gap between them: one line is drawn faster."""
    parts = [part[["iterations", key]].to_numpy(float) for _, part in rows.groupby("run", sort=False)]
    gap = np.full((1, 2), np.nan)
    joint = np.concatenate([piece for part in parts for piece in (part, gap)]) if parts else gap[:0]
    return joint[:, 0], joint[:, 1]
