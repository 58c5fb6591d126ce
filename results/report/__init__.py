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
from results.report import headline, methods, page, sections
from results.tables.table import Table

NAME = "report.html"
PROJECT = "Deliberate Practice Bench"
QUESTION = "Which way of choosing generated images gets the most accuracy, per image and per hour?"


@dataclass(frozen=True)
class Shown:
    """What the page shows of one comparison; ``appendix``: tables that stand at the end of it."""

    comparison: Comparison
    tables: list[Table]
    figures: list[Figure]
    appendix: Sequence[Table] = ()


def write(
    study: Study, root: str | Path, out: str | Path, prices: Prices | None = None, overrides: Sequence[str] = ()
) -> Path:
    """Write ``out``/report.html, and what it links to under ``out``/tables and ``out``/figures.

    Args:
        study: the runs to show, with the real set that accuracy is of and the phases left out of hours.
        root: the folder they lie in, with the theory's ledger if that was run.
        out: the folder to write to.
        prices: unit costs at which hours are re-priced everywhere; what was measured is an appendix then.
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
    priced = study.repriced(prices) if prices else study
    with also_narrow():
        drawn = draw_all(priced, out / "figures")
    more = measured_costs(study) if prices else [[] for _ in study.comparisons]
    shown = [
        Shown(comparison, tables, figures, appendix)
        for (comparison, tables), appendix, (_, figures) in zip(of_comparisons(priced), more, drawn)
    ]
    judgements = evaluate(root, prices, study=study)
    text = compose(priced, root, out, shown, across_comparisons(priced), judgements, overrides)
    write_atomic(out / NAME, text.encode())
    return out / NAME


def measured_costs(study: Study) -> list[list[Table]]:
    """What each comparison cost where it was run: an appendix, where hours are re-priced everywhere else."""
    from results.tables import of_comparisons

    return [
        [replace(table, title=f"{table.title}, as measured") for table in tables]
        for _, tables in of_comparisons(study, ("costs",))
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
    comparisons, unbegun = [one.comparison for one in shown], sum(not one.tables for one in shown)
    # what differs in the sampler alone stands beside the others, and is no subject of its own
    homes = [one for one in shown if not one.comparison.is_variant]
    shown = homes if any(one.tables for one in homes) else shown
    gaps = [headline.gaps_of(one.comparison) if one.tables else {} for one in shown]
    leads = [headline.sentences(one.comparison, gap) for one, gap in zip(shown, gaps)]
    titles = [one.comparison.title for one in shown]
    subjects = [number for number, one in enumerate(shown) if one.tables] or list(range(len(shown)))
    alone = shown[subjects[0]] if len(subjects) == 1 else None  # the others have nothing to show yet
    first = sections.in_short(alone.figures, alone.tables, judgements, titles, alone.comparison, out) if alone else None
    leagues = league_sections(shown, out)
    results = [
        sections.of_comparison(
            number,
            len(shown),
            one.comparison,
            lead,
            gap,
            [figure for figure in one.figures if figure.name not in kept_out(one, alone if first else None)],
            [table for table in one.tables if table.title not in kept_out(one, alone if first else None)],
            out,
            one.appendix,
        )
        for number, (one, gap, lead) in enumerate(zip(shown, gaps, leads), 1)
    ]
    parts = [
        *([first] if first else sections.at_a_glance(judgements, titles)),
        *leagues,
        *methods.questions(judgements, comparisons, out),
        *results,
        *sections.across(across, out),
        *sections.verdicts(judgements, titles, out),
        *sections.theory(root, out),
        sections.making(study, root, out, overrides),
    ]
    tally = sections.tally(judgements)
    if alone:
        lead, more = leads[subjects[0]]
        waiting = [f"{unbegun} further comparison(s) have no finished run yet."] if alone.tables and unbegun else []
        facts = page.bullets([*more, *waiting, *tally], "facts")
        return page.page(lead, f"{PROJECT} · {titles[subjects[0]]}", facts, parts)
    items = "".join(
        f'<li><a href="#{section.anchor}">{page.prose(title)}</a>: {page.prose(lead)}</li>'
        for section, title, (lead, _) in zip(results, titles, leads)
    )
    facts = f'<ul class="facts">{items}</ul>' + page.bullets(tally, "facts")
    return page.page(QUESTION, f"{PROJECT} · {len(shown)} comparisons", facts, parts)


def league_sections(shown: Sequence[Shown], out: Path) -> list[page.Section]:
    """The leagues there are."""
    having = [number for number, one in enumerate(shown) if any(table.title == methods.TABLE for table in one.tables)]
    found = [
        methods.league_section(
            number + 1, shown[number].comparison, shown[number].figures, shown[number].tables, out, len(having) > 1
        )
        for number in having
    ]
    return [section for section in found if section]


def kept_out(one: Shown, alone: Shown | None) -> set[str]:
    """Figures and tables of a comparison that stand before its section. ``alone``: that of which the page begins."""
    return {*methods.FIGURES, methods.TABLE, *(sections.ESSENCE if one is alone else ())}
