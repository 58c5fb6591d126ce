"""The numbers of the tables as tidy frames, for CSV: a row per comparison × arm × scale, a row per curve and target, a row per cell."""

import re

import pandas as pd

from dp_common.persistence.meter import PRICED
from results.analysis.cells import BASELINES, COUNTS, accuracies, costs, differences
from results.analysis.comparisons import groups

CELL = re.compile(r"(?P<value>[+-]?[\d.,]+)×?(?: \[(?P<low>[^ ]+), (?P<high>[^ ]+)\])?(?: n=(?P<n>\d+))?(?P<rest>.*)")


def tidy(frame, exclude=(), on="test"):
    """One row per arm × scale; the ceiling's row has no scale. Units are in the column names: percent and points of accuracy,
    device hours. Means of cells with runs missing are given, with ``complete`` false. Where the runs of a cell had several
    devices, ``device`` names them and the hours are left empty.
    """
    rows = []
    for group, runs in groups(frame):
        cells, ceiling = accuracies(runs, on)
        gains = {baseline: by_place(differences(runs, baseline, on)) for baseline in BASELINES}
        prices = by_place(costs(runs, exclude))
        for cell in [*cells.to_dict("records"), *([ceiling | {"scale": None}] if ceiling else [])]:
            place = (cell["arm"], cell["scale"])
            row = {
                **group.core,
                "data.split": group.split,
                "other": " ".join(group.extras()),
                "arm": cell["arm"],
                "scale": cell["scale"],
                "real_set": on,
                **{f"accuracy_{name}_percent": 100 * cell[name] for name in ("mean", "low", "high")},
                **{name: cell[name] for name in ("n", "short", "done", "expected", "complete")},
            }
            for baseline, found in gains.items():
                row |= gain(baseline, found.get(place, [{}])[0])
            rows.append(row | price(prices.get(place, []), exclude))
    table = pd.DataFrame(rows)
    return table.astype({name: "Int64" for name in ("scale", "data.split") if name in table})


def by_place(cells):
    """{(arm, scale): its rows}; None stands for the scale of the ceiling."""
    found = {}
    for row in cells.to_dict("records"):
        found.setdefault((row["arm"], None if pd.isna(row["scale"]) else int(row["scale"])), []).append(row)
    return found


def gain(baseline, cell):
    name = f"minus_{baseline.replace(' ', '_').replace('=', '')}"
    points = {"mean": "mean", "low": "low", "high": "high", "boot_low": "bootstrap_low", "boot_high": "bootstrap_high"}
    return {
        **{f"{name}_{word}_points": 100 * cell[key] if key in cell else None for key, word in points.items()},
        f"{name}_n": cell.get("n"),
        f"{name}_verdict": cell.get("verdict"),
    }


def price(found, exclude):
    names = [*PRICED, "total", "spent"]
    total = "total_without_" + "_".join(exclude) if exclude else "total"
    one = found[0] if len(found) == 1 else {}
    return {
        "device": "; ".join(row["device"] for row in found),
        **{count: one.get(count) for count in COUNTS},
        **{f"hours_{total if name == 'total' else name}": one.get(name) for name in names},
    }


def by_cell(named):
    """Every cell of every table: ``comparison, table, part`` (the heading it stands under)``, row, name`` (its first cell)``, column, text``, and the
    ``value, low, high, n`` that can be read from it, as rounded as they are shown. ``named``: [(title of a comparison, [Table])].
    """
    rows = []
    for title, tables in named:
        for table in tables:
            part = ""
            for number, line in enumerate(table.rows):
                part = dict(table.parts).get(number, part)
                for column, text in zip(table.columns[1:], line[1:]):
                    found = CELL.fullmatch(text)
                    read = {
                        key: float(found[key].replace(",", "")) if found and found[key] else None
                        for key in ("value", "low", "high", "n")
                    }
                    rows.append(
                        {
                            "comparison": title,
                            "table": plain(table.title),
                            "part": plain(part),
                            "row": number,
                            "name": plain(line[0]),
                            "column": plain(column),
                            "text": plain(text),
                            **read,
                        }
                    )
    return pd.DataFrame(rows).astype({"n": "Int64"} if rows else {})


def plain(text):
    return text.replace("`", "")
