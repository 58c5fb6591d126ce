"""Every figure of a comparison: SVG, PNG and the CSV it was drawn from, each a pure function of the ledgers.

One module is one figure, or a family of them, and is found by its folder::

    \"\"\"What the figure shows: the help.\"\"\"

    POSITION = 25  # among the figures of a report; without it the figure comes last

    def draw(comparison: Comparison, folder: Path) -> list[Figure]:
        ...  # [] where its data is not there

What figures share is in ``drawing``; the figures of a study of the theory, which have no comparison, are in ``theory``.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from dp_common.errors import BadInput, Problem, did_you_mean
from dp_common.files import write_atomic
from results.analysis.comparisons import Comparison
from results.analysis.study import Study
from results.discovery import modules_in
from results.figures.drawing.style import Figure

__all__ = ["Figure", "draw_all", "find", "modules", "names"]


def modules() -> list[ModuleType]:
    """The modules of all figures, in the order of a report."""
    return modules_in(sys.modules[__name__])


def names() -> list[str]:
    """What one types in ``figures=``: the modules' names, in the order of a report."""
    return [module.__name__.rpartition(".")[2].replace("_", "-") for module in modules()]


def find(chosen: Sequence[str] | None = None) -> list[ModuleType]:
    """The modules of these figures; all of them if none are named. Raises BadInput."""
    known = dict(zip(names(), modules()))
    for name in chosen or ():
        if name not in known:
            allowed = f"all, no, or some of {', '.join(known)}, by commas.{did_you_mean(name, known)}"
            raise BadInput("figures", name, allowed)
    return [module for name, module in known.items() if chosen is None or name in chosen]


def draw_all(study: Study, out: Path, chosen: Sequence[str] | None = None) -> list[tuple[Comparison, list[Figure]]]:
    """Draw all figures of all comparisons; the same runs give the same bytes.

    Args:
        study: whose comparisons are drawn.
        chosen: names of the figures; all without.
        out: an existing folder. Each comparison has a folder of its own in it, named after its group, and
            ``figures.md`` says what each figure shows.

    Returns:
        Each comparison with its figures; one whose data is not there is left out.

    Raises:
        BadInput: no finished run has an accuracy on the comparison's real set; a name is no figure's.
    """
    wanted = find(chosen)
    drawn = [
        (comparison, figures_of(comparison, Path(out) / comparison.group.slug, wanted))
        for comparison in study.comparisons
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


def figures_of(comparison: Comparison, folder: Path, wanted: Sequence[ModuleType]) -> list[Figure]:
    """Draw the figures of one comparison into ``folder``, which is made where there is something to draw."""
    if not len(comparison.done):
        return []
    return [figure for module in wanted for figure in drawn_by(module, comparison, folder)]


def drawn_by(module: ModuleType, comparison: Comparison, folder: Path) -> list[Figure]:
    """The figures of one module. Raises Problem, which names it, where it fails."""
    try:
        return list(module.draw(comparison, folder))
    except Problem:
        raise
    except Exception as error:
        raise Problem(f"figure {module.__name__} fails: {type(error).__name__}: {error}") from error
