"""The page: HTML of tables, figures, claims and words. Nothing here knows what a run is; nothing needs a network or a script."""

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from results.report.svg import inline, width_of

VALUE = re.compile(
    r"([+-]?[\d.,]+×?) ((?:\[[^\]]*\]|n=\d+)(?: n=\d+)?(?: \([^)]*\))?)( [↑↓])?"
)  # 91.2 [90.1, 92.3] n=4 (+1 short) ↑
LONG = 36  # letters of a cell from which on it may be broken into lines
SIGNS = {"confirmed": "✓", "refuted": "✗", "undecided": "?", "not run": "–"}


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading. ``body``: HTML; ``parts``: [(title, anchor)] of what is worth a line in the contents."""

    title: str
    anchor: str
    body: str
    parts: tuple = ()


def page(title, kicker, lead, sections):
    """The whole document. ``title`` plain text, ``lead`` HTML that stands before the contents."""
    style = (Path(__file__).parent / "style.css").read_text()
    entries = "".join(
        f'<li><a href="#{section.anchor}">{words(section.title)}</a>{sublist(section.parts)}</li>'
        for section in sections
    )
    body = "".join(
        f'<section aria-labelledby="{section.anchor}">{heading(2, section.title, section.anchor)}{section.body}</section>\n'
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
<p class="kicker">{words(kicker)}</p>
<h1>{words(title)}</h1>
{lead}
</header>
<nav aria-label="Contents"><h2>Contents</h2><ol>{entries}</ol></nav>
<main id="main">
{body}</main>
</body>
</html>
"""


def sublist(parts):
    return (
        "<ol>" + "".join(f'<li><a href="#{anchor}">{words(title)}</a></li>' for title, anchor in parts) + "</ol>"
        if parts
        else ""
    )


def heading(level, title, anchor):
    return f'<h{level} id="{anchor}">{words(title)} <a class="anchor" href="#{anchor}" aria-label="Link to this heading">#</a></h{level}>'


def paragraphs(texts):
    return "".join(f"<p>{words(text)}</p>" for text in texts)


def bullets(texts, kind="points"):
    return f'<ul class="{kind}">' + "".join(f"<li>{words(text)}</li>" for text in texts) + "</ul>" if texts else ""


def command(text):
    return f'<pre tabindex="0"><code>{escape(text)}</code></pre>'


def folded(summary, body):
    return f"<details><summary>{words(summary)}</summary>{body}</details>"


def words(text):
    """Plain text with `code` -> HTML, with the signs and spaces of a printed page."""
    pieces = re.split(r"`([^`]*)`", text)
    return "".join(
        f"<code>{escape(piece)}</code>" if odd % 2 else escape(typeset(piece)) for odd, piece in enumerate(pieces)
    )


def plain(text):
    return escape(typeset(text.replace("`", "")))


def typeset(text):
    """Minus signs before numbers, and no line break inside of 93.5 %, n = 5 and [0.1, 0.2]."""
    text = re.sub(r"(?<![\w.)\]−-])-(?=\d)", "−", text)
    text = re.sub(r"(?<=\d) (?=%)|(?<=\bn) (?== \d)|(?<=\bn =) (?=\d)", "\u00a0", text)
    return re.sub(r"\[([^\[\]]{1,24})\]", lambda found: found[0].replace(" ", "\u00a0"), text)


