"""Known density (probe=truth): true labels, log-density and the distance from guidance's target, by round and by ω."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import label, parameters, rank
from results.analysis.comparisons import Comparison
from results.analysis.stats import t_interval
from results.figures.drawing.probes import cost_of_probe, runs_with_probe
from results.figures.drawing.selection import span
from results.figures.drawing.style import (
    GREY,
    WIDEST,
    Figure,
    arm_look,
    head,
    if_enough,
    legend,
    save,
    sheet,
    stem,
)
from results.frames import records
from results.reading.history import additions
from results.reading.history import truth as truth_of
from results.tables.captions import conditions
from results.tables.in_words import limited

POSITION = 90
MOST = 7  # arms by round
PANELS = {"true_label": "true labels, %", "log_density": "log-density, nats", "distance": "distance to the target, %"}
CURVES = PANELS | {"tilt": "matched tilt ω*"}  # by ω
CONTROLS: dict[str, tuple] = {"plain": ("plain samples", (0, (5, 1.5))), "exact": ("the density itself", (0, (1, 1.2)))}
MEASURED = ("true_label", "log_density", "distance", "distance_plain", "floor", "tilt")
TARGETS = ["rule", "matched", "teacher"]  # what guidance aims at, the most telling first


def draw(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw by round, and by ω where arms differ in it; [] without a run that was probed for it."""
    runs = runs_with_probe(comparison, ("truth",))
    frames = [measured_of(run) for run in records(runs)]
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return []
    measured = pd.concat(frames, ignore_index=True)
    return [*by_round(measured, runs, comparison, folder), *by_omega(measured, runs, comparison, folder)]


def by_round(measured: pd.DataFrame, runs: pd.DataFrame, comparison: Comparison, folder: Path) -> list[Figure]:
    """The figure by addition."""
    scale, controls, shown = int(runs["scale"].iloc[0]), means_of_controls(measured), intervals_by_round(measured)
    title = f"Additions under the teacher's known density, round by round, at {short(scale)} images"
    others = sorted(set(measured["arm"]) - set(shown["arm"]), key=rank)
    x_axis = "By addition (0: the initial set)." + (f" Not drawn: {', '.join(others)}." if others else "")
    caption = f"{what_is_shown(scale)} {x_axis} {small_print(measured, runs, comparison)}"
    with sheet() as plt:
        drawing = plot_rounds(plt, shown, controls, arm_look(comparison.arms), title, comparison.group.title)
        path = stem(folder, "truth-round", comparison.eval_set)
        return [save(drawing, pd.concat([shown, controls]), path, title, caption)]


def by_omega(measured: pd.DataFrame, runs: pd.DataFrame, comparison: Comparison, folder: Path) -> list[Figure]:
    """The figure by guidance weight; [] where no arms differ in it."""
    scale, controls, curves = int(runs["scale"].iloc[0]), means_of_controls(measured), intervals_by_omega(measured)
    if not (curves.groupby("series")["value"].nunique() > 1).any():
        return []
    title = f"Guided images under the teacher's known density, by ω, at {short(scale)} images"
    x_axis = "By ω, mean over the additions after the initial set, a panel for each rule of guidance."
    caption = f"{what_is_shown(scale)} {x_axis} {small_print(measured, runs, comparison)}"
    with sheet() as plt:
        drawing = plot_omegas(plt, curves, controls, title, comparison.group.title)
        path = stem(folder, "truth-omega", comparison.eval_set)
        return [save(drawing, pd.concat([curves, controls]), path, title, caption)]


def measured_of(run: dict[str, Any]) -> pd.DataFrame:
    """A row per addition of one run.

    Its target (the rule's own, else the matched one, else the teacher's density), what was measured when it was added,
    distances in percent; ``floor``: of plain images from the density; ``tilt``: ω* of the addition, 0 without guidance.
    """
    measured = truth_of(run["folder"])
    if not len(measured):
        return measured
    by_target = measured.sort_values("target", key=lambda names: names.map(TARGETS.index), kind="stable")
    aimed = by_target.drop_duplicates("addition").sort_values("addition")
    density = measured[measured["target"] == "teacher"].set_index("addition")
    matched = measured[measured["target"] == "matched"].set_index("addition")
    added = additions(run["folder"]).set_index("call")
    beside_omega = {name: value for name, value in run["changed"].items() if name != "omega"}
    columns = {
        "arm": run["arm"],
        "series": label(run["strategy"], beside_omega),
        "value": parameters(run["values"]).get("omega"),
        "seed": run["seed"],
        "split": run["data.split"],
        "addition": aimed["addition"],
        "target": aimed["target"],
        "omega": aimed["omega"],
        "effective": aimed["effective"],
        "true_label": 100 * aimed["call"].map(added["true_label"]),
        "log_density": aimed["call"].map(added["log_density"]),
        "distance": 100 * aimed["distance"],
        "distance_plain": 100 * aimed["distance_plain"],
        "floor": 100 * aimed["addition"].map(density["distance_plain"]),
        "tilt": aimed["addition"].map(matched["omega"]).where(aimed["target"] != "teacher", 0.0),
        "plain_true_label": 100 * aimed["plain_true_label"],
        "plain_log_density": aimed["plain_log_density"],
        "exact_true_label": 100 * aimed["addition"].map(density["true_label"]),
        "exact_log_density": aimed["addition"].map(density["log_density"]),
    }
    return pd.DataFrame(columns).astype(dict.fromkeys(("value", *MEASURED), float))


