"""Numbers of the theory, a pure function of the ledger that ``python -m benchmarks.theory`` writes;
results/figures/theory draws them.

Here is what the claims about the theory rest on: ``agreement`` (C9) and ``loop_frame`` (C10t).
"""

from collections.abc import Iterable, Mapping
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd
from scipy import stats

from dp_common.errors import BadInput, Damaged
from dp_common.persistence.ledger import decode
from results.analysis.stats import over_seeds, t_interval

# under a root of runs; no run's ledger has this name, so that results.reading.runs does not meet it
NAME = "theory/theory.jsonl"
POINT = ("figure", "panel", "series", "x")
LEVEL = 0.05  # of the verdict on all points together (Bonferroni)
Record = Mapping[str, Any]
ARMS = ("adaptive", "frozen", "random")


def read(path: str | Path) -> list[Record]:
    """Records of a theory ledger;

    [] where there is none, a torn last line dropped. Raises Damaged, naming file and line.
    """
    path = Path(path)
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    records = [decode(line, f"{path}:{number}") for number, line in enumerate(whole.split(b"\n"), 1)] if whole else []
    for number, record in enumerate(records):
        if record["n"] != number:
            raise Damaged(f"{path}:{number + 1}: line {record['n']} stands where {number} should")
    return records


def of_study(records: Iterable[Record], study: str | None = None) -> tuple[Record, list[Record]]:
    """(options, lines) of one study, the latest begun unless named. Raises BadInput where there is none."""
    opened = [record for record in records if record["kind"] == "open" and study in (None, record["study"])]
    if not opened:
        raise BadInput("study", study, "the ledger holds none such; python -m benchmarks.theory makes one")
    chosen = opened[-1]
    return chosen["options"], [
        record for record in records if record["study"] == chosen["study"] and record["kind"] != "open"
    ]


def table(lines: Iterable[Record], figure: str | None = None) -> pd.DataFrame:
    """Lines of a study -> a row per x: ``what`` (limit, simulation), figure, panel, series, x, ``error`` (with low,
    high, se, repeats of simulations), ``limit``, ``finite`` and, of simulations, ``beyond``; see benchmarks.theory.
    Fractions. The loop has its own.
    """
    rows = []
    for line in lines:
        if line["kind"] == "loop" or figure not in (None, line["figure"]):
            continue
        place = dict(zip(POINT, point_of(line)))
        if line["kind"] == "curve":
            rows += [
                place | {"what": "limit", "x": x, "error": error, "limit": error, "finite": finite}
                for x, error, finite in zip(line["x"], line["error"], line["finite"])
            ]
        else:
            half = stats.t.ppf(0.975, line["repeats"] - 1) * line["se"]
            rows.append(
                place
                | {
                    "what": "simulation",
                    "error": line["simulated"],
                    "low": line["simulated"] - half,
                    "again": line.get("again", False),
                    "high": line["simulated"] + half,
                    **{name: line[name] for name in ("se", "repeats", "limit", "finite", "beyond")},
                }
            )
    names = [*POINT, "what", "error", "low", "high", "se", "repeats", "limit", "finite", "beyond", "again"]
    found = pd.DataFrame(rows, columns=names)
    return found.drop_duplicates(
        [*POINT, "what"], keep="last", ignore_index=True
    )  # of a point that was simulated again, the second


def point_of(line: Record) -> tuple[Any, ...]:
    """The point of a line: the values of POINT."""
    return line["figure"], " ".join(map(str, line["panel"])), str(line["series"]), line["x"]


def suspects(lines: Iterable[Record]) -> set[tuple[Any, ...]]:
    """Places (as ``point_of``) of first simulations whose p-value times the number of points is below LEVEL."""
    points = agreement([line for line in lines if not line.get("again")])[0]
    judged = points[points["beyond"] == ""]
    return set(judged.loc[judged["p"] * len(judged) < LEVEL, list(POINT)].itertuples(index=False, name=None))