def slug(text):
    """For anchors and file names: letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def table(content, anchor, level=4, csv=None):
    """A ``results.tables.Table``; ``csv``: address of its cells, relative to the page. It scrolls inside its own box."""
    head = "".join(
        f'<th scope="col" class="{align}">{words(name)}</th>' for name, align in zip(content.columns, content.align)
    )
    parts, body, before = dict(content.parts), "", None
    for number, row in enumerate(content.rows):
        if number in parts:
            body += f'<tr class="part"><th colspan="{len(row)}" scope="rowgroup"><span>{words(parts[number])}</span></th></tr>'
        body += row_of(row, content.align, again=row[0] == before and number not in parts)
        before = row[0]
    return (
        f'<figure class="table">{heading(level, content.title, anchor)}'
        f'<div class="scroll" role="region" aria-labelledby="{anchor}" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{bullets(content.notes, 'notes')}"
        f"<figcaption>{words(content.caption)}{sources({'CSV': csv})}</figcaption></figure>\n"
    )


def row_of(row, align, again):
    """``again``: its head is that of the row above."""
    first, *rest = zip(row, align)
    return (
        f'<tr{" class=again" if again else ""}><th scope="row" class="{first[1]}">{cell(first[0])}</th>'
        + "".join(f'<td class="{side}{" long" * is_long(text)}">{cell(text)}</td>' for text, side in rest)
        + "</tr>"
    )


def is_long(text):
    return len(text) > LONG and not VALUE.fullmatch(text)


def cell(text):
    """The words of a cell; of a value with its interval, the value first and the rest under it."""
    found = VALUE.fullmatch(text)
    if not found:
        return words(text)
    value, interval, arrow = found.groups()
    return f'<b>{words(value)}{arrow or ""}</b> <span class="interval">{words(interval)}</span>'


def sources(addresses):
    """Links to the files that something was made from or is stored in: {name: address or None}."""
    links = [f'<a href="{escape(address)}">{name}</a>' for name, address in addresses.items() if address]
    return f' <span class="sources">{" · ".join(links)}</span>' if links else ""


def figure(content, anchor, folder, level=4):
    """A ``results.figures.Figure`` with its picture in the page; ``folder``: of the page, to which its files are named relatively.

    What stands in the caption is also what a screen reader hears of the picture. Wide pictures scroll inside their card on a phone.
    """
    by_kind = {path.suffix[1:].upper(): path for path in map(Path, content.paths)}
    svg, png = (by_kind[kind].read_bytes() if kind in by_kind else None for kind in ("SVG", "PNG"))
    picture = inline(svg, png, f"svg-{anchor}", content.title)
    natural = svg is not None and width_of(svg)
    size = f' style="--natural: {natural:.0f}px"' if natural else ""
    links = {kind: address(path, folder) for kind, path in by_kind.items()}
    return (
        f'<figure class="chart">{heading(level, content.title, anchor)}'
        f'<div class="card" role="region" aria-labelledby="{anchor}" tabindex="0"{size}>{picture}</div>'
        f"<figcaption>{words(content.caption)}{sources(links)}</figcaption></figure>\n"
    )


def address(path, folder):
    return Path(path).relative_to(folder).as_posix()


def glance(claims):
    """The claims in a line each: [(Claim, anchor)] -> HTML."""
    return (
        '<ul class="glance">'
        + "".join(
            f'<li class="{slug(content.verdict)}"><a href="#{anchor}">{content.id}</a> {words(content.claim)} '
            f"{badge(content)}</li>"
            for content, anchor in claims
        )
        + "</ul>"
    )


def badge(content):
    return f'<span class="verdict">{SIGNS[content.verdict]} {content.verdict}</span>'


def claim(content, anchor, level=3):
    """A ``results.claims.Claim`` as a card: verdict, the paper's effect beside ours, the rule, and what would decide it."""
    lines = [("The paper", content.paper), ("Here", content.ours or "—"), ("Why", content.why), ("Rule", content.rule)]
    terms = "".join(f"<dt>{name}</dt><dd>{words(text)}</dd>" for name, text in lines if text)
    decide = f"<dt>Would decide it</dt><dd>{command(content.sweep)}</dd>" if content.sweep else ""
    place = f'<p class="where">{words(content.where)}</p>' if content.where else ""
    return (
        f'<article class="claim {slug(content.verdict)}"><h{level} id="{anchor}"><span class="id">{content.id}</span> {words(content.claim)} '
        f"{badge(content)}</h{level}>{place}<dl>{terms}{decide}</dl></article>\n"
    )