def intervals(rows: pd.DataFrame, keys: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """A row per group of ``keys`` × column: n, mean, low, high over seeds; ``what`` names the column."""
    found = []
    for values, part in rows.groupby(list(keys), sort=True):
        for column in columns:
            interval = limited(t_interval(part[column].dropna()))
            if interval.n:
                found.append({**dict(zip(keys, values)), "what": column, **interval._asdict()})
    return pd.DataFrame(found, columns=[*keys, "what", "n", "mean", "low", "high"])


def intervals_by_round(measured: pd.DataFrame) -> pd.DataFrame:
    """Intervals over seeds of each addition of the first MOST arms."""
    arms = sorted(measured["arm"].unique(), key=rank)[:MOST]
    return intervals(measured[measured["arm"].isin(arms)], ["arm", "addition"], MEASURED)


def intervals_by_omega(measured: pd.DataFrame) -> pd.DataFrame:
    """Intervals over seeds of each run's mean over its later additions, per series of arms that differ in ω only.

    ω = 0 is a point of all of its strategy's series: no rule does anything there.
    """
    later = measured[(measured["addition"] > 0) & measured["value"].notna()]
    runs = later.groupby(["series", "value", "seed", "split"], as_index=False)[list(MEASURED)].mean()
    zero = runs[runs["value"] == 0]
    parts = [runs]
    for series in sorted(set(runs["series"]) - set(zero["series"])):
        parts.append(zero[zero["series"] == series.split(" ")[0]].assign(series=series))
    return intervals(pd.concat(parts, ignore_index=True), ["series", "value"], MEASURED)


def means_of_controls(measured: pd.DataFrame) -> pd.DataFrame:
    """A row per control × measure: of plain DDIM images and of exact samples, mean over seeds."""
    once = measured[measured["addition"] == 0].drop_duplicates(["seed", "split"])
    columns = [f"{control}_{name}" for control in CONTROLS for name in ("true_label", "log_density")] + ["floor"]
    return intervals(once.assign(arm="control"), ["arm"], columns)


def what_is_shown(scale: int) -> str:
    """How both captions begin."""
    return (
        "Rate at which the label of an added image is its most probable class, and log-density given the label, both "
        "at birth before clamping and encoding, and the normalised energy distance of the added images, class by "
        "class, from Q ∝ exp(ωH)·P, P the teacher's density and H the score of the learner that guided or selected, "
        f"at scale {scale:,}."
    )


def small_print(measured: pd.DataFrame, runs: pd.DataFrame, comparison: Comparison) -> str:
    """How both captions end."""
    later = measured[measured["addition"] > 0]
    silent = int(later["distance"].isna().sum())
    seeds = span(intervals(measured, ["arm", "addition"], ["distance"])["n"])
    sentences = [
        "The target's ω is that of rule=score; other rules and selection have none, and theirs is the matched tilt ω* "
        "at which the mean score under Q is that of the added images; where nothing steered it is P.",
        "Thin dashes in an arm's colour: plain DDIM images from the same target. Grey: plain DDIM images (dashed) and "
        "exact samples (dotted) of P; in the panels of distance the distance of plain images from P, which is the "
        "sampler's discretisation and not guidance's doing.",
        f"Q is exact samples of P (4,096, or 100 a class if that is more), weighted; of {len(later)} additions "
        f"{silent} say nothing, fewer than 50 effective samples being left of some class or no ω* found.",
        "The distance is 0 on average for equal distributions, by chance below it.",
        f"Means over seeds with 95 % t-intervals ({seeds} seeds a point), cut off where they leave a panel.",
        cost_of_probe(runs),
        conditions(comparison.group),
    ]
    return " ".join(filter(None, sentences))


def plot_line(axes: Any, rows: pd.DataFrame, x: pd.Series, look: tuple, name: str | None) -> None:
    """Means with bars, joined where they are of seeds enough (rates end at 100 %)."""
    colour, marker, _ = look
    shape = {"marker": marker, "markersize": 5.5, "markeredgecolor": "white", "markeredgewidth": 0.5}
    axes.plot(
        x, rows["mean"], color=colour, linestyle=if_enough(rows["n"], "-"), linewidth=1.5, label=name, zorder=3, **shape
    )
    high = rows["high"].where(rows["what"] != "true_label", rows["high"].clip(upper=100))
    axes.vlines(x, rows["low"], high, color=colour, linewidth=0.9, alpha=0.6, zorder=2)


def plot_control(axes: Any, rows: pd.DataFrame, x: pd.Series, look: tuple, name: str | None) -> None:
    """The control in the arm's colour: small, dashed, without bars."""
    colour, marker, _ = look
    shape = {"marker": marker, "markersize": 3, "markeredgecolor": "white", "markeredgewidth": 0.5}
    dashes = if_enough(rows["n"], (0, (2, 1.5)))
    axes.plot(x, rows["mean"], color=colour, linestyle=dashes, linewidth=1, alpha=0.8, label=name, zorder=2, **shape)


def plot_grey_lines(axes: Any, controls: pd.DataFrame, panel: str) -> None:
    """What does not depend on the arm, across the panel."""
    means = controls.set_index("what")["mean"]
    for control, (name, dashes) in CONTROLS.items():
        what = "floor" if panel == "distance" and control == "plain" else f"{control}_{panel}"
        if what in means:
            axes.axhline(means[what], color=GREY, linestyle=dashes, linewidth=1, label=name, zorder=1)


def limit_y(axes: Any, panel: str, shown: pd.DataFrame, controls: pd.DataFrame) -> None:
    """Room for all means and controls, and for bars as far as these leave it legible; a rate ends at 100 %."""
    means = pd.concat([frame.loc[frame["what"].str.endswith(panel), "mean"] for frame in (shown, controls)])
    if panel == "distance":
        means = pd.concat([means, shown.loc[shown["what"] == "distance_plain", "mean"], pd.Series([0.0])])
    spread = max(means.max() - means.min(), 2.0 if panel in ("true_label", "distance") else 0.2)
    low, high = axes.get_ylim()
    top = 100.4 if panel == "true_label" else min(high, means.max() + 0.6 * spread)
    axes.set_ylim(max(low, means.min() - 0.6 * spread), top)


def plot_rounds(
    plt: Any, shown: pd.DataFrame, controls: pd.DataFrame, looks: dict[str, tuple], title: str, subtitle: str
) -> Any:
    """The drawing by addition: a panel per measure."""
    drawing, axes = plt.subplots(1, 3, figsize=(WIDEST, 3.9), layout="constrained")
    head(drawing, title, subtitle)
    arms = [arm for arm in looks if (shown["arm"] == arm).any()]
    for panel, (measure, panel_title) in zip(axes, PANELS.items()):
        for index, arm in enumerate(arms):
            arm_rows = shown[shown["arm"] == arm].sort_values("addition")
            shift = 0.06 * (index - (len(arms) - 1) / 2)
            rows = arm_rows[arm_rows["what"] == measure]
            plot_line(panel, rows, rows["addition"] + shift, looks[arm], arm)
            if measure == "distance":
                rows = arm_rows[arm_rows["what"] == "distance_plain"]
                plot_control(panel, rows, rows["addition"] + shift, looks[arm], None)
        plot_grey_lines(panel, controls, measure)
        limit_y(panel, measure, shown, controls)
        panel.set_title(panel_title, loc="left")
        panel.set_xlabel("addition (0: initial set)")
        panel.set_xticks(sorted(set(shown["addition"])))
    legend(drawing, axes[0], "mean, 95 % t-interval over\nseeds; thin dashes: plain\nsamples, same target")
    return drawing


def plot_omegas(plt: Any, curves: pd.DataFrame, controls: pd.DataFrame, title: str, subtitle: str) -> Any:
    """The drawing by ω: a column per series of arms, a row per measure."""
    counts = curves.groupby("series")["value"].nunique()
    several = sorted(counts.index[counts > 1], key=rank)
    size = (min(3.2 * len(several) + 2.2, WIDEST), 8.4)
    shared = {"layout": "constrained", "squeeze": False, "sharey": "row", "sharex": "col"}
    drawing, axes = plt.subplots(len(CURVES), len(several), figsize=size, **shared)
    head(drawing, title, subtitle)
    look = arm_look(["dp"])["dp"]
    for column, series in enumerate(several):
        series_rows = curves[curves["series"] == series].sort_values("value")
        for row, (measure, measure_title) in enumerate(CURVES.items()):
            panel = axes[row, column]
            rows = series_rows[series_rows["what"] == measure]
            plot_line(panel, rows, rows["value"], look, "guided images")
            if measure == "distance":
                rows = series_rows[series_rows["what"] == "distance_plain"]
                plot_control(panel, rows, rows["value"], look, "plain samples from\nthe same target")
            plot_grey_lines(panel, controls, measure)
            limit_y(panel, measure, curves[curves["series"].isin(several)], controls)
            panel.set_ylabel(measure_title if not column else "")
        axes[0, column].set_title(series, loc="left")
        axes[-1, column].set_xlabel("ω")
    handles = {name: handle for panel in axes[:, 0] for handle, name in zip(*panel.get_legend_handles_labels())}
    drawing.legend(
        handles.values(),
        handles,
        title="mean, 95 % t-interval\nover seeds",
        loc="outside right center",
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )
    return drawing
