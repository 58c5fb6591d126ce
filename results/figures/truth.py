"""Known truth (probe=truth): true labels, log-density and the distance from guidance's target, by round and by ω."""

from pathlib import Path

import pandas as pd

from dp_common.config.specification import short
from results.analysis.arms import chosen, label, parameters, rank
from results.analysis.comparisons import UNIT
from results.analysis.stats import t_interval
from results.figures.hardness import cost, counted
from results.figures.selection import one_scale
from results.figures.style import GREY, arm_look, file_name, head, legend, save, sheet
from results.reading.history import additions, truth
from results.tables.words import conditions

MOST = 7  # arms by round
PANELS = {"true_label": "true labels, %", "log_density": "log-density, nats", "distance": "distance to the target, %"}
CURVES = PANELS | {"tilt": "matched tilt ω*"}  # by ω
CONTROLS = {"plain": ("plain samples", (0, (5, 1.5))), "exact": ("the density itself", (0, (1, 1.2)))}
MEASURED = ("true_label", "log_density", "distance", "distance_plain", "floor", "tilt")


def draw(rows, folder, group, exclude=(), on="test"):
    """[Figure] by round, and by ω where arms differ in it; [] without a run that was probed for truth."""
    mine = rows[(rows["state"] == "done") & (rows["values"].map(lambda values: values.get("probe")) == "truth")]
    scale = one_scale(mine)
    mine = mine[mine["scale"] == scale].sort_values(["arm", *UNIT])
    found = [of_run(run) for run in mine.to_dict("records")]
    found = [frame for frame in found if len(frame)]
    if not found:
        return []
    measured, figures = pd.concat(found, ignore_index=True), []
    looks, controls = arm_look(rows["arm"]), means_of_controls(measured)
    words = told(measured, mine, scale, group)
    with sheet() as plt:
        shown = by_round(measured)
        title = f"Additions under the teacher's known density, round by round, at {short(scale)} images"
        others = sorted(set(measured["arm"]) - set(shown["arm"]), key=rank)
        by = "By addition (0: the initial set)." + (f" Not drawn: {', '.join(others)}." if others else "")
        figures.append(
            save(
                plot_rounds(plt, shown, controls, looks, title, group),
                pd.concat([shown, controls]),
                Path(folder) / file_name("truth-round", group, on),
                title,
                f"{words[0]} {by} {words[1]}",
            )
        )
        curve = by_omega(measured)
        if (curve.groupby("series")["value"].nunique() > 1).any():
            title = f"Guided images under the teacher's known density, by ω, at {short(scale)} images"
            figures.append(
                save(
                    plot_omegas(plt, curve, controls, title, group),
                    pd.concat([curve, controls]),
                    Path(folder) / file_name("truth-omega", group, on),
                    title,
                    f"{words[0]} By ω, mean over the additions after the initial set, a panel for each rule of guidance. {words[1]}",
                )
            )
    return figures


def of_run(run):
    """A row per addition of one run: its target (the rule's own, else the matched one, else the teacher's density), what was measured
    at birth, distances in percent; ``floor``: of plain images from the density; ``tilt``: ω* of the addition, 0 without guidance.
    """
    measured = truth(run["folder"])
    if not len(measured):
        return measured
    order = ["rule", "matched", "teacher"]
    by_rank = measured.sort_values("target", key=lambda names: names.map(order.index), kind="stable")
    aimed = by_rank.drop_duplicates("addition").sort_values("addition")
    density, matched = (
        measured[measured["target"] == target].set_index("addition") for target in ("teacher", "matched")
    )
    born = additions(run["folder"]).set_index("call")
    picked = chosen(run["values"])
    tilts = aimed["addition"].map(matched["omega"]).where(aimed["target"] != "teacher", 0.0)
    return pd.DataFrame(
        {
            "arm": run["arm"],
            "series": label(run["strategy"], {name: value for name, value in picked.items() if name != "omega"}),
            "value": parameters(run["values"]).get("omega"),
            "seed": run["seed"],
            "split": run["data.split"],
            "addition": aimed["addition"],
            "target": aimed["target"],
            "omega": aimed["omega"],
            "effective": aimed["effective"],
            "true_label": 100 * aimed["call"].map(born["true_label"]),
            "log_density": aimed["call"].map(born["log_density"]),
            "distance": 100 * aimed["distance"],
            "distance_plain": 100 * aimed["distance_plain"],
            "floor": 100 * aimed["addition"].map(density["distance_plain"]),
            "tilt": tilts,
            "plain_true_label": 100 * aimed["plain_true_label"],
            "plain_log_density": aimed["plain_log_density"],
            "exact_true_label": 100 * aimed["addition"].map(density["true_label"]),
            "exact_log_density": aimed["addition"].map(density["log_density"]),
        }
    ).astype(dict.fromkeys(("value", *MEASURED), float))


