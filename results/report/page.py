"""The page: HTML of tables, figures, claims and prose.

Nothing here knows what a run is; nothing needs a network or a script.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from results.claims import Judgement
from results.figures import Figure
from results.report.svg import inline, width_of
from results.tables.cell_texts import ARROWS
from results.tables.table import Cell, Table

LONG = 36  # letters of a cell from which on it may be broken into lines
LONG_NAME = 24  # letters of a row's name from which on it may be
FOUR_LINES = 230  # letters of a caption under its figure, on a phone too; what is beyond them unfolds
LONG_TITLE = 110  # letters from which on a title is set smaller
SIGNS = {"confirmed": "✓", "refuted": "✗", "undecided": "?", "not run": "–"}


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading.

    ``body``: HTML; ``parts``: (title, anchor) of what is worth a line in the contents; ``on_paper``: is it printed?
    The others are for the screen.
    """

    title: str
    anchor: str
    body: str
    parts: tuple[tuple[str, str], ...] = ()
    on_paper: bool = False


def page(title: str, kicker: str, lead: str, sections: Sequence[Section]) -> str:
    """The whole document. ``title`` plain text, ``lead`` HTML that stands before the contents."""
    style = (Path(__file__).parent / "style.css").read_text()
    entries = "".join(
        f'<li><a href="#{section.anchor}">{prose(section.title)}</a>{sublist(section.parts)}</li>'
        for section in sections
    )
    body = "".join(
        f'<section{" class=short" if section.on_paper else ""} aria-labelledby="{section.anchor}">'
        f"{heading(2, section.title, section.anchor)}"
        f"{section.body}</section>\n"
        for section in sections
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{plain(title)}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#main">Skip the contents</a>
<header>
<p class="kicker">{prose(kicker)}</p>
<h1{' class="long"' if len(title) > LONG_TITLE else ""}>{prose(title)}</h1>
{lead}
</header>
<nav aria-label="Contents"><h2>Contents</h2><ol>{entries}</ol></nav>
<main id="main">
{body}</main>
</body>
</html>
"""


def sublist(parts: Sequence[tuple[str, str]]) -> str:
    """The second level of the contents."""
    items = "".join(f'<li><a href="#{anchor}">{prose(title)}</a></li>' for title, anchor in parts)
    return f"<ol>{items}</ol>" if parts else ""


def heading(level: int, title: str, anchor: str) -> str:
    """A heading that can be linked to."""
    link = f'<a class="anchor" href="#{anchor}" aria-label="Link to this heading">#</a>'
    return f'<h{level} id="{anchor}">{prose(title)} {link}</h{level}>'


def paragraphs(texts: Sequence[str]) -> str:
    """A paragraph each."""
    return "".join(f"<p>{prose(text)}</p>" for text in texts)


def bullets(texts: Sequence[str], kind: str = "points") -> str:
    """A list; "" of nothing."""
    return f'<ul class="{kind}">' + "".join(f"<li>{prose(text)}</li>" for text in texts) + "</ul>" if texts else ""


def command(text: str) -> str:
    """What one types, or a terminal says."""
    return f'<pre tabindex="0"><code>{escape(text)}</code></pre>'


def folded(summary: str, body: str) -> str:
    """What unfolds under its summary."""
    return f"<details><summary>{prose(summary)}</summary>{body}</details>"


def prose(text: str) -> str:
    """Plain text with `code` -> HTML, with the signs and spaces of a printed page."""
    pieces = re.split(r"`([^`]*)`", text)
    return "".join(
        f"<code>{escape(piece)}</code>" if odd % 2 else escape(typeset(piece)) for odd, piece in enumerate(pieces)
    )


def plain(text: str) -> str:
    """The same without marks, for a title."""
    return escape(typeset(text.replace("`", "")))


def typeset(text: str) -> str:
    """Minus signs before numbers, and no line break inside of 93.5 %, n = 5 and [0.1, 0.2]."""
    text = re.sub(r"(?<![\w.)\]−-])-(?=\d)", "−", text)
    text = re.sub(r"(?<=\d) (?=%)|(?<=\bn) (?== \d)|(?<=\bn =) (?=\d)", "\u00a0", text)
    return re.sub(r"\[([^\[\]]{1,24})\]", lambda match: match[0].replace(" ", "\u00a0"), text)


def slug(text: str) -> str:
    """For anchors and file names: letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def table(content: Table, anchor: str, level: int = 4, csv: str | None = None) -> str:
    """A table; ``csv``: address of its cells, relative to the page. It scrolls inside its own box."""
    head = "".join(
        f'<th scope="col" class="{align}">{prose(name)}</th>' for name, align in zip(content.columns, content.align)
    )
    parts, body, before = dict(content.parts), "", None
    for number, row in enumerate(content.rows):
        if number in parts:
            title = f"<span>{prose(parts[number])}</span>"
            body += f'<tr class="part"><th colspan="{len(row)}" scope="rowgroup">{title}</th></tr>'
        body += row_html(row, content.align, again=row[0].text == before and number not in parts)
        before = row[0].text
    return (
        f'<figure class="table">{heading(level, content.title, anchor)}'
        f'<div class="scroll" role="region" aria-labelledby="{anchor}" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"{bullets(content.notes, 'notes')}{caption(content.caption, {'CSV': csv})}</figure>\n"
    )


def row_html(row: Sequence[Cell], align: str, again: bool) -> str:
    """A row. ``again``: its head is that of the row above."""
    name, *cells = row
    kind = f"{align[0]}{' name' * (len(name.text) > LONG_NAME)}"
    html = f'<tr{" class=again" if again else ""}><th scope="row" class="{kind}">{cell_html(name)}</th>'
    for cell, side in zip(cells, align[1:]):
        html += f'<td class="{side}{" long" * is_long(cell)}">{cell_html(cell)}</td>'
    return html + "</tr>"


def is_long(cell: Cell) -> bool:
    """Are these words that may be broken into lines?"""
    return len(cell.text) > LONG and not has_interval(cell)


def has_interval(cell: Cell) -> bool:
    """Is it a number of n replicates, told with what it is worth?"""
    return cell.n is not None and cell.value == cell.value and " " in cell.text


def cell_html(cell: Cell) -> str:
    """The text of a cell; of a number with its interval, the number first and the rest under it."""
    if not has_interval(cell):
        return prose(cell.text)
    arrow = ARROWS.get(cell.verdict, "")
    number, _, rest = cell.text.removesuffix(arrow).partition(" ")
    return f'<b>{prose(number)}{arrow}</b> <span class="interval">{prose(rest)}</span>'


def sources(addresses: Mapping[str, str | None]) -> str:
    """Links to the files that something was made from or is stored in: {name: address or None}."""
    links = [f'<a href="{escape(address)}">{name}</a>' for name, address in addresses.items() if address]
    return f' <span class="sources">{" · ".join(links)}</span>' if links else ""


def caption(text: str, addresses: Mapping[str, str | None]) -> str:
    """A caption of four lines at most, with links to files; its further sentences unfold."""
    first, rest = split_caption(text)
    more = folded("more on what is shown", f"<p>{prose(rest)}</p>") if rest else ""
    return f"<figcaption>{prose(first)}{sources(addresses)}{more}</figcaption>"


def split_caption(text: str) -> tuple[str, str]:
    """The sentences that go into four lines, the first always, and the rest."""
    first, *others = re.split(r"(?<=[.:;]) (?=[A-Z])", text)
    while others and len(first) + len(others[0]) < FOUR_LINES:
        first += f" {others.pop(0)}"
    if len(first) > FOUR_LINES and (middle := first.rfind("; ", 0, FOUR_LINES)) > 0:
        rest = first[middle + 2 :]
        first, others = f"{first[:middle]}.", [rest[:1].upper() + rest[1:], *others]
    return first, " ".join(others)


def figure(content: Figure, anchor: str, folder: Path, level: int = 4) -> str:
    """A figure with its picture in the page; ``folder``: of the page, to which its files are named relatively.

    What stands in the title is also what a screen reader hears of the picture.
    """
    by_kind = {path.suffix[1:].upper(): path for path in map(Path, content.paths)}
    svg, png = (by_kind[kind].read_bytes() if kind in by_kind else None for kind in ("SVG", "PNG"))
    picture = inline(svg, png, f"svg-{anchor}", content.title)
    natural = width_of(svg) if svg is not None else None
    size = f' style="--natural: {natural:.0f}px"' if natural else ""
    links = {kind: path.relative_to(folder).as_posix() for kind, path in by_kind.items()}
    kind = "card" if picture.startswith("<svg") else "card photograph"
    cards = f'<div class="{kind}" role="region" aria-labelledby="{anchor}" tabindex="0"{size}>{picture}</div>'
    if content.narrow:  # one of the two is shown, by the width of the screen
        small = inline(content.narrow.read_bytes(), None, f"svg-{anchor}-narrow", content.title)
        cards = cards.replace('class="card', 'class="card wide') + f'<div class="card narrow">{small}</div>'
    return (
        f'<figure class="chart">{heading(level, content.title, anchor)}{cards}'
        f"{caption(content.caption, links)}</figure>\n"
    )


def glance(judgements: Sequence[tuple[Judgement, str]]) -> str:
    """The claims in a line each, from (judgement, anchor)."""
    items = "".join(
        f'<li class="{slug(one.verdict)}"><a href="#{anchor}">{one.id}</a> {prose(one.claim)} {badge(one)}</li>'
        for one, anchor in judgements
    )
    return f'<ul class="glance">{items}</ul>'


def badge(judgement: Judgement) -> str:
    """The verdict as a sign."""
    return f'<span class="verdict">{SIGNS[judgement.verdict]} {judgement.verdict}</span>'


def question(judgement: Judgement, anchor: str, place: str = "", level: int = 3) -> str:
    """An open question: what was asked, what came out. ``place``: the comparison, where there are several."""
    terms = {"Asked": judgement.rule, "What came out": judgement.ours, "Why": judgement.why}
    items = "".join(f"<dt>{name}</dt><dd>{prose(text)}</dd>" for name, text in terms.items() if text)
    where = f'<p class="where">{prose(place)}</p>' if place else ""
    title = f'<span class="id">{judgement.id}</span> {prose(judgement.claim)}? {badge(judgement)}'
    return (
        f'<article class="claim {slug(judgement.verdict)}"><h{level} id="{anchor}">{title}</h{level}>{where}'
        f"<dl>{items}</dl></article>\n"
    )


def claim(judgement: Judgement, anchor: str, level: int = 3) -> str:
    """A claim as a card: verdict, the paper's effect beside ours, the rule, and what would decide it."""
    terms = {"The paper": judgement.paper, "Here": judgement.ours or "—", "Why": judgement.why, "Rule": judgement.rule}
    list_items = "".join(f"<dt>{name}</dt><dd>{prose(text)}</dd>" for name, text in terms.items() if text)
    if judgement.sweep:
        list_items += f"<dt>Would decide it</dt><dd>{command(judgement.sweep)}</dd>"
    where = f'<p class="where">{prose(judgement.where)}</p>' if judgement.where else ""
    title = f'<span class="id">{judgement.id}</span> {prose(judgement.claim)} {badge(judgement)}'
    return (
        f'<article class="claim {slug(judgement.verdict)}"><h{level} id="{anchor}">{title}</h{level}>{where}'
        f"<dl>{list_items}</dl></article>\n"
    )
