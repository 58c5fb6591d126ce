"""The sections of the page: each comparison, what stands across them, the claims, the theory, and how it was made."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from dp_common.files import write_atomic
from results.analysis.comparisons import Comparison
from results.analysis.study import Study
from results.claims import Judgement
from results.claims.judging.words import unpublished
from results.figures import Figure
from results.figures.drawing.narrow import also_narrow
from results.figures.drawing.selection import left_out
from results.report import caveats, made, page
from results.report.page import Section
from results.tables.captions import conditions
from results.tables.csv import as_csv, numbers
from results.tables.table import Table

FIXED = (
    "Each claim has a rule, which is printed with it; the verdict is what the rule says of the ledgers at hand. "
    "Effects stand with their 95 % intervals and n pairs of equal seed and scale. The paper's numbers are of ImageNet "
    "and take part in no statistic."
)
ESSENCE = ("forest", "All scales together")  # the figure and the table that are read first
Titled = TypeVar("Titled", Table, Figure)


def of_comparison(
    number: int,
    of: int,
    comparison: Comparison,
    lead: tuple[str, list[str]],
    gaps: dict[str, pd.DataFrame],
    figures: Sequence[Figure],
    tables: Sequence[Table],
    out: Path,
    appendix: Sequence[Table] = (),
) -> Section:
    """The section of one comparison: sentences, what to keep in mind, figures, tables.

    Args:
        number: of the comparison.
        of: how many there are.
        comparison: whose runs they are.
        lead: the headline, and further sentences; shown here where there are several comparisons.
        gaps: {baseline: paired differences}.
        figures: of it.
        tables: of it.
        out: the folder of the page.
        appendix: tables that unfold at its end.
    """
    shared, not_drawn = conditions(comparison.group), left_out(comparison)
    prefix, parts = f"c{number}", []
    body = page.paragraphs([lead[0]]) + page.bullets(lead[1], "facts") if of > 1 else ""
    body += page.paragraphs([shared]) + page.heading(3, "To keep in mind", f"{prefix}-caveats")
    body += page.bullets(caveats.of_comparison(comparison, gaps), "caveats")
    if not tables and not figures:
        body += page.paragraphs(["No run of it is finished yet; `python -m benchmarks.status` says why."])
    if figures:
        parts.append(("Figures", f"{prefix}-figures"))
        body += page.heading(3, *parts[-1])
        # what several captions say is said once
        body += page.paragraphs([not_drawn]) if any(not_drawn in figure.caption for figure in figures) else ""
        for anchor, figure in anchored([without(one, shared, not_drawn) for one in figures], f"{prefix}-figures"):
            body += page.figure(figure, anchor, out)
            parts.append((figure.title, anchor))
    if tables:
        parts.append(("Tables", f"{prefix}-tables"))
        body += page.heading(3, *parts[-1])
        for anchor, table in anchored([without(one, shared) for one in tables], f"{prefix}-tables"):
            body += page.table(table, anchor, 4, stored(table, anchor, out))
            parts.append((table.title, anchor))
    if appendix:
        found = anchored([without(one, shared) for one in appendix], f"{prefix}-measured")
        inside = "".join(page.table(table, anchor, 4, stored(table, anchor, out)) for anchor, table in found)
        body += page.folded("Hours as they were measured, with whatever else ran on the machines", inside)
    title = f"Comparison {number} of {of}: {comparison.title}" if of > 1 else "All of it"
    return Section(title, prefix, body, tuple(parts))


def in_short(
    figures: Sequence[Figure],
    tables: Sequence[Table],
    judgements: Sequence[Judgement],
    titles: Sequence[str],
    comparison: Comparison,
    out: Path,
) -> Section | None:
    """The section that is read first, and printed: forest of paired differences, pooled contrasts, verdicts; None where
    there is none of these.

    Args:
        figures: of the comparison.
        tables: of it.
        judgements: of the claims.
        titles: of the comparisons.
        comparison: the only one.
        out: the folder of the page.
    """
    shared, not_drawn = conditions(comparison.group), left_out(comparison)
    shown = anchored([without(one, shared, not_drawn) for one in figures if one.name in ESSENCE], "short")
    body, parts = "".join(page.figure(one, anchor, out, 3) for anchor, one in shown), list[tuple[str, str]]()
    parts += [(one.title, anchor) for anchor, one in shown]
    for anchor, table in anchored([without(one, shared) for one in tables if one.title in ESSENCE], "short"):
        body += page.table(table, anchor, 3, stored(table, anchor, out))
        parts.append((table.title, anchor))
    for one in at_a_glance(judgements, titles):
        body += page.heading(3, one.title, one.anchor) + one.body
        parts.append((one.title, one.anchor))
    return Section("In short", "short", body, tuple(parts), on_paper=True) if body else None


def at_a_glance(judgements: Sequence[Judgement], titles: Sequence[str]) -> list[Section]:
    """The section of verdicts in a line each; [] without any."""
    if not judgements:
        return []
    body = page.paragraphs(tally(judgements)) + page.glance(cards_of(judgements, titles))
    return [Section("Verdicts on the claims", "verdicts", body, on_paper=True)]


def cards_of(judgements: Sequence[Judgement], titles: Sequence[str]) -> list[tuple[Judgement, str]]:
    """(judgement, anchor) of each claim; with one comparison only, none repeats its title."""
    judgements = [replace(one, sweep=re.sub(r"\s*\b(root|out)=\S+", "", one.sweep)) for one in judgements]
    if len(titles) == 1:
        judgements = [replace(one, where="") if one.where in titles else one for one in judgements]
    return [(one, page.slug(f"claim {one.id} {one.where}")) for one in judgements]


def without(item: Titled, *sentences: str) -> Titled:
    """A table or figure without these sentences in its caption."""
    caption = item.caption
    for sentence in filter(None, sentences):
        caption = caption.replace(sentence, "")
    return replace(item, caption=" ".join(caption.split()))


def anchored(items: Sequence[Titled], prefix: str) -> list[tuple[str, Titled]]:
    """(anchor, item) of things with a title; no anchor comes twice."""
    slugs = [page.slug(item.title) for item in items]
    again = [slugs[:index].count(name) for index, name in enumerate(slugs)]
    return [
        (f"{prefix}-{name}" + (f"-{count + 1}" if count else ""), item)
        for name, count, item in zip(slugs, again, items)
    ]


def across(tables: Sequence[Table], out: Path) -> list[Section]:
    """The section of tables that go across comparisons, with what the paper printed set apart in them."""
    if not tables:
        return []
    found = anchored(tables, "across")
    body = "".join(page.table(table, anchor, 3, stored(table, anchor, out)) for anchor, table in found)
    parts = tuple((table.title, anchor) for anchor, table in found)
    return [Section("Side by side, and beside the paper", "across", body, parts)]


def verdicts(judgements: Sequence[Judgement], titles: Sequence[str], out: Path) -> list[Section]:
    """The section of the claims. ``titles`` of the comparisons: with one only, no claim repeats it."""
    if not judgements:
        return []
    from results.claims import effects

    cards = cards_of(judgements, titles)
    write_atomic(out / "tables" / "claims.csv", as_csv(effects([one for one, _ in cards])).encode())
    lead = page.prose(FIXED) + page.sources({"CSV": "tables/claims.csv"})
    body = f"<p>{lead}</p>" + "".join(page.claim(*card) for card in cards)
    parts = tuple((f"{one.id} {page.SIGNS[one.verdict]} {one.claim}", anchor) for one, anchor in cards)
    return [Section("Claims", "claims", body, parts)]


def tally(judgements: Sequence[Judgement]) -> list[str]:
    """The sentences that count verdicts: on what the paper claims, and on questions that are not the paper's."""
    found = []
    for about, asked in (("the paper's claims", False), ("open questions", True)):
        met = Counter(one.verdict for one in judgements if (one.paper == unpublished()) == asked)
        counts = ", ".join(f"{met[verdict]} {verdict}" for verdict in page.SIGNS if met[verdict])
        noun = "verdict" if met.total() == 1 else "verdicts"
        found += [f"Of {met.total()} {noun} on {about}: {counts}."] if met else []
    return found


