"""The report: one page with everything that a folder of runs shows, and the tables and figures it shows beside it.

Assembled from what tables, figures and claims say of the same ledgers; this package adds the headline, how it was made and what to keep in
mind. The same ledgers, versions and fonts give the same bytes: no dates, no folder of this machine.
"""

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

from dp_common.files import write_atomic
from results.analysis.cells import BASELINES, differences
from results.report import caveats, headline, made, page
from results.report.page import Section

NAME = "report.html"
PROJECT = "Deliberate Practice Bench"
QUESTION = "Which way of choosing generated images gets the most accuracy, per image and per hour?"
FIXED = (
    "Each claim has a rule, which is printed with it; the verdict is what the rule says of the ledgers at hand. Effects stand with their "
    "95 % intervals and n pairs of equal seed and scale. The paper's numbers are of ImageNet and take part in no statistic."
)


def write(frame, root, out, on="test", exclude=(), prices=None, words=()):
    """Write ``out``/report.html, and what it links to under ``out``/tables and ``out``/figures; returns the path of the page.

    ``frame``: the runs of ``root`` to be shown, as ``results.reading.runs`` gives them; ``on``, ``exclude``: as tables take them; ``prices``: of
    ``results.analysis.repricing.load``, or None; ``words``: of the command that is run, to be printed. Raises BadInput and Problem as tables and figures do.
    """
    from results.claims import evaluate
    from results.figures import draw_all
    from results.tables import all_tables, overview

    root, out = Path(root), Path(out)
    for name in ("tables", "figures"):
        (out / name).mkdir(parents=True, exist_ok=True)
    tables = all_tables(frame, exclude, on)
    if prices:
        tables = [
            (group, [*found, *more]) for (group, found), (_, more) in zip(tables, repriced(frame, prices, exclude, on))
        ]
    drawn = [figures for _, figures in draw_all(frame, out / "figures", exclude, on)]
    groups = [(group, found, figures) for (group, found), figures in zip(tables, drawn)]
    text = compose(
        frame, root, out, groups, overview(frame, exclude, on), evaluate(root, prices, frame=frame), on, exclude, words
    )
    write_atomic(out / NAME, text.encode())
    return out / NAME


def repriced(frame, prices, exclude, on):
    """[(Group, [Table])] of what has hours in it, at prices measured elsewhere; their titles say so."""
    from results.analysis.repricing import MARK, priced
    from results.tables import all_tables

    return [
        (group, [table if MARK in table.title else replace(table, title=f"{table.title}, {MARK}") for table in tables])
        for group, tables in all_tables(priced(frame, prices), exclude, on, only=("costs", "hours"))
    ]


def compose(frame, root, out, groups, across, claims, on="test", exclude=(), words=()):
    """The page as text; writes its tables' CSVs. ``groups``: [(Group, [Table], [Figure])]; ``across``: [Table] of all of them side by side;
    ``claims``: [Claim]; the rest as in ``write``.
    """
    from results.analysis.comparisons import groups as split

    rows = [part for _, part in split(frame)]
    gaps = [
        {baseline: differences(part, baseline, on) for baseline in BASELINES} if tables else {}
        for part, (_, tables, _) in zip(rows, groups)
    ]
    leads = [headline.told(part, gap, on, exclude) for part, gap in zip(rows, gaps)]
    results = [
        comparison(number, len(groups), group, lead, caveats.of_group(group, part, gap, on), figures, tables, out)
        for number, ((group, tables, figures), part, gap, lead) in enumerate(zip(groups, rows, gaps, leads), 1)
    ]
    sections = [
        *results,
        *beside(across, out),
        *verdicts(claims, [group.title for group, _, _ in groups], out),
        *theory(root, out),
        making(frame, root, out, on, exclude, words),
    ]
    if len(groups) == 1:
        return page.page(
            leads[0][0],
            f"{PROJECT} · {groups[0][0].title}",
            page.bullets([*leads[0][1], *tally(claims)], "facts"),
            sections,
        )
    items = "".join(
        f'<li><a href="#{section.anchor}">{page.words(group.title)}</a>: {page.words(lead)}</li>'
        for section, (group, _, _), (lead, _) in zip(results, groups, leads)
    )
    lead = f'<ul class="facts">{items}</ul>' + page.bullets(tally(claims), "facts")
    return page.page(QUESTION, f"{PROJECT} · {len(groups)} comparisons", lead, sections)


def comparison(number, of, group, lead, remarks, figures, tables, out):
    """The section of one comparison: words, what to keep in mind, figures, tables."""
    from results.tables.words import conditions

    shared, prefix, parts = conditions(group), f"c{number}", []
    body = page.paragraphs([lead[0]]) + page.bullets(lead[1], "facts") if of > 1 else ""
    body += (
        page.paragraphs([shared])
        + page.heading(3, "To keep in mind", f"{prefix}-caveats")
        + page.bullets(remarks, "caveats")
    )
    if not tables and not figures:
        body += page.paragraphs(["No run of it is finished yet; `python -m benchmarks.status` says why."])
    for title, items, show in (("Figures", figures, page.figure), ("Tables", tables, shown(out))):
        if items:
            parts.append((title, f"{prefix}-{title.lower()}"))
            body += page.heading(3, *parts[-1])
        items = [
            replace(item, caption=item.caption.replace(shared, "").strip()) for item in items
        ]  # what all captions end with is told once
        for anchor, item in anchored(items, f"{prefix}-{title.lower()}"):
            body += show(item, anchor, out)
            parts.append((item.title, anchor))
    return Section(
        f"Comparison {number} of {of}: {group.title}" if of > 1 else "What came out", prefix, body, tuple(parts)
    )


