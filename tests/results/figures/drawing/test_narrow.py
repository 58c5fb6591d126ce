"""Figures for a small screen: every panel inside of it, text that can be read, and only where it was asked for."""

import matplotlib.pyplot as plt
import pytest

from results.analysis.study import load
from results.figures import accuracy, dynamics, hours, modules
from results.figures.drawing import narrow
from tests.results.figures.histories import by_law, whole_study

READABLE = 9  # pixels of text on a phone
PHONE = 350  # pixels that a phone leaves for a picture


@pytest.fixture
def stacked(monkeypatch):
    """[(drawing, its texts and panels)] as they were when each was saved."""
    seen = []

    def savefig(drawing, path, **more):
        path.touch()
        if path.parent.name == "narrow":
            drawing.draw_without_rendering()
            seen.append(drawing)

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", savefig)
    monkeypatch.setattr(plt, "close", lambda drawing: None)
    yield seen
    monkeypatch.undo()
    plt.close("all")


def test_panels_are_inside_and_text_is_readable(make, tmp_path, stacked):
    comparison = whole_study(make).comparisons[0]
    with narrow.also_narrow():
        figures = [figure for module in modules() for figure in module.draw(comparison, tmp_path)]
    assert len(stacked) == len(figures) > 8
    for figure, drawing in zip(figures, stacked):
        assert figure.narrow.is_file() and figure.narrow.parent.name == "narrow"
        width = drawing.get_figwidth() * 96
        assert width == pytest.approx(narrow.WIDTH * 96)
        for axes in drawing.axes:
            box = axes.get_tightbbox().transformed(drawing.dpi_scale_trans.inverted())
            assert -0.05 < box.x0 and box.x1 < drawing.get_figwidth() + 0.3, figure.name
            assert axes.get_window_extent().height > 20, figure.name
        sizes = [text.get_fontsize() for text in drawing.findobj(lambda one: hasattr(one, "get_fontsize"))]
        assert min(sizes) * 96 / 72 * PHONE / width >= READABLE, figure.name


def test_panels_that_were_beside_each_other_are_below(make, tmp_path, stacked):
    by_law(make, "strategy=static")
    with narrow.also_narrow():
        accuracy.draw(load(make.root).single(), tmp_path)
    above, below = (axes.get_position() for axes in stacked[0].axes)
    assert above.y0 > below.y1 and above.x0 < 0.3 > below.x0


def test_the_first_of_each_row_says_what_its_axis_is(make, tmp_path, stacked):
    with narrow.also_narrow():
        dynamics.draw(whole_study(make).comparisons[0], tmp_path)
    (drawing,) = stacked
    left = [axes for axes in drawing.axes if axes.get_subplotspec().colspan.start == 0]
    assert len(left) == 9 and all(axes.get_ylabel() for axes in left)


def test_nobody_asked(make, tmp_path):
    by_law(make, "strategy=static")
    figures = [*accuracy.draw(load(make.root).single(), tmp_path), *hours.draw(load(make.root).single(), tmp_path)]
    assert figures and not any(figure.narrow for figure in figures) and not (tmp_path / "narrow").exists()