def theory(root: Path, out: Path) -> list[Section]:
    """The section of the theory, where its ledger is under the root."""
    from results.analysis import theory as analysis
    from results.figures import theory as figures

    records = analysis.read(root / analysis.NAME)
    opened = [record for record in records if record["kind"] == "open"]
    if not opened:
        return []
    with also_narrow():
        found = anchored(figures.draw(records, None, out / "figures"), "theory")
    body = page.command(made.typed("theory", opened[-1]["argv"])) + page.command(analysis.summary_text(records))
    body += "".join(page.figure(figure, anchor, out, level=3) for anchor, figure in found)
    parts = tuple((figure.title, anchor) for anchor, figure in found)
    return [Section("The theory beside simulation", "theory", body, parts)]


def making(study: Study, root: Path, out: Path, overrides: Sequence[str]) -> Section:
    """The section on how it was made, with all numbers of the comparisons unrounded."""
    write_atomic(out / "tables" / "numbers.csv", as_csv(numbers(study)).encode())
    sweeps, alone = made.commands(study.runs, root)
    body = page.paragraphs(
        [
            "These commands, in a checkout of the commit below and with `root=ROOT` for where the runs shall lie, and "
            "then the last one, make it again."
        ]
    )
    for text, runs, done in sweeps:
        body += page.command(text) + page.bullets([f"{done} of its {runs} runs are finished."])
    if alone:
        body += page.folded(f"{len(alone)} runs that no remembered sweep planned", page.command("\n".join(alone)))
    body += page.command(made.typed("report", ["ROOT", *overrides]))
    for anchor, table in anchored(made.tables(study.runs), "made"):
        body += page.table(table, anchor, 3, stored(table, anchor, out))
    body += page.bullets([made.own_versions(), *caveats.of_code(study.runs), *study.notes], "caveats")
    link = page.sources({"CSV": "tables/numbers.csv"})
    body += f"<p>Accuracies, differences and costs of all arms and scales, unrounded:{link}</p>"
    return Section("How it was made", "made", body)


def stored(table: Table, anchor: str, out: Path) -> str:
    """Write the cells of a table as CSV; returns its address relative to the page."""
    buffer, starts, part = io.StringIO(), dict(table.parts), ""
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*(["part"] if starts else []), *table.columns])
    for number, row in enumerate(table.rows):
        part = starts.get(number, part)
        writer.writerow([text.replace("`", "") for text in [*([part] if starts else []), *(cell.text for cell in row)]])
    name = f"tables/{anchor}.csv"
    write_atomic(out / name, buffer.getvalue().encode())
    return name