def anchored(items, prefix):
    """[(anchor, item)] of things with a title; no anchor comes twice."""
    slugs = [page.slug(item.title) for item in items]
    again = [slugs[:place].count(name) for place, name in enumerate(slugs)]
    return [
        (f"{prefix}-{name}" + (f"-{count + 1}" if count else ""), item)
        for name, count, item in zip(slugs, again, items)
    ]


def shown(out, level=4):
    """The function that gives the HTML of a table and writes its CSV."""
    return lambda table, anchor, folder=out: page.table(table, anchor, level, stored(table, anchor, folder))


def beside(tables, out):
    """The section of tables that go across comparisons, with what the paper printed set apart in them."""
    if not tables:
        return []
    found = anchored(tables, "across")
    return [
        Section(
            "Side by side, and beside the paper",
            "across",
            "".join(shown(out, 3)(table, anchor) for anchor, table in found),
            tuple((table.title, anchor) for anchor, table in found),
        )
    ]


def verdicts(claims, titles, out):
    """The section of the claims. ``titles`` of the comparisons: with one only, no claim repeats it."""
    if not claims:
        return []
    from results.claims import effects

    claims = [replace(claim, sweep=re.sub(r"\s*\b(root|out)=\S+", "", claim.sweep)) for claim in claims]
    write_atomic(
        out / "tables" / "claims.csv",
        effects(claims).to_csv(index=False, lineterminator="\n", float_format="%.10g").encode(),
    )
    if len(titles) == 1:
        claims = [replace(claim, where="") if claim.where in titles else claim for claim in claims]
    cards = [(claim, page.slug(f"claim {claim.id} {claim.where}")) for claim in claims]
    body = (
        f"<p>{page.words(f'{tally(claims)[0]} {FIXED}')}{page.sources({'CSV': 'tables/claims.csv'})}</p>"
        + page.glance(cards)
    )
    body += "".join(page.claim(*card) for card in cards)
    parts = tuple((f"{claim.id} {page.SIGNS[claim.verdict]} {claim.claim}", anchor) for claim, anchor in cards)
    return [Section("Claims", "claims", body, parts)]


def tally(claims):
    """[the sentence that counts verdicts], or []."""
    if not claims:
        return []
    met = Counter(claim.verdict for claim in claims)
    counts = ", ".join(f"{met[verdict]} {verdict}" for verdict in page.SIGNS if met[verdict])
    return [f"Of {len(claims)} verdicts on the paper's claims: {counts}."]


def theory(root, out):
    """The section of the theory, where its ledger is under the root."""
    from results.analysis import theory as numbers
    from results.figures import theory as figures

    records = numbers.read(root / numbers.NAME)
    opened = [record for record in records if record["kind"] == "open"]
    if not opened:
        return []
    found = anchored(figures.draw(records, None, out / "figures"), "theory")
    body = page.command(made.typed("theory", opened[-1]["argv"])) + page.command(numbers.told(records))
    body += "".join(page.figure(figure, anchor, out, level=3) for anchor, figure in found)
    return [
        Section(
            "The theory beside simulation", "theory", body, tuple((figure.title, anchor) for anchor, figure in found)
        )
    ]


def making(frame, root, out, on, exclude, words):
    """The section on how it was made, with all numbers of the comparisons unrounded."""
    from results.tables.csv import tidy

    write_atomic(
        out / "tables" / "numbers.csv",
        tidy(frame, exclude, on).to_csv(index=False, lineterminator="\n", float_format="%.10g").encode(),
    )
    sweeps, alone = made.commands(frame, root)
    body = page.paragraphs(
        [
            "These commands, in a checkout of the commit below and with `root=ROOT` for where the runs shall lie, and then the "
            "last one, make it again."
        ]
    )
    for text, runs, done in sweeps:
        body += page.command(text) + page.bullets([f"{done} of its {runs} runs are finished."])
    if alone:
        body += page.folded(f"{len(alone)} runs that no remembered sweep planned", page.command("\n".join(alone)))
    body += page.command(made.typed("report", ["ROOT", *words]))
    body += "".join(shown(out, 3)(table, anchor) for anchor, table in anchored(made.tables(frame), "made"))
    body += page.bullets([made.own_versions(), *caveats.of_code(frame)], "caveats")
    body += f"<p>Accuracies, differences and costs of all arms and scales, unrounded:{page.sources({'CSV': 'tables/numbers.csv'})}</p>"
    return Section("How it was made", "made", body)


def stored(table, anchor, out):
    """Write the cells of a table as CSV; returns its address relative to the page."""
    buffer, starts, part = io.StringIO(), dict(table.parts), ""
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*(["part"] if starts else []), *table.columns])
    for number, row in enumerate(table.rows):
        part = starts.get(number, part)
        writer.writerow([cell.replace("`", "") for cell in [*([part] if starts else []), *row]])
    name = f"tables/{anchor}.csv"
    write_atomic(out / name, buffer.getvalue().encode())
    return name