def agreement(lines: Iterable[Record]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """(points, summary): does simulation scatter around the limit as chance would have it?

    z = (simulated − limit)/se has Student's t with repeats − 1 degrees of freedom if the limit is right. Points with a
    ``beyond`` are listed, not judged. ``agrees``: the smallest p-value times the number of points (Bonferroni) is
    above LEVEL, of ``again`` the second simulation being judged. ``uniform_p``: of the hypothesis that the p-values of
    first simulations are uniform. ``finite`` in the summary: the same of ``finite`` and all points but those at the
    peak.
    """
    lines = list(lines)
    points = table(lines).query("what == 'simulation'").reset_index(drop=True)
    for name, reference in (("", "limit"), ("_finite", "finite")):
        points[f"z{name}"] = (points["error"] - points[reference]) / points["se"]
        points[f"p{name}"] = 2 * stats.t.sf(points[f"z{name}"].abs(), points["repeats"].astype(float) - 1)
    summary = verdict(points[points["beyond"] == ""], "limit", "") | {
        name: int((points["beyond"] == name).sum()) for name in ("peak", "noise")
    }
    summary["again"] = int(points["again"].sum())
    summary["uniform_p"] = uniformity([line for line in lines if not line.get("again")])
    return points, summary | {"finite": verdict(points[points["beyond"] != "peak"], "finite", "_finite")}


def uniformity(lines: Iterable[Record]) -> float:
    """The p-value of the p-values of the judged points being uniform (Kolmogorov and Smirnov); nan without any."""
    points = table(lines).query("what == 'simulation' and beyond == ''")
    z = (points["error"] - points["limit"]) / points["se"]
    p = 2 * stats.t.sf(z.abs(), points["repeats"].astype(float) - 1)
    return float(stats.kstest(p, "uniform").pvalue) if len(p) else nan


def verdict(judged: pd.DataFrame, reference: str, name: str) -> dict[str, Any]:
    """How points deviate from one of their columns. ``name``: the end of the columns with z and p."""
    difference, low = judged["error"] - judged[reference], float(min(1.0, judged[f"p{name}"].min() * len(judged)))
    return {
        "points": len(judged),
        "mean_z": float(judged[f"z{name}"].mean()),
        "largest_z": float(judged[f"z{name}"].abs().max()),
        "outside_95": float((judged[f"p{name}"] < 0.05).mean()),
        "bonferroni_p": low,
        "agrees": low > LEVEL,
        "median_se": float(judged["se"].median()),
        "mean_difference": float(difference.mean()),
        "difference": over_seeds(difference),
        "largest_difference": float(difference.abs().max()),
    }


def loop_frame(lines: Iterable[Record]) -> pd.DataFrame:
    """A row per pool × seed × round × arm: kept, generated, error."""
    return pd.DataFrame(
        [
            {
                "pool": line["settings"]["pool"],
                "seed": line["settings"]["seed"],
                "round": number,
                "arm": arm,
                "kept": kept,
                "generated": line["generated"][arm][number],
                "error": line["error"][arm][number],
            }
            for line in lines
            if line["kind"] == "loop"
            for arm in ARMS
            for number, kept in enumerate(line["kept"])
        ]
    )


def loop_differences(lines: Iterable[Record]) -> pd.DataFrame:
    """A row per pool × round × pair of arms:

    accuracy of a minus b over equal seeds, in points, mean and 95 % t-interval.
    """
    rows = []
    for (pool, number), part in loop_frame(lines).groupby(["pool", "round"]):
        by = part.pivot(index="seed", columns="arm", values="error")
        for a, b in (("adaptive", "frozen"), ("frozen", "random"), ("adaptive", "random")):
            found = t_interval(100 * (by[b] - by[a]))
            rows.append(
                {
                    "pool": pool,
                    "round": number,
                    "kept": int(part["kept"].iloc[0]),
                    "a": a,
                    "b": b,
                    "points": found.mean,
                    "low": found.low,
                    "high": found.high,
                    "n": found.n,
                }
            )
    return pd.DataFrame(rows)


def summary_text(records: Iterable[Record], study: str | None = None) -> str:
    """What the terminal says of a study."""
    options, lines = of_study(records, study)
    found = agreement(lines)[1]
    lines_of_text = []
    for name, part in (("Limit", found), ("With noise along the pruner", found["finite"])):
        lines_of_text.append(
            f"{name} against simulation: {part['points']} points, mean z {part['mean_z']:+.2f}, largest |z| "
            f"{part['largest_z']:.1f}, "
            f"{100 * part['outside_95']:.1f} % outside their 95 % interval, Bonferroni p = {part['bonferroni_p']:.2g}: "
            + ("" if part["agrees"] else "NOT ")
            + "within Monte Carlo error"
        )
    lines_of_text += [
        f"  median standard error {100 * found['median_se']:.2f} points, mean difference "
        f"{100 * found['mean_difference']:+.3f}, largest "
        f"{100 * found['largest_difference']:.2f}; not judged by the limit: {found['peak']} points at the peak p = φ, "
        f"{found['noise']} with noise "
        f"along the pruner; simulated again, since chance would hardly explain the first: {found['again']}",
        "",
        f"The loop, accuracy in points, 95 % t-interval over {options['repeats']} pairs:",
    ]
    differences = loop_differences(lines)
    shown = differences[differences["round"].isin((1, 3, differences["round"].max()))]
    for row in shown.to_dict("records"):
        pair = row["a"], row["b"]
        if pair != ("adaptive", "random") and (
            row["round"] > 1 or row["a"] == "frozen"
        ):  # at first, adaptive is frozen
            lines_of_text.append(
                f"  chosen from {row['pool']:>2} x, round {row['round']}: {row['a']:>8} - {row['b']:<6} "
                f"{row['points']:+6.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
            )
    return "\n".join(lines_of_text)