def intervals(rows, keys, columns):
    """A row per group of ``keys`` × column: n, mean, low, high over seeds; ``what`` names the column."""
    found = []
    for place, part in rows.groupby(list(keys), sort=True):
        for column in columns:
            interval = t_interval(part[column].dropna())
            if interval.n:
                found.append(dict(zip(keys, place)) | {"what": column} | interval._asdict())
    return pd.DataFrame(found, columns=[*keys, "what", "n", "mean", "low", "high"])


def by_round(measured):
    arms = sorted(measured["arm"].unique(), key=rank)[:MOST]
    return intervals(measured[measured["arm"].isin(arms)], ["arm", "addition"], MEASURED)


def by_omega(measured):
    """Intervals over seeds of each run's mean over its later additions, per series of arms that differ in ω only. ω = 0 is a point of
    all of its strategy's series: no rule does anything there.
    """
    later = measured[(measured["addition"] > 0) & measured["value"].notna()]
    runs = later.groupby(["series", "value", "seed", "split"], as_index=False)[list(MEASURED)].mean()
    zero = runs[runs["value"] == 0]
    for series in sorted(set(runs["series"]) - set(zero["series"])):
        runs = pd.concat([runs, zero[zero["series"] == series.split(" ")[0]].assign(series=series)], ignore_index=True)
    return intervals(runs, ["series", "value"], MEASURED)


def means_of_controls(measured):
    """A row per control × measure: of plain DDIM images and of exact samples, mean over seeds."""
    once = measured[measured["addition"] == 0].drop_duplicates(["seed", "split"])
    columns = [f"{control}_{name}" for control in CONTROLS for name in ("true_label", "log_density")] + ["floor"]
    return intervals(once.assign(arm="control"), ["arm"], columns)


def told(measured, runs, scale, group):
    """(what is shown, the small print) of a caption."""
    later = measured[measured["addition"] > 0]
    silent, seeds = int(later["distance"].isna().sum()), counted(intervals(measured, ["arm", "addition"], ["distance"]))
    shown = (
        "Rate at which the label of an added image is its most probable class, and log-density given the label, both at birth before "
        "clamping and encoding, and the normalised energy distance of the added images, class by class, from Q ∝ exp(ωH)·P, P the "
        f"teacher's density and H the score of the learner that guided or selected, at scale {scale:,}."
    )
    small = [
        "The target's ω is that of rule=score; other rules and selection have none, and theirs is the matched tilt ω* at which the mean "
        "score under Q is that of the added images; where nothing steered it is P.",
        "Thin dashes in an arm's colour: plain DDIM images from the same target. Grey: plain DDIM images (dashed) and exact samples "
        "(dotted) of P; in the panels of distance the distance of plain images from P, which is the sampler's discretisation and not "
        "guidance's doing.",
        f"Q is exact samples of P (4,096, or 100 a class if that is more), weighted; of {len(later)} additions {silent} say nothing, "
        "fewer than 50 effective samples being left of some class or no ω* found.",
        "The distance is 0 on average for equal distributions, by chance below it.",
        f"Means over seeds with 95 % t-intervals ({seeds} seeds a point), cut off where they leave a panel.",
        cost(runs),
        conditions(group),
    ]
    return shown, " ".join(filter(None, small))


