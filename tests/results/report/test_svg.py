"""SVGs in a page."""

from results.report import svg
from tests.results.report.pages import DRAWN, Page


def test_svgs_in_one_page_keep_their_ids_apart():
    one, two = (svg.embed(DRAWN, prefix, 'A "quoted" figure') for prefix in ("a", "b"))
    found = Page(one + two)
    assert sorted(found.ids) == ["a", "a-m1", "a-p1", "b", "b-m1", "b-p1"]  # figure_1 is referred to by nobody
    assert sorted(found.links) == ["#a-m1", "#b-m1"] and "url(#a-p1)" in one and "url(#p1)" not in one + two
    assert "#a *" in one and "<?xml" not in one and "metadata" not in one and "<!--" not in one and "72pt" not in one
    assert 'aria-label="A &quot;quoted&quot; figure"' in one and 'viewBox="0 0 72 36"' in one


def test_a_heavy_svg_gives_way_to_its_png():
    assert svg.inline(DRAWN.encode(), b"png", "a", "dots").startswith("<svg")
    heavy = svg.inline(DRAWN.encode() + b" " * svg.HEAVY, b"png", "a", "dots")
    assert heavy == '<img src="data:image/png;base64,cG5n" alt="dots">'
    assert svg.width_of(DRAWN.encode()) == 96
