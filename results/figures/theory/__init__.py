"""Figures of the theory, a pure function of the ledger that ``python -m benchmarks.theory`` writes (numbers:
``results.analysis.theory``).

Lines are limits, points simulations with 95 % t-intervals. Each figure is SVG, PNG and the CSV it was drawn from. One
module is one figure and is found by its folder; its files are named after it, with dashes::

    POSITION = 15  # among the figures
    TITLE = "..."
    MEANING = "..."  # what the caption says of it

    def numbers(lines: Lines) -> pd.DataFrame: ...  # the CSV
    def plot(plt, frame: pd.DataFrame, options: Options, lines: Lines): ...  # the drawing
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from dp_common.files import write_atomic
from results.analysis.theory import Record, loop_differences, of_study
from results.discovery import modules_in
from results.figures.drawing.style import Figure, as_csv, save, sheet
from results.figures.drawing.theory_lines import MODEL

HOW = (
    "Made by python -m benchmarks.theory; nothing is fitted. d = {d}, n = {n}, λ = {lam}, pruner's cosine ρ = {rho}, "
    "{repeats} repeats, seed {seed}."
)


def modules() -> dict[str, ModuleType]:
    """{stem of its files: module} of all figures of the theory, in the order of a report."""
    return {
        module.__name__.rpartition(".")[2].replace("_", "-"): module for module in modules_in(sys.modules[__name__])
    }


def draw(records: Sequence[Record], study: str | None, folder: Path) -> list[Figure]:
    """Draw all figures of a study, and write loop-differences.csv beside them; the same ledger gives the same bytes.

    Args:
        records: of the theory's ledger.
        study: its name; None: the latest begun.
        folder: an existing one.

    Raises:
        BadInput: there is no such study.
    """
    options, lines = of_study(records, study)
    texts = dict(options) | {key: ", ".join(f"{value:g}" for value in options[key]) for key in ("n", "lam")}
    model, how = MODEL.format(**options), HOW.format(**texts)
    figures = []
    with sheet() as plt:
        for name, module in modules().items():
            frame = module.numbers(lines)
            drawing = module.plot(plt, frame, options, lines)
            figures.append(save(drawing, frame, Path(folder) / name, module.TITLE, f"{model}. {module.MEANING} {how}"))
    write_atomic(Path(folder) / "loop-differences.csv", as_csv(loop_differences(lines)))
    return figures
