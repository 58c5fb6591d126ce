"""The numbers of a comparison: one row per arm × scale, before anybody words them.

Accuracies are fractions here, differences too; hours are device hours. A run that ended below its scale is counted as
``short`` and takes no part in means. ``expected`` is the number of replicates that any run of the comparison has.
"""

from itertools import product

import numpy as np
import pandas as pd

from dp_common.clock import PRICED
from results.arms import rank
from results.groups import UNIT
from results.load import column_of, correctness
from results.stats import paired_bootstrap, paired_difference, pairs, t_interval, verdict

COUNTS = ("images_generated", "images_kept", "images_seen", "iterations")
BASELINES = ("static", "dp omega=0")


def replicates(rows):
    return set(rows[UNIT].itertuples(index=False, name=None))


def ceiling_rows(rows):
    """The ceiling: runs of ``real`` with the most images, one per replicate. Beyond the number of real images there are they
    are the same run at every scale."""
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
    return {**interval._asdict(), "short": len(done) - len(reached), "done": len(done), "planned": len(part), "expected": len(expected),
            "complete": replicates(done) >= expected}


def accuracies(rows, on="test"):
    """Frame with ``arm, scale, n, mean, low, high, short, done, planned, expected, complete`` of every arm × scale met, in
    the order of a table; and the same, as a dict, of the ceiling (None where there is none)."""
    cells, ceiling = split_ceiling(rows)
    expected, column = replicates(rows), column_of(on)
    found = [{"arm": arm, "scale": scale, **cell(part, expected, column)} for arm, scale, part in parts(cells)]
    top = None
    if len(ceiling):
        top = {"arm": "real", "images": int(ceiling["images_kept"].max()),
               **cell(ceiling.assign(scale_reached=True), expected, column)}
    return pd.DataFrame(found), top


def parts(rows):
    """(arm, scale, its rows) of every combination, baselines first; empty ones too."""
    order = sorted(rows["arm"].unique(), key=rank), sorted(rows["scale"].unique())
    return [(arm, int(scale), rows[(rows["arm"] == arm) & (rows["scale"] == scale)]) for arm, scale in product(*order)]


def differences(rows, baseline, on="test"):
    """Frame of ``arm − baseline`` at equal replicates: the columns of ``accuracies``, and ``boot_low, boot_high, verdict``.

    Empty where the baseline has no finished run. ``unread`` counts pairs without per-image correctness: no verdict then.
    """
    cells, _ = split_ceiling(rows)
    expected, column, found = replicates(rows), column_of(on), []
    cells = cells[(cells["state"] == "done") | (cells["arm"] != baseline)]
    base = cells[cells["arm"] == baseline]
    flags = {}
    for arm, scale, part in parts(cells) if len(base) else []:
        if arm == baseline:
            continue
        both = pairs(part[part["state"] == "done"], base)
        reached = both[both["scale_reached_a"].astype(bool) & both["scale_reached_b"].astype(bool)]
        interval = paired_difference(reached, column)
        bootstrap, unread = bootstrap_of(reached, on, flags)
        found.append({"arm": arm, "scale": scale, **interval._asdict(), "short": len(both) - len(reached), "done": len(both),
                      "planned": len(part), "expected": len(expected), "complete": replicates(both) >= expected,
                      "boot_low": bootstrap[0], "boot_high": bootstrap[1], "unread": unread, "verdict": verdict(interval, bootstrap)})
    return pd.DataFrame(found)


def bootstrap_of(both, on, flags):
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
    return paired_bootstrap(np.stack(lines), shared_images=both["data.split"].nunique() == 1), 0


def total_hours(rows, exclude=()):
    """Series: device hours of each run's result without the phases in ``exclude``; nan over mixed devices."""
    priced = [f"gpu_hours.{phase}" for phase in PRICED if phase not in exclude]
    return rows[priced].sum(axis=1).where(rows["gpu_hours.total"].notna())


def costs(rows, exclude=()):
    """Frame with means per arm × scale × device over finished runs that reached their scale: ``n``, counts, and hours by
    phase, ``total`` and ``spent``. The ceiling's rows have scale None. Hours over mixed devices are nan."""
    cells, ceiling = split_ceiling(rows)
    cells = [*parts(cells), ("real", None, ceiling.assign(scale_reached=True))]
    found = []
    for arm, scale, part in cells:
        done = part[part["state"] == "done"]
        reached = done[done["scale_reached"].astype(bool)]
        for device, runs in reached.groupby("device"):
            hours = {phase: runs[f"gpu_hours.{phase}"] for phase in PRICED}
            hours |= {"total": total_hours(runs, exclude), "spent": runs["gpu_hours_spent"]}
            found.append({"arm": arm, "scale": scale, "device": device, "cpus": sorted(set().union(*runs["cpus"])), "n": len(runs),
                          **{count: float(runs[count].mean()) for count in COUNTS},
                          **{name: np.nan if device == "mixed" else float(series.mean()) for name, series in hours.items()}})
    return pd.DataFrame(found)
