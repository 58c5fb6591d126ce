"""The numbers of a study as one frame, for CSV: a row per comparison × arm × scale."""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from dp_common.persistence.meter import PRICED
from results.analysis.cells import COUNTS, accuracies, costs, differences
from results.analysis.comparisons import BASELINES, Comparison
from results.analysis.study import Study

Place = tuple[str, int | None]  # arm and scale; None of the ceiling


def numbers(study: Study) -> pd.DataFrame:
    """One row per arm × scale; the ceiling's row has no scale.

    Units are in the column names: percent and points of accuracy, device hours. Means of cells with runs missing are
    given, with ``complete`` false. Where the runs of a cell had several devices, ``device`` names them and the hours
    are left empty.
    """
    table = pd.DataFrame([row for comparison in study.comparisons for row in rows_of(comparison)])
    return table.astype({name: "Int64" for name in ("scale", "data.split") if name in table})


def as_csv(frame: pd.DataFrame) -> str:
    """A frame as text, numbers with ten digits."""
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.10g")


def rows_of(comparison: Comparison) -> list[dict[str, Any]]:
    """The rows of one comparison."""
    group = comparison.group
    cells, ceiling = accuracies(comparison)
    gains = {baseline: by_place(differences(comparison, baseline)) for baseline in BASELINES}
    spent = by_place(costs(comparison))
    rows = []
    every: list[dict[Any, Any]] = cells.to_dict("records")
    for cell in [*every, *([{**ceiling, "scale": None}] if ceiling else [])]:
        place = (cell["arm"], cell["scale"])
        row = {
            **group.core,
            "data.split": group.split,
            "other": " ".join(group.extras()),
            "arm": cell["arm"],
            "scale": cell["scale"],
            "real_set": comparison.eval_set,
            **{f"accuracy_{name}_percent": 100 * cell[name] for name in ("mean", "low", "high")},
            **{name: cell[name] for name in ("n", "short", "done", "expected", "complete")},
        }
        for baseline, found in gains.items():
            row |= gain_columns(baseline, found.get(place, [{}])[0])
        rows.append(row | cost_columns(spent.get(place, []), comparison.exclude))
    return rows


def by_place(cells: pd.DataFrame) -> dict[Place, list[dict[Any, Any]]]:
    """{(arm, scale): its rows}; None stands for the scale of the ceiling."""
    found: dict[Place, list[dict[Any, Any]]] = {}
    for row in cells.to_dict("records"):
        found.setdefault((row["arm"], None if pd.isna(row["scale"]) else int(row["scale"])), []).append(row)
    return found


def gain_columns(baseline: str, cell: Mapping[Any, Any]) -> dict[str, Any]:
    """The columns of a paired difference; empty ones where there is none."""
    name = f"minus_{baseline.replace(' ', '_').replace('=', '')}"
    return {
        **{f"{name}_{key}_points": 100 * cell[key] if key in cell else None for key in ("mean", "low", "high")},
        f"{name}_n": cell.get("n"),
        f"{name}_p": cell.get("p"),
        f"{name}_verdict": cell.get("verdict"),
    }


def cost_columns(found: list[dict[Any, Any]], exclude: Collection[str]) -> dict[str, Any]:
    """The columns of costs, of one place."""
    total = "total_without_" + "_".join(exclude) if exclude else "total"
    alone = found[0] if len(found) == 1 else {}
    return {
        "device": "; ".join(row["device"] for row in found),
        **{count: alone.get(count) for count in COUNTS},
        **{f"hours_{total if name == 'total' else name}": alone.get(name) for name in (*PRICED, "total", "spent")},
    }