def line(here, mine, x, look, name, small=False):
    """One line of means with bars (rates end at 100 %); ``small``: the control in the arm's colour."""
    colour, marker, dashes = look
    style = (
        dict(linestyle=(0, (2, 1.5)), linewidth=1, markersize=3, alpha=0.8)
        if small
        else dict(linestyle="-", linewidth=1.5, markersize=5.5)
    )
    here.plot(
        x,
        mine["mean"],
        color=colour,
        marker=marker,
        markeredgecolor="white",
        markeredgewidth=0.5,
        label=name,
        zorder=2 if small else 3,
        **style,
    )
    if not small:
        high = mine["high"].where(mine["what"] != "true_label", mine["high"].clip(upper=100))
        here.vlines(x, mine["low"], high, color=colour, linewidth=0.9, alpha=0.6, zorder=2)


def grey_lines(here, controls, panel, first):
    means = controls.set_index("what")["mean"]
    for control, (name, dashes) in CONTROLS.items():
        what = "floor" if panel == "distance" and control == "plain" else f"{control}_{panel}"
        if what in means:
            here.axhline(
                means[what], color=GREY, linestyle=dashes, linewidth=1, label=name if first else None, zorder=1
            )


def bounds(here, panel, shown, controls):
    """Room for all means and controls, and for bars as far as these leave it legible; a rate ends at 100 %."""
    means = pd.concat([frame.loc[frame["what"].str.endswith(panel), "mean"] for frame in (shown, controls)])
    if panel == "distance":
        means = pd.concat([means, shown.loc[shown["what"] == "distance_plain", "mean"], pd.Series([0.0])])
    spread = max(means.max() - means.min(), 2.0 if panel in ("true_label", "distance") else 0.2)
    low, high = here.get_ylim()
    here.set_ylim(
        max(low, means.min() - 0.6 * spread), 100.4 if panel == "true_label" else min(high, means.max() + 0.6 * spread)
    )


def plot_rounds(plt, shown, controls, looks, title, group):
    figure, axes = plt.subplots(1, 3, figsize=(11.5, 3.9), layout="constrained")
    head(figure, title, group.title)
    arms = [arm for arm in looks if (shown["arm"] == arm).any()]
    for here, (panel, words) in zip(axes, PANELS.items()):
        for place, arm in enumerate(arms):
            for what, small in ((panel, False), *([("distance_plain", True)] if panel == "distance" else [])):
                mine = shown[(shown["arm"] == arm) & (shown["what"] == what)].sort_values("addition")
                line(
                    here,
                    mine,
                    mine["addition"] + 0.06 * (place - (len(arms) - 1) / 2),
                    looks[arm],
                    None if small else arm,
                    small,
                )
        grey_lines(here, controls, panel, True)
        bounds(here, panel, shown, controls)
        here.set_title(words, loc="left")
        here.set_xlabel("addition (0: initial set)")
        here.set_xticks(sorted(set(shown["addition"])))
    legend(figure, axes[0], "mean, 95 % t-interval over\nseeds; thin dashes: plain\nsamples, same target")
    return figure


def plot_omegas(plt, curve, controls, title, group):
    counts = curve.groupby("series")["value"].nunique()
    several = sorted(counts.index[counts > 1], key=rank)
    figure, axes = plt.subplots(
        len(CURVES),
        len(several),
        figsize=(3.2 * len(several) + 2.2, 8.4),
        layout="constrained",
        squeeze=False,
        sharey="row",
        sharex="col",
    )
    head(figure, title, group.title)
    looks = arm_look(["dp"])["dp"], (GREY, "o", None)
    for column, series in enumerate(several):
        mine = curve[curve["series"] == series]
        for row, (panel, words) in enumerate(CURVES.items()):
            here, one = axes[row, column], lambda what: mine[mine["what"] == what].sort_values("value")
            line(here, one(panel), one(panel)["value"], looks[0], "guided images")
            if panel == "distance":
                line(
                    here,
                    one("distance_plain"),
                    one("distance_plain")["value"],
                    looks[0],
                    "plain samples from\nthe same target",
                    True,
                )
            grey_lines(here, controls, panel, True)
            bounds(here, panel, curve[curve["series"].isin(several)], controls)
            here.set_ylabel(words if not column else "")
        axes[0, column].set_title(series, loc="left")
        axes[-1, column].set_xlabel("ω")
    handles = {name: handle for here in axes[:, 0] for handle, name in zip(*here.get_legend_handles_labels())}
    figure.legend(
        handles.values(),
        handles,
        title="mean, 95 % t-interval\nover seeds",
        loc="outside right center",
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )
    return figure
