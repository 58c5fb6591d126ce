"""The numbers of a comparison: one row per arm × scale, before anybody words them.

Accuracies are fractions here, differences too; hours are device hours. A run that ended below its scale is counted as
``short`` and takes no part in means. ``expected`` is the number of replicates that any arm of the comparison has at that scale.
"""

from collections import defaultdict
from itertools import product

import numpy as np
import pandas as pd

from dp_common.persistence.meter import PRICED
from results.analysis.arms import parameters, rank
from results.analysis.comparisons import UNIT
from results.analysis.stats import PAIR, paired_bootstrap, paired_difference, pairs, t_interval, verdict
from results.reading.runs import column_of, correctness

COUNTS = ("images_generated", "images_kept", "images_seen", "iterations")
BASELINES = ("static", "dp omega=0")
CONTROLS = (*BASELINES, "prune score=random")


def replicates(rows):
    return set(rows[UNIT].itertuples(index=False, name=None))


def expected_at(rows, scale):
    """The replicates that a cell at this scale should have: those that any arm was begun, or planned, with."""
    return replicates(rows[rows["scale"] == scale])


def main_arms(rows):
    """The arms of a comparison proper: strategies as they are by default, and what was run at several scales; all where neither is. ``real``,
    the ceiling, is not among them. The others are ablations.
    """
    scales = rows[rows["arm"] != "real"].groupby("arm")["scale"].nunique()
    proper = {arm for arm, count in scales.items() if count > 1 or " " not in arm}
    return proper or set(scales.index)


def ablated(rows, strategy):
    """{(parameter, scale): {value: arm}} of one strategy's arms that differ from its default in one parameter, the default among them. What
    is run at every scale beside the default, the controls, makes no ablation alone.
    """
    variants, found = defaultdict(set), {}
    for arm, scale in set(zip(rows["arm"], rows["scale"])):
        name, *given = arm.split(" ")
        if name == strategy and len(given) == 1:
            variants[given[0].partition("=")[0], int(scale)].add(arm)
    for (parameter, scale), arms in sorted(variants.items()):
        default = rows[(rows["arm"] == strategy) & (rows["scale"] == scale)]
        if len(default) and not arms <= set(CONTROLS):
            usual = parameters(default["values"].iloc[0])[parameter]
            mine = {
                parameters(values)[parameter]: arm
                for arm, values in rows[rows["arm"].isin(arms) & (rows["scale"] == scale)][
                    ["arm", "values"]
                ].itertuples(index=False)
            }
            found[parameter, scale] = dict(
                sorted(({usual: strategy} | mine).items(), key=lambda pair: (isinstance(pair[0], str), pair[0]))
            )
    return found


def left_to_ablations(rows):
    """The arms that need no line among the others, for they stand in the ablations of their strategy."""
    found = {
        arm
        for strategy in {arm.partition(" ")[0] for arm in rows["arm"]}
        for arms in ablated(rows, strategy).values()
        for arm in arms.values()
    }
    return found - main_arms(rows) - set(CONTROLS)


def ceiling_rows(rows):
    """The ceiling: runs of ``real`` with the most images, one per replicate. Beyond the number of real images there are they
    are the same run at every scale.
    """
    real = rows[rows["arm"] == "real"].sort_values(["scale", "run_id"])
    done = real[real["state"] == "done"]
    if not len(done):
        return real[:0]
    first = done.loc[done["images_kept"] == done["images_kept"].max(), "scale"].min()
    top = real[real["scale"] >= first]
    return top.sort_values("state", key=lambda states: states != "done", kind="stable").drop_duplicates(UNIT)


def split_ceiling(rows):
    """(rows in arm × scale cells, rows of the ceiling)."""
    ceiling = ceiling_rows(rows)
    if not len(ceiling):
        return rows, ceiling
    return rows[(rows["arm"] != "real") | (rows["scale"] < ceiling["scale"].min())], ceiling


def cell(part, expected, column):
    """Interval and counts of the runs of one arm at one scale, as a dict."""
    done = part[part["state"] == "done"]
    reached = done[done["scale_reached"].astype(bool)]
    interval = t_interval(reached[column])
    return {
        **interval._asdict(),
        "short": len(done) - len(reached),
        "done": len(done),
        "planned": len(part),
        "expected": len(expected),
        "complete": replicates(done) >= expected,
    }


