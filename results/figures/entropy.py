"""How uncertain the learner is of the images of each round, when they were added and at the end (probe=hardness)."""

from pathlib import Path
from typing import Any

import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.comparisons import Comparison
from results.analysis.stats import t_interval
from results.figures.drawing.probes import HARDNESS, cost_of_probe, hardness_of, runs_with_probe
from results.figures.drawing.selection import joined, left_out, span
from results.figures.drawing.style import Figure, arm_look, head, if_enough, legend, save, sheet, stem
from results.tables.captions import conditions
from results.tables.in_words import limited

POSITION = 60
MOST = 6
MOMENTS = {"birth": "at birth", "end": "at the end of training"}


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw the figure; [] without a probed run that added something."""
    runs = runs_with_probe(comparison.only(comparison.drawn_arms), HARDNESS)
    measured = hardness_of(runs)
    if not len(measured):
        return []
    scale, shown = int(runs["scale"].iloc[0]), averaged(measured)
    shown = shown[shown["arm"].isin(sorted(shown["arm"].unique(), key=rank)[:MOST])]
    title = f"Entropy of each round's images at birth and at the end, at {short(scale)} images"
    caption = joined(
        "Entropy of the learner's prediction (nats), mean over the images of each addition (the first 2,048 at most), "
        "by the weights when it came, before anything was learned from it, and by the final ones, at scale "
        f"{scale:,}. Means over seeds with 95 % t-intervals ({span(shown['n'])} seeds a point), cut by the frame. The "
        "initial set, 0, is born to an untrained learner, whose entropy is about the logarithm of the number of "
        "classes; it is left out of the left panel.",
        cost_of_probe(runs),
        left_out(comparison),
        conditions(comparison.group),
    )
    with sheet() as plt:
        drawing = plot(plt, shown, arm_look(comparison.arms), title, comparison.group.title)
        return [save(drawing, shown, stem(folder, "entropy", comparison.eval_set), title, caption)]


def averaged(measured: pd.DataFrame) -> pd.DataFrame:
    """A row per arm × addition × ``when`` (birth or end): n, mean, low and high of the entropy over seeds, nats."""
    moments = {"birth": measured[measured["at"] == measured["addition"]], "end": measured[measured["end"]]}
    return pd.DataFrame(
        [
            {"arm": arm, "addition": addition, "when": when, **limited(t_interval(rows["entropy"]))._asdict()}
            for when, part in moments.items()
            for (arm, addition), rows in part.groupby(["arm", "addition"])
        ]
    )


def plot(plt: Any, shown: pd.DataFrame, looks: dict[str, tuple], title: str, subtitle: str) -> Any:
    """The drawing: at birth left, at the end right."""
    drawing, axes = plt.subplots(1, 2, figsize=(8.4, 3.7), layout="constrained")
    head(drawing, title, subtitle)
    arms = [arm for arm in looks if (shown["arm"] == arm).any()]
    for panel, (when, panel_title) in zip(axes, MOMENTS.items()):
        first = 1 if when == "birth" else 0
        part = shown[(shown["when"] == when) & (shown["addition"] >= first)]
        for index, arm in enumerate(arms):
            colour, marker, dashes = looks[arm]
            rows = part[part["arm"] == arm].sort_values("addition")
            x = rows["addition"] + 0.05 * (index - (len(arms) - 1) / 2)
            panel.plot(
                x,
                rows["mean"],
                color=colour,
                linestyle=if_enough(rows["n"], dashes),
                marker=marker,
                markersize=6,
                linewidth=1.5,
                markeredgecolor="white",
                label=arm,
                zorder=3,
            )
            panel.vlines(x, rows["low"].clip(lower=0), rows["high"], color=colour, linewidth=1, alpha=0.6, zorder=2)
        panel.set_title(panel_title, loc="left")
        panel.set_xlabel("addition (0: initial set)")
        panel.set_xticks(sorted(set(shown["addition"]) - ({0} if first else set())))
        panel.set_ylim(0, 1.5 * max(line.get_ydata().max() for line in panel.lines if len(line.get_ydata())))
    axes[0].set_ylabel("mean entropy, nats")
    legend(drawing, axes[1], "mean, 95 % t-interval\nover seeds")
    return drawing
