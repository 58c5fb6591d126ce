"""The report: one page with everything that a folder of runs shows, and the tables and figures it shows beside it.

Assembled from what tables, figures and claims say of the same ledgers; this package adds the headline, how it was made
and what to keep in mind. The same ledgers, versions and fonts give the same bytes: no dates, no folder of this machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dp_common.files import write_atomic
from results.analysis.comparisons import Comparison
from results.analysis.repricing import Prices
from results.analysis.study import Study
from results.claims import Judgement
from results.figures import Figure
from results.report import headline, page, sections
from results.tables.table import Table

NAME = "report.html"
PROJECT = "Deliberate Practice Bench"
QUESTION = "Which way of choosing generated images gets the most accuracy, per image and per hour?"


@dataclass(frozen=True)
class Shown:
    """What the page shows of one comparison."""

    comparison: Comparison
    tables: list[Table]
    figures: list[Figure]


def write(
    study: Study, root: str | Path, out: str | Path, prices: Prices | None = None, overrides: Sequence[str] = ()
) -> Path:
    """Write ``out``/report.html, and what it links to under ``out``/tables and ``out``/figures.

    Args:
        study: the runs to show, with the real set that accuracy is of and the phases left out of hours.
        root: the folder they lie in, with the theory's ledger if that was run.
        out: the folder to write to.
        prices: unit costs at which hours are re-priced, beside the measured ones.
        overrides: of the command that is run, to be printed.

    Returns:
        The path of the page.

    Raises:
        BadInput, Problem: as tables and figures do.
    """
    from results.claims import evaluate
    from results.figures import draw_all
    from results.figures.drawing.narrow import also_narrow
    from results.tables import across_comparisons, of_comparisons

    root, out = Path(root), Path(out)
    for name in ("tables", "figures"):
        (out / name).mkdir(parents=True, exist_ok=True)
    with also_narrow():
        drawn = draw_all(study, out / "figures")
    more = repriced(study, prices) if prices else [[] for _ in study.comparisons]
    shown = [
        Shown(comparison, [*tables, *repriced_tables], figures)
        for (comparison, tables), repriced_tables, (_, figures) in zip(of_comparisons(study), more, drawn)
    ]
    judgements = evaluate(root, prices, study=study)
    text = compose(study, root, out, shown, across_comparisons(study), judgements, overrides)
    write_atomic(out / NAME, text.encode())
    return out / NAME


def repriced(study: Study, prices: Prices) -> list[list[Table]]:
    """The tables of each comparison that have hours in them, at prices measured elsewhere; their titles say so."""
    from results.analysis.repricing import MARK
    from results.tables import of_comparisons

    return [
        [table if MARK in table.title else replace(table, title=f"{table.title}, {MARK}") for table in tables]
        for _, tables in of_comparisons(study.repriced(prices), ("costs", "hours"))
    ]


def compose(
    study: Study,
    root: Path,
    out: Path,
    shown: Sequence[Shown],
    across: Sequence[Table],
    judgements: Sequence[Judgement],
    overrides: Sequence[str] = (),
) -> str:
    """The page as text; writes its tables' CSVs.

    Args:
        study: see ``write``; ``root``, ``out``, ``overrides`` too.
        root: see there.
        out: see there.
        shown: of each comparison.
        across: tables of all of them side by side.
        judgements: of the claims.
        overrides: see there.
    """
    gaps = [headline.gaps_of(one.comparison) if one.tables else {} for one in shown]
    leads = [headline.sentences(one.comparison, gap) for one, gap in zip(shown, gaps)]
    results = [
        sections.of_comparison(number, len(shown), one.comparison, lead, gap, one.figures, one.tables, out)
        for number, (one, gap, lead) in enumerate(zip(shown, gaps, leads), 1)
    ]
    titles = [one.comparison.title for one in shown]
    parts = [
        *results,
        *sections.across(across, out),
        *sections.verdicts(judgements, titles, out),
        *sections.theory(root, out),
        sections.making(study, root, out, overrides),
    ]
    tally = sections.tally(judgements)
    if len(shown) == 1:
        facts = page.bullets([*leads[0][1], *tally], "facts")
        return page.page(leads[0][0], f"{PROJECT} · {titles[0]}", facts, parts)
    items = "".join(
        f'<li><a href="#{section.anchor}">{page.prose(title)}</a>: {page.prose(lead)}</li>'
        for section, title, (lead, _) in zip(results, titles, leads)
    )
    facts = f'<ul class="facts">{items}</ul>' + page.bullets(tally, "facts")
    return page.page(QUESTION, f"{PROJECT} · {len(shown)} comparisons", facts, parts)
