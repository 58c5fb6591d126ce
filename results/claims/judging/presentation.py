"""How judgements are shown: as a table, and as rows of a CSV."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from results.claims.judging.claim import VERDICTS, Finding, Judgement, effects_of
from results.claims.judging.theory_study import STUDY
from results.tables.table import Table, text_rows

VERSION = 2  # of the claims, docs/definitions.md
COLUMNS = [
    "id",
    "claim",
    "comparison",
    "claim_verdict",
    "paper",
    "half",
    "scale",
    "n",
    "mean",
    "low",
    "high",
    "level_percent",
    "unit",
    "power",
    "detectable",
    "verdict",
    "effect",
    "why",
    "sweep",
]


def table(judgements: Sequence[Judgement]) -> Table:
    """The claims as a table: paper's effect beside ours and the verdict; rules, reasons and commands in the notes."""
    places = list(dict.fromkeys(one.where for one in judgements if one.where and not one.where.startswith(STUDY)))
    several = len(places) > 1
    rows: list[list[str]] = []
    notes: list[str] = []
    for one in judgements:
        number = str(places.index(one.where) + 1) if one.where in places else "—"
        first, *more = effects_of(one.findings, one.halves) or ["—"]
        rows.append([one.id, *([number] if several else []), one.claim, one.paper, first, one.verdict])
        rows += [["", *([""] if several else []), "", "", line, ""] for line in more]
        name = f"{one.id}, comparison {number}" if several and one.where in places else one.id
        notes.append(f"{name}: {one.verdict}. {one.why}." + (f" To decide it: `{one.sweep}`." if one.sweep else ""))
    rules = [f"{one.id}: {one.rule}" for one in {one.id: one for one in judgements}.values()]
    numbered = [f"Comparison{f' {number}' if several else ''}: {place}." for number, place in enumerate(places, 1)]
    counts = [f"{sum(one.verdict == verdict for one in judgements)} {verdict}" for verdict in VERDICTS]
    caption = (
        f"Verdicts by version {VERSION} of the claims: {', '.join(counts)}. Effects are means over scales per seed, "
        "with their 95 % intervals and n pairs of equal seed; those marked (beside it) take no part in the verdict. "
        "Log error: ln of the other's errors over one's own, above zero where one makes fewer. The paper's numbers "
        "are of ImageNet and take no part in any statistic."
    )
    columns = ["id", *(["in"] if several else []), "claim", "paper", "ours", "verdict"]
    return Table("Claims", caption, columns, text_rows(rows), "l" * len(columns), (*notes, *rules, *numbered))


def effects(judgements: Sequence[Judgement]) -> pd.DataFrame:
    """A row per finding, for the CSV: the claim, its verdict and sweep, and the effect's numbers in their unit; one row
    where there is none.
    """
    rows = []
    for one in judgements:
        claim = {
            "id": one.id,
            "claim": one.claim,
            "comparison": one.where,
            "claim_verdict": one.verdict,
            "paper": one.paper,
            "sweep": one.sweep,
        }
        rows += [claim | finding_row(finding) for finding in one.findings] or [claim]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"scale": "Int64", "n": "Int64", "level_percent": "Int64"})


def finding_row(finding: Finding) -> dict[str, Any]:
    """The columns of one finding."""
    interval = finding.interval
    return {
        "half": finding.half,
        "scale": finding.scale,
        **(interval._asdict() if interval else {}),
        "level_percent": finding.level if interval else None,
        "unit": finding.unit,
        "power": finding.power,
        "detectable": finding.detectable,
        "verdict": finding.verdict or "shown",
        "effect": finding.effect,
        "why": finding.why,
    }
