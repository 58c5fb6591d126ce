"""Every figure of a comparison: SVG, PNG and the CSV it was drawn from, each a pure function of the ledgers.

One module is one figure, or a family of them, and is found by its folder::

    \"\"\"What the figure shows: the help.\"\"\"

    POSITION = 25  # among the figures of a report; without it the figure comes last

    def draw(comparison: Comparison, folder: Path) -> list[Figure]:
        ...  # [] where its data is not there

What figures share is in ``drawing``; the figures of a study of the theory, which have no comparison, are in ``theory``.
"""

import sys
from pathlib import Path
from types import ModuleType

from dp_common.errors import Problem
from dp_common.files import write_atomic
from results.analysis.comparisons import Comparison
from results.analysis.study import Study
from results.discovery import modules_in
from results.figures.drawing.style import Figure

__all__ = ["Figure", "draw_all", "modules"]


def modules() -> list[ModuleType]:
    """The modules of all figures, in the order of a report."""
    return modules_in(sys.modules[__name__])


def draw_all(study: Study, out: Path) -> list[tuple[Comparison, list[Figure]]]:
    """Draw all figures of all comparisons; the same runs give the same bytes.

    Args:
        study: whose comparisons are drawn.
        out: an existing folder. Each comparison has a folder of its own in it, named after its group, and
            ``figures.md`` says what each figure shows.

    Returns:
        Each comparison with its figures; one whose data is not there is left out.

    Raises:
        BadInput: no finished run has an accuracy on the comparison's real set.
    """
    drawn = [
        (comparison, figures_of(comparison, Path(out) / comparison.group.slug)) for comparison in study.comparisons
    ]
    captions = [
        f"## {comparison.group.title}\n\nIn `{comparison.group.slug}/`:\n\n"
        + "\n\n".join(f"`{figure.name}`: **{figure.title}.** {figure.caption}" for figure in figures)
        for comparison, figures in drawn
        if figures
    ]
    if captions:
        write_atomic(Path(out) / "figures.md", ("\n\n".join(captions) + "\n").encode())
    return drawn


def figures_of(comparison: Comparison, folder: Path) -> list[Figure]:
    """Draw all figures of one comparison into ``folder``, which is made where there is something to draw."""
    if not len(comparison.done):
        return []
    return [figure for module in modules() for figure in drawn_by(module, comparison, folder)]


def drawn_by(module: ModuleType, comparison: Comparison, folder: Path) -> list[Figure]:
    """The figures of one module. Raises Problem, which names it, where it fails."""
    try:
        return list(module.draw(comparison, folder))
    except Problem:
        raise
    except Exception as error:
        raise Problem(f"figure {module.__name__} fails: {type(error).__name__}: {error}") from error
