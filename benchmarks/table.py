"""Tables and figures of the runs under a folder.

    python -m benchmarks.table [root]     prints the tables; writes them and figures to <root>/tables
    python -m benchmarks.table results/runs out=paper figures=no seed=0..4
    python -m benchmarks.table tables=reach target=93 prices=digits-unet

First the answer in plain sentences: guidance against static over all scales, its control, and errors at equal price.
Written are table.md, .tex, .csv and cells.csv: table.csv has the numbers of scale, versus and costs in full,
cells.csv every cell of every table. A table whose data is not there is left out. With ``prices`` hours are what the
counts of work would have cost there, everywhere, and marked as such. Runs that differ in budget, task, teacher,
learner, monitor rule or any other key that is not compared stand in tables of their own.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cli
from benchmarks.study_options import MeasureOptions, study_of
from dp_common.config.options import option
from dp_common.errors import BadInput

if TYPE_CHECKING:
    from results.analysis.comparisons import Comparison
    from results.analysis.study import Study
    from results.tables import Table

    Section = tuple[str, list[Table], str]  # heading, tables, a line in their place


def targets_of(key: str, text: str) -> tuple[float, ...]:
    """Percentages by commas -> fractions: "93,95.5" -> (0.93, 0.955). Raises BadInput."""
    try:
        targets = tuple(float(part) / 100 for part in text.split(","))
    except ValueError:
        targets = (0.0,)
    if not all(0.01 <= target < 1 for target in targets):
        raise BadInput(key, text, "auto, or percent correct, such as 93 or 90,95.5")
    return targets


@dataclass
class Options(MeasureOptions):
    """Keys of this application."""

    out: str = option("", "folder to write to", place=True, shown="<root>/tables")
    figures: bool = option(True, "draw accuracy against images generated, kept and hours (SVG, PNG, CSV)")
    tables: tuple[str, ...] = option(
        (), "which of those below, or a file of your own such as ./mine.py, by commas", unset="all", many=True
    )
    target: tuple[float, ...] = option(
        (),
        "percent correct for tables=reach, by commas; auto: the best mean of static, and the best of its worst seed",
        unset="auto",
        read=targets_of,
    )


def main(argv: Sequence[str]) -> int:
    """Print and write the tables; returns the exit code."""
    options = cli.parse(argv, Options, __doc__, tables_text)
    from results.tables import find

    names = options.tables or None
    find(names)
    prices = options.load_prices()
    study = study_of(options)
    if prices:
        study = study.repriced(prices)
    study = study.with_(options.on, options.exclude)
    out = options.folder("tables")
    drawn = write(study, out, options.figures, names, options.target)
    lines = [
        f"\nwritten to {out}: table.md, table.tex, table.csv, cells.csv",
        *(f"  {stem} (.svg .png .csv)" for stem in drawn),
    ]
    print("\n".join(lines), file=sys.stderr)
    return 0


def tables_text(overrides: list[str]) -> str:
    """The tables there are, for ``--help``."""
    from benchmarks.cli_help import table
    from results.tables import help_lines

    return "\n".join(["Tables:", "", *table(help_lines())])


def write(
    study: "Study", out: Path, figures: bool, names: Sequence[str] | None = None, targets: Sequence[float] = ()
) -> list[str]:
    """Print the terminal tables and write the files.

    Args:
        study: the runs.
        out: folder to write to.
        figures: draw them too.
        names: of the tables; all by default.
        targets: accuracies (fractions) whose cost is shown.

    Returns:
        Names of the figures drawn.

    Raises:
        BadInput: there is nothing to show, or the folder cannot be written.
    """
    from dp_common.files import write_atomic
    from results.tables.cells import by_cell
    from results.tables.csv import as_csv, numbers

    sections = [*([] if names else in_words(study)), *sections_of(study, names, targets)]
    texts = rendered([section for section in sections if section[1] or section[2]])
    print(texts.pop("terminal"))
    cli.writable_folder("out", out)
    texts["table.csv"] = as_csv(numbers(study))
    texts["cells.csv"] = as_csv(by_cell((heading, tables) for heading, tables, _ in sections))
    for name, text in texts.items():
        write_atomic(out / name, text.encode())
    if not figures:
        return []
    from results.figures import draw_all

    return [figure.name for _, drawn in draw_all(study, out) for figure in drawn]


def in_words(study: "Study") -> "list[Section]":
    """The answer of each comparison in plain sentences; [] where no pair of runs is finished yet."""
    from results.tables import in_words as words

    found = [(one, [*words.sentences(one), *words.price_sentences(one)]) for one in study.comparisons]
    told = [(one, sentences) for one, sentences in found if sentences]
    return [
        ("The answer" + (f": {one.title}" if len(told) > 1 else ""), [], "\n\n".join(sentences))
        for one, sentences in told
    ]


def sections_of(study: "Study", names: Sequence[str] | None, targets: Sequence[float]) -> "list[Section]":
    """The tables across comparisons, then those of each. Raises BadInput."""
    from results.tables import across_comparisons, of_comparisons

    found = of_comparisons(study, names, targets)
    if not found:
        raise BadInput("root", None, "holds no runs of a strategy")
    sections: list[Section] = []
    if study.finished:
        sections.append(("All comparisons", across_comparisons(study, names), ""))
    for number, (comparison, tables) in enumerate(found, 1):
        heading = f"Comparison {number} of {len(found)}: {comparison.title}"
        sections.append((heading, tables, "" if tables else why_none(comparison)))
    return sections


def why_none(comparison: "Comparison") -> str:
    """Why a comparison has no table."""
    if len(comparison.done):
        return "None of these tables has its data here."
    return "No run of it is finished yet; python -m benchmarks.status says why."


def rendered(sections: "list[Section]") -> dict[str, str]:
    """{"terminal", "table.md", "table.tex": text} of sections."""
    from results.tables import render

    terminal, markdown, latex = [], [], []
    for heading, tables, instead in sections:
        rest = [instead] if instead else []
        underlined = f"{heading}\n{'═' * len(heading)}"
        terminal.append(f"{underlined}\n\n" + "\n\n\n".join([*map(render.text, tables), *map(render.wrapped, rest)]))
        markdown += [f"## {heading}", *map(render.markdown, tables), *rest]
        latex += [f"% {heading}", *map(render.latex, tables), *map(render.escape, rest)]
    return {
        "terminal": "\n\n\n".join(terminal),
        "table.md": "\n\n".join(markdown) + "\n",
        "table.tex": "\n\n".join(latex) + "\n",
    }


if __name__ == "__main__":
    cli.guarded(main)
