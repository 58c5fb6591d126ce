"""Prose, cells and captions as HTML."""

from dataclasses import replace
from pathlib import Path

from results.report import page
from results.tables.table import Cell
from tests.results.report.pages import DRAWN, Page, figure


def test_words_and_cells():
    assert (
        page.prose("`dp omega=0` gained -0.4 [-1.2, 0.4], n = 5 <b>")
        == "<code>dp omega=0</code> gained −0.4 [−1.2,\u00a00.4], n\u00a0=\u00a05 &lt;b&gt;"
    )
    assert page.prose("2026-01-02 a-1 93.5 %") == "2026-01-02 a-1 93.5\u00a0%"
    assert (
        page.cell_html(Cell("+1.31 [+0.40, +2.22] n=5 (+1 short) ↑", 1.31, 0.4, 2.22, 5, "above"))
        == '<b>+1.31 ↑</b> <span class="interval">[+0.40,\u00a0+2.22] n=5 (+1 short)</span>'
    )
    few = page.cell_html(Cell("12,500 n=3 (+2 never)", 12500, n=3))
    assert few == '<b>12,500</b> <span class="interval">n=3 (+2 never)</span>'
    assert page.cell_html(Cell("—(2/5)")) == "—(2/5)" and page.cell_html(Cell("`static`")) == "<code>static</code>"
    assert page.cell_html(Cell("12,500", 12500)) == "12,500"  # a count is told with nothing


def test_a_caption_has_four_lines_and_the_rest_unfolds():
    short = "Accuracy on test against images. Dots: runs."
    assert page.split_caption(short) == (short, "") and "<details>" not in page.caption(short, {})
    first, rest = page.split_caption(" ".join(f"Sentence {n} says what it says of the picture." for n in range(30)))
    assert len(first) <= page.FOUR_LINES and first.endswith("picture.") and rest.startswith("Sentence")
    whole = page.caption(f"{first} {rest}", {"CSV": "a.csv"})
    assert whole.index("a.csv") < whole.index("<details>") and "Sentence 29" in whole


def test_of_a_wide_and_a_narrow_picture_one_is_shown(tmp_path):
    """Both are in the page, each with ids of its own; the style sheet shows one by the width of the screen."""
    wide = figure(tmp_path, "One thing")
    (tmp_path / "narrow.svg").write_text(DRAWN)
    html = page.figure(replace(wide, narrow=tmp_path / "narrow.svg"), "c1-one", tmp_path)
    found = Page(html)
    assert len(found.ids) == len(set(found.ids)) and found.images == ["One thing", "One thing"]
    assert 'class="card wide"' in html and 'class="card narrow"' in html
    assert "narrow" not in page.figure(wide, "c1-one", tmp_path)
    style = (Path(page.__file__).parent / "style.css").read_text()
    on_phones = style[style.index("@media screen and (max-width") :]
    assert ".card.narrow { display: none; }" in style and ".card.wide { display: none; }" in on_phones
