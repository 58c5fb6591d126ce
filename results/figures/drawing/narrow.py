"""A figure once more for a small screen: the same panels below each other, as wide as a phone, with text that can be
read there.

Nothing is drawn anew: the panels of a finished drawing are moved. The page that shows them has title and caption of its
own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import ceil
from typing import Any

WIDTH = 3.7  # inches: 355 pixels, as many as a phone has beside its margins
_wanted = ContextVar("narrow", default=False)


@contextmanager
def also_narrow() -> Iterator[None]:
    """Inside of it, every figure that is saved is saved once more for a small screen."""
    token = _wanted.set(True)
    try:
        yield
    finally:
        _wanted.reset(token)


def is_wanted(drawing: Any) -> bool:
    """Shall this drawing be stacked: is it asked for, and too wide as it is?"""
    return _wanted.get() and drawing.get_figwidth() > WIDTH


def stack(drawing: Any) -> None:
    """Move the panels of a drawing below each other, as many beside each other as fit, and its legends under them."""
    from matplotlib.gridspec import GridSpec

    for text in [*drawing.texts]:
        text.remove()
    drawing._suptitle = None  # or the layout keeps room for it
    panels = [axes for axes in drawing.axes if axes.get_subplotspec() is not None]
    rows, columns = panels[0].get_subplotspec().get_gridspec().get_geometry()
    ratios = panels[0].get_subplotspec().get_gridspec().get_height_ratios() or [1] * rows
    across = max(1, min(columns, round(WIDTH * columns / drawing.get_figwidth())))
    blocks = ceil(columns / across)
    grid = GridSpec(rows * blocks, across, figure=drawing, height_ratios=[*ratios] * blocks)
    shrunk = min(1.0, 1.15 * (WIDTH / across) / (drawing.get_figwidth() / columns))
    height = blocks * drawing.get_figheight() * shrunk
    for axes in panels:
        move(axes, panels, grid, across, rows)
    lines = sum(legend_below(drawing, legend) for legend in [*drawing.legends])
    lines += sum(legend_below(axes, axes.get_legend(), is_panel=True) for axes in panels if is_outside(axes))
    drawing.set_size_inches(WIDTH, height + 0.2 * lines)


def move(axes: Any, panels: list, grid: Any, across: int, rows: int) -> None:
    """One panel to its new place; the first of each new row has the numbers and the name of its y axis."""
    place = axes.get_subplotspec()
    row, column = place.rowspan.start, place.colspan.start
    if column and column % across == 0:
        first = next(one for one in panels if one.get_subplotspec() in (place,) or same_row(one, row))
        if not axes.get_ylabel():
            axes.set_ylabel(first.get_ylabel())
        axes.tick_params(labelleft=True)
    axes.set_subplotspec(grid[(column // across) * rows + row, column % across])


def same_row(axes: Any, row: int) -> bool:
    """Is it the first panel of a row, where it was or where it has been moved to?"""
    return axes.get_subplotspec().rowspan.start == row and axes.get_subplotspec().colspan.start == 0


def is_outside(axes: Any) -> bool:
    """Has a panel a legend right of it, or under it?"""
    legend = axes.get_legend()
    if legend is None:
        return False
    anchor = legend.get_bbox_to_anchor().transformed(axes.transAxes.inverted())
    return anchor.x0 > 1 or anchor.y0 < 0


def legend_below(owner: Any, legend: Any, is_panel: bool = False) -> int:
    """The same legend under the panels; returns its lines."""
    labels = [text.get_text() for text in legend.get_texts()]
    title, handles = legend.get_title().get_text(), legend.legend_handles
    where: dict[str, Any] = {"loc": "outside lower left"}
    if is_panel:
        where = {"loc": "upper left", "bbox_to_anchor": (-0.1, -0.2)}
    legend.remove()
    style = {"frameon": False, "fontsize": 8, "title_fontsize": 8, "alignment": "left"}
    owner.legend(handles, labels, title=title, **where, **style)
    return sum(1 + label.count("\n") for label in [*labels, title])
