"""Where the hours go, by phase and strategy, at equal accuracy: what each arm pays for the best accuracy that ``static`` reaches."""

from pathlib import Path

import numpy as np
import pandas as pd

from dp_common.persistence.meter import PRICED
from results.analysis.arms import rank
from results.analysis.cells import column_of, main_arms
from results.analysis.comparisons import UNIT
from results.analysis.repricing import kind_of, marking
from results.analysis.stats import t_interval
from results.figures.selection import joined, left_out
from results.figures.style import COLOURS, file_name, head, palette, save, sheet
from results.tables.reach import default_targets
from results.tables.words import conditions, set_named, total_words, unit_of, where

HATCHES = {"generate": "", "guided": "////", "score": "....", "train": "", "monitor": "xxxx"}


def draw(rows, folder, group, exclude=(), on="test"):
    """[Figure], one per device and target that at least two arms reach."""
    found = []
    shown = rows[rows["arm"].isin(main_arms(rows)) & (rows["device"] != "mixed")]
    phases = [phase for phase in PRICED if phase not in exclude]
    for device, mine in shown[shown["state"] == "done"].groupby("device"):
        for number, (target, why) in enumerate(default_targets(shown, on)):
            bars = paid(shown, device, target, phases, column_of(on))
            if (bars["n"] > 0).sum() < 2:
                continue
            title = f"Where the hours go, at {100 * target:.1f} % on {on}"
            words = joined(
                f"{kind_of(device)} by phase that each arm pays for {100 * target:.1f} % correct on {set_named(rows, on)}, {why}; device: "
                f"{where(device, mine['cpus'])}. For each seed read between the two neighbouring scales where its accuracy first gets there (hours "
                "linear in accuracy), or at its smallest scale if that is better already (≤); bars are means over the n of N seeds that get there "
                "(seeds with runs still to come are in neither), whiskers the 95 % t-interval of the total, cut by the frame; "
                f"{total_words(exclude)}.",
                marking(device),
                left_out(rows),
                conditions(group),
            )
            name = f"hours-by-phase{'-all-seeds' if number else ''}" + (
                f"-{device}" if shown["device"].nunique() > 1 else ""
            )
            with sheet() as plt:
                figure = plot(plt, bars, phases, device, title, f"{why.replace('`', '')}\n{group.title}")
                bars = bars.assign(target_percent=100 * target, device=device)
                found.append(save(figure, bars, Path(folder) / file_name(name, group, on), title, words))
    return found


def paid(rows, device, target, phases, column):
    """A row per arm: ``n`` of ``expected`` replicates that reach ``target`` (a fraction), ``bound`` of them at their smallest scale
    already, mean hours by phase, and ``total`` with ``low`` and ``high``; nan where none does. Replicates with runs that are not finished,
    or ran elsewhere than on ``device``, take no part: what they would reach is not known.
    """
    found = []
    for arm in sorted(rows["arm"].unique(), key=rank):
        mine, costs, bounds, expected = rows[rows["arm"] == arm], [], 0, 0
        for _, part in mine.groupby(UNIT):
            if not ((part["state"] == "done") & (part["device"] == device)).all():
                continue
            expected += 1
            part = part[part["scale_reached"].astype(bool)].sort_values("scale")
            hours, accuracy = (
                part[[f"gpu_hours.{phase}" for phase in phases]].to_numpy(float),
                part[column].to_numpy(float),
            )
            there = np.flatnonzero(accuracy >= target)
            if len(there):
                last = there[0]
                share = 1.0 if last == 0 else (target - accuracy[last - 1]) / (accuracy[last] - accuracy[last - 1])
                costs.append(share * hours[last] + (1 - share) * hours[max(0, last - 1)])
                bounds += last == 0
        costs = np.array(costs).reshape(-1, len(phases))
        total = t_interval(costs.sum(axis=1))
        means = costs.mean(axis=0) if len(costs) else np.full(len(phases), np.nan)
        found.append(
            {
                "arm": arm,
                "n": len(costs),
                "expected": expected,
                "bound": int(bounds),
                **dict(zip(phases, means)),
                "total": total.mean,
                "low": total.low,
                "high": total.high,
            }
        )
    return pd.DataFrame(found)


def plot(plt, bars, phases, device, title, words):
    unit, factor = unit_of(bars["total"].max())
    colours = palette()
    figure, axes = plt.subplots(figsize=(7.6, 1.9 + 0.42 * len(bars)), layout="constrained")
    head(figure, title, words)
    most = factor * np.nanmax(bars[["total", "high"]].clip(upper=1.6 * bars["total"].max()).to_numpy())
    for place, row in enumerate(bars.to_dict("records")):
        left = 0.0
        for number, phase in enumerate(phases):
            width = factor * row[phase]
            if width > 0:
                axes.barh(
                    place,
                    width,
                    left=left,
                    height=0.62,
                    color=colours[COLOURS[number]],
                    hatch=HATCHES[phase],
                    edgecolor="white",
                    linewidth=0.6,
                )
                left += width
        text = (
            "no seed finished"
            if not row["expected"]
            else f"not reached, 0 of {row['expected']} seeds"
            if not row["n"]
            else (f"{'≤ ' if row['bound'] else ''}{left:,.3g}   n = {row['n']} of {row['expected']}")
        )
        axes.hlines(
            place, factor * row["low"], min(factor * row["high"], 1.02 * most), color="0.15", linewidth=1.1, zorder=5
        )
        end = max(left, min(factor * row["high"], 1.02 * most)) if row["n"] > 1 else left
        axes.text(end + 0.02 * most, place, text, va="center", fontsize=8, color="0.25")
    for number, phase in enumerate(phases):
        axes.barh(0, 0, color=colours[COLOURS[number]], hatch=HATCHES[phase], edgecolor="white", label=phase)
    axes.set_yticks(range(len(bars)), bars["arm"])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.35 * most)
    axes.grid(False, axis="y")
    axes.set_xlabel(f"{kind_of(device).replace('hours', unit)} of one run{'' if device == 'cpu' else f' on {device}'}")
    axes.legend(
        title="phase",
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )
    return figure