def accuracies(rows, on="test"):
    """Frame with ``arm, scale, n, mean, low, high, short, done, planned, expected, complete`` of every arm × scale met, in
    the order of a table; and the same, as a dict, of the ceiling (None where there is none).
    """
    cells, ceiling = split_ceiling(rows)
    column = column_of(on)
    found = [
        {"arm": arm, "scale": scale, **cell(part, expected_at(cells, scale), column)}
        for arm, scale, part in parts(cells)
    ]
    top = None
    if len(ceiling):
        top = {
            "arm": "real",
            "images": int(ceiling["images_kept"].max()),
            **cell(ceiling.assign(scale_reached=True), replicates(rows), column),
        }
    return pd.DataFrame(found), top


def parts(rows):
    """(arm, scale, its rows) of every combination, baselines first; empty ones too."""
    order = sorted(rows["arm"].unique(), key=rank), sorted(rows["scale"].unique())
    return [(arm, int(scale), rows[(rows["arm"] == arm) & (rows["scale"] == scale)]) for arm, scale in product(*order)]


def differences(rows, baseline, on="test"):
    """Frame of ``arm − baseline`` at equal replicates: the columns of ``accuracies``, and ``boot_low, boot_high, verdict``.

    Empty where the baseline has no finished run. ``unread`` counts pairs without per-image correctness: no verdict then.
    """
    every, _ = split_ceiling(rows)
    cells = every[(every["state"] == "done") | (every["arm"] != baseline)]
    base, flags = cells[cells["arm"] == baseline], {}
    return pd.DataFrame(
        [
            {"arm": arm, "scale": scale, **difference(part, base, expected_at(every, scale), on, flags)}
            for arm, scale, part in (parts(cells) if len(base) else [])
            if arm != baseline
        ]
    )


def difference(part, base, expected, on, flags):
    """Paired difference of the runs in ``part`` minus those of ``base``, as a dict like that of ``cell``. ``flags``: see ``bootstrap_of``."""
    needed = [*PAIR, "scale_reached", "folder", column_of(on)]
    both = pairs(part.loc[part["state"] == "done", needed], base.loc[base["state"] == "done", needed])
    reached = both[both["scale_reached_a"].astype(bool) & both["scale_reached_b"].astype(bool)]
    interval = paired_difference(reached, column_of(on))
    bootstrap, unread = bootstrap_of(reached, on, flags)
    return {
        **interval._asdict(),
        "short": len(both) - len(reached),
        "done": len(both),
        "planned": len(part),
        "expected": len(expected),
        "complete": replicates(both) >= expected,
        "boot_low": bootstrap[0],
        "boot_high": bootstrap[1],
        "unread": unread,
        "verdict": verdict(interval, bootstrap),
    }


def bootstrap_of(both, on, flags, level=0.95):
    """((low, high), pairs without per-image correctness) of paired runs. ``flags``: what was read before, by folder."""
    lines = []
    for pair in both.to_dict("records"):
        for side in "ab":
            row = {key.removesuffix(f"_{side}"): value for key, value in pair.items() if key.endswith(f"_{side}")}
            if row["folder"] not in flags:
                flags[row["folder"]] = correctness(row, on)
        a, b = flags[pair["folder_a"]], flags[pair["folder_b"]]
        lines.append(None if a is None or b is None else a.astype(int) - b)
    unread = sum(line is None for line in lines)
    if unread or len(lines) < 2:
        return (np.nan, np.nan), unread
    return paired_bootstrap(np.stack(lines), level, shared_images=both["data.split"].nunique() == 1), 0


def total_hours(rows, exclude=()):
    """Series: device hours of each run's result without the phases in ``exclude``; nan over mixed devices."""
    priced = [f"gpu_hours.{phase}" for phase in PRICED if phase not in exclude]
    return rows[priced].sum(axis=1).where(rows["gpu_hours.total"].notna())


def costs(rows, exclude=()):
    """Frame with means per arm × scale × device over finished runs that reached their scale: ``n``, counts, and hours by
    phase, ``total`` and ``spent``. The ceiling's rows have scale None. Hours over mixed devices are nan.
    """
    cells, ceiling = split_ceiling(rows)
    cells = [*parts(cells), ("real", None, ceiling.assign(scale_reached=True))]
    found = []
    for arm, scale, part in cells:
        done = part[part["state"] == "done"]
        reached = done[done["scale_reached"].astype(bool)]
        for device, runs in reached.groupby("device"):
            hours = {phase: runs[f"gpu_hours.{phase}"] for phase in PRICED}
            hours |= {"total": total_hours(runs, exclude), "spent": runs["gpu_hours_spent"]}
            found.append(
                {
                    "arm": arm,
                    "scale": scale,
                    "device": device,
                    "cpus": sorted(set().union(*runs["cpus"])),
                    "n": len(runs),
                    **{count: float(runs[count].mean()) for count in COUNTS},
                    **{name: np.nan if device == "mixed" else float(series.mean()) for name, series in hours.items()},
                }
            )
    return pd.DataFrame(found)
