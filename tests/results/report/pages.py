"""Pages of fabricated studies, and what a test asks of a page."""

import re
from html.parser import HTMLParser

from results import report
from results.analysis.study import load
from results.claims import Judgement
from results.figures import Figure
from results.report import headline, page
from results.tables import of_comparisons
from results.tables.table import Cell, Table

VOID = {"meta", "img", "br"}
SHAPES = (
    '<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="72pt" height="36pt" viewBox="0 0 72 36" '
    'xmlns="http://www.w3.org/2000/svg" version="1.1">'
)
DRAWN = f"""<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
{SHAPES}<metadata><rdf:RDF xmlns:dc="http://purl.org/dc/elements/1.1/"/></metadata>
 <defs><style type="text/css">*{{stroke-linejoin: round}}</style></defs>
 <g id="figure_1"><!-- 250 --><path id="m1" d="M 0 0
L 1 1"/><use xlink:href="#m1" x="3"/><g clip-path="url(#p1)"/></g>
 <defs><clipPath id="p1"><rect width="3" height="4"/></clipPath></defs></svg>"""
CLAIMS = [
    Judgement(
        "C1",
        "dp above static at every scale",
        "confirmed above, refuted below",
        "+2.0 points",
        "+1.10 [+0.20, +2.00] n=5 points",
        "undecided",
        "left open at 1k",
        "python -m benchmarks.sweep strategy=static,dp scale=1k root=/home/somebody/runs seed=0..9",
        "digits",
    ),
    Judgement(
        "C7",
        "growing patience equals fixed",
        "equivalence",
        "",
        "-3.00 [-3.50, -2.50] n=5 points",
        "refuted",
        "",
        "",
        "digits",
    ),
]


class Page(HTMLParser):
    """What a test asks of a page: ids, links, levels of headings, and that tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.levels, self.open, self.tags, self.images, self.boxes = [], [], [], [], [], [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[key] for key in ("href", "src", "xlink:href") if key in given]
        self.levels += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.images += [given.get("aria-label") or given.get("alt")] if tag in ("svg", "img") else []
        self.boxes += [self.open[-1][1].get("class")] if tag == "table" else []
        if tag not in VOID:
            self.open.append((tag, given))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, tag


def figure(folder, title, png=b"png", drawn=DRAWN):
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{page.slug(title)}.{ending}" for ending in ("svg", "png", "csv")]
    for path, content in zip(paths, (drawn.encode(), png, b"x,y\n")):
        path.write_bytes(content)
    return Figure(page.slug(title), title, f"What {title} shows, n=5, 95 % t-interval.", tuple(paths))


def composed(root, out, claims=CLAIMS, words=()):
    """The page of a root, with two figures that use the same ids."""
    for name in ("tables", "figures"):
        (out / name).mkdir(parents=True, exist_ok=True)
    study = load(root)
    shown = [
        report.Shown(
            one, tables, [figure(out / "figures", title) for title in ("One thing", "Another thing") if tables]
        )
        for one, tables in of_comparisons(study)
    ]
    across = [
        Table(
            "Table 1: digits",
            "Apart.",
            ["method", "test"],
            [[Cell("`dp`"), Cell("90.1 [89.0, 91.2] n=5", 90.1, 89.0, 91.2, 5)], [Cell("paper"), Cell("68.0", 68.0)]],
            "ll",
            (),
            ((0, "measured here"), (1, "as published")),
        )
    ]
    return report.compose(study, root, out, shown, across, claims, words)


def sentences(root):
    comparison = load(root).single()
    return headline.sentences(comparison, headline.gaps_of(comparison))
