"""How uncertain the learner is of the images of each round, when they were born and at the end (probe=hardness)."""

from pathlib import Path

import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import rank
from results.analysis.stats import t_interval
from results.figures.hardness import cost, counted, probed
from results.figures.selection import joined, left_out
from results.figures.style import arm_look, file_name, head, legend, save, sheet
from results.tables.words import conditions

MOST = 6


def draw(rows, folder, group, exclude=(), on="test"):
    """[Figure], or [] without a probed run that added something."""
    mine, scale, measured = probed(rows)
    if not len(measured) or not (measured["addition"] > 0).any():
        return []
    shown = averaged(measured)
    shown = shown[shown["arm"].isin(sorted(shown["arm"].unique(), key=rank)[:MOST])]
    title = f"Entropy of each round's images at birth and at the end, at {short(scale)} images"
    caption = joined(
        "Entropy of the learner's prediction (nats), mean over the images of each addition (the first 2,048 at most), by the weights when it came, before "
        f"anything was learned from it, and by the final ones, at scale {scale:,}. Means over seeds with 95 % t-intervals ({counted(shown)} seeds a "
        "point), cut by the frame. The initial set, 0, is born to an untrained learner, whose entropy is about the logarithm of the number of classes; "
        "it is left out of the left panel.",
        cost(mine),
        left_out(rows),
        conditions(group),
    )
    with sheet() as plt:
        figure = plot(plt, shown, arm_look(rows["arm"]), title, group)
        return [save(figure, shown, Path(folder) / file_name("entropy", group, on), title, caption)]


def averaged(measured):
    """A row per arm × addition × ``when`` (birth or end): n, mean, low and high of the entropy over seeds, nats."""
    found = []
    for when, part in (("birth", measured[measured["at"] == measured["addition"]]), ("end", measured[measured["end"]])):
        for (arm, addition), one in part.groupby(["arm", "addition"]):
            found.append({"arm": arm, "addition": addition, "when": when, **t_interval(one["entropy"])._asdict()})
    return pd.DataFrame(found)


def plot(plt, shown, looks, title, group):
    figure, axes = plt.subplots(1, 2, figsize=(8.4, 3.7), layout="constrained")
    head(figure, title, group.title)
    arms = [arm for arm in looks if (shown["arm"] == arm).any()]
    for here, (when, words) in zip(axes, {"birth": "at birth", "end": "at the end of training"}.items()):
        for place, arm in enumerate(arms):
            colour, marker, dashes = looks[arm]
            mine = shown[
                (shown["arm"] == arm) & (shown["when"] == when) & ((shown["addition"] > 0) | (when == "end"))
            ].sort_values("addition")
            x = mine["addition"] + 0.05 * (place - (len(arms) - 1) / 2)
            here.plot(
                x,
                mine["mean"],
                color=colour,
                linestyle=dashes,
                marker=marker,
                markersize=6,
                linewidth=1.5,
                markeredgecolor="white",
                label=arm,
                zorder=3,
            )
            here.vlines(x, mine["low"].clip(lower=0), mine["high"], color=colour, linewidth=1, alpha=0.6, zorder=2)
        here.set_title(words, loc="left")
        here.set_xlabel("addition (0: initial set)")
        here.set_xticks(sorted(set(shown["addition"]) - ({0} if when == "birth" else set())))
        here.set_ylim(0, 1.5 * max(line.get_ydata().max() for line in here.lines if len(line.get_ydata())))
    axes[0].set_ylabel("mean entropy, nats")
    legend(figure, axes[1], "mean, 95 % t-interval\nover seeds")
    return figure
