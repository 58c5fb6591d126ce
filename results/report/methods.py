"""The sections on methods: the league, where there are enough of them, and the open questions (D), one by one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from results.analysis.comparisons import Comparison
from results.analysis.contrasts import POPULATION
from results.claims import Judgement
from results.claims.judging.claim import LOG_ERROR, Finding
from results.claims.judging.rules import NAMES
from results.figures import Figure, forest
from results.figures.drawing.narrow import also_narrow
from results.figures.drawing.style import save, sheet, stem
from results.report import page
from results.report.page import Section
from results.report.sections import anchored, stored, without
from results.tables import league
from results.tables.captions import conditions
from results.tables.league_words import scales_named, sentences
from results.tables.table import Table

FIGURES, TABLE = ("league", "pareto"), league.TITLE  # what moves from a comparison's section to the league's
WORLDS = {f", {name}": world for world, name in NAMES.items()}  # how a half beside the one that is judged ends
QUESTIONS = (
    "What no paper has settled, asked of the runs at hand: the contrasts that were fixed beforehand, pooled and by "
    "scale, in both worlds, and what the rule makes of them. Right of ×1 the first arm makes fewer errors."
)


def league_section(
    number: int, comparison: Comparison, figures: Sequence[Figure], tables: Sequence[Table], out: Path, several: bool
) -> Section | None:
    """The league of one comparison: what came out, forest, table, price; None where it has none.

    Args:
        number: of the comparison.
        comparison: whose methods they are.
        figures: of it; those of the league are taken.
        tables: of it, likewise.
        out: the folder of the page.
        several: have several comparisons a league?
    """
    shared, prefix = conditions(comparison.group), f"league-{number}" if several else "league"
    told, drawn = sentences(comparison), [one for one in figures if one.name in FIGURES]
    shown = [one for one in tables if one.title == TABLE]
    if not shown:
        return None
    body, parts = page.paragraphs(told), list[tuple[str, str]]()
    for anchor, figure in anchored([without(one, shared, *told) for one in drawn], f"{prefix}-figure"):
        body += page.figure(figure, anchor, out, 3)
        parts.append((figure.title, anchor))
    for anchor, table in anchored([bare(one, shared, told) for one in shown], f"{prefix}-table"):
        body += page.table(table, anchor, 3, stored(table, anchor, out))
        parts.append((table.title, anchor))
    title = f"The league of methods, comparison {number}" if several else "The league of methods"
    return Section(title, prefix, body, tuple(parts))


def bare(table: Table, shared: str, told: Sequence[str]) -> Table:
    """The table without what the section says already."""
    kept = tuple(note for note in table.notes if note not in told)
    return Table(table.title, without(table, shared).caption, table.columns, table.rows, table.align, kept, table.parts)


def questions(judgements: Sequence[Judgement], comparisons: Sequence[Comparison], out: Path) -> list[Section]:
    """The section of the open questions that were run: what was asked, what came out, the contrasts; [] without any."""
    asked = [one for one in judgements if one.id.startswith("D")]
    run = [one for one in asked if one.verdict != "not run"]
    if not run:
        return []
    by_title = {one.title: one for one in comparisons}
    body, parts = page.paragraphs([QUESTIONS]), list[tuple[str, str]]()
    for one in run:
        place = one.where if len({other.where for other in run}) > 1 else ""
        anchor = page.slug(f"question {one.id} {place}")
        body += page.question(one, anchor, place)
        drawn = forest_of(one, by_title.get(one.where), out, anchor)
        body += page.figure(drawn, f"{anchor}-contrasts", out, 4) if drawn else ""
        parts.append((f"{one.id} {page.SIGNS[one.verdict]} {one.claim}", anchor))
    left = ", ".join(f"{one.id} ({one.claim})" for one in asked if one.verdict == "not run")
    body += page.paragraphs([f"Not run: {left}. What would decide them stands with the claims."] if left else [])
    return [Section("Open questions", "questions", body, tuple(parts))]


def forest_of(judgement: Judgement, comparison: Comparison | None, out: Path, name: str) -> Figure | None:
    """The contrasts of one judgement, as the forest of a comparison draws them; None where it has none of errors."""
    rows = pd.DataFrame([row for row in map(row_of, judgement.findings, [judgement] * len(judgement.findings)) if row])
    if comparison is None or not len(rows):
        return None
    title = f"{judgement.id}: paired differences by scale, and pooled"
    text = "Diamonds: mean over scales, by which the question is judged; dots: single scales. Bars: 95 % intervals."
    text = f"{text} {one_scale(judgement.findings)}".rstrip()
    with sheet() as plt, also_narrow():
        drawing = forest.plot(plt, rows, comparison, title)
        path = stem(out / "figures" / "questions", name)
        return save(drawing, rows.drop(columns="seeds"), path, title, text)


def one_scale(findings: Sequence[Finding]) -> str:
    """That a verdict rests on one scale, where it does."""
    scales = {scale for one in findings if one.scale is None for scale in one.scales}
    return f"All of it is {scales_named(sorted(scales))}, and says nothing of other scales." if len(scales) == 1 else ""


def row_of(finding: Finding, judgement: Judgement) -> dict[str, Any] | None:
    """A line of the forest; None of a finding that is no difference in errors."""
    if finding.unit != LOG_ERROR.name or finding.interval is None or finding.interval.n < 1:
        return None
    half, world = finding.half, judged_world(judgement)
    for ending, other in WORLDS.items():
        if half.endswith(ending):
            half, world = half.removesuffix(ending), other
    interval = finding.interval
    return {
        "contrast": half,
        "arm": "",
        "world": world,
        "label": "pooled" if finding.scale is None else finding.at.removeprefix(" at "),
        "scales": "" if finding.scale is None else finding.at.removeprefix(" at "),
        "log_error_ratio": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
        "seeds": None,
    }


def judged_world(judgement: Judgement) -> str:
    """The world in which a question is judged: not the one that stands beside it by name."""
    beside = {world for one in judgement.findings for ending, world in WORLDS.items() if one.half.endswith(ending)}
    return "test" if beside == {POPULATION} else POPULATION
