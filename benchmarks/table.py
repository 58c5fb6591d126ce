"""Tables and figures of the runs under a folder, or under several.

    python -m benchmarks.table [root ...]     prints the tables; writes them and figures to <root>/tables
    python -m benchmarks.table results/runs out=paper figures=no seed=0..4
    python -m benchmarks.table mine/runs theirs/runs           runs of several folders as one study, in ./tables
    python -m benchmarks.table figures=hardness                this figure and no table
    python -m benchmarks.table tables=reach target=93 prices=digits-unet

First the answer in plain sentences: guidance against static over all scales, its control, and errors at equal price.
Where tables are named, figures are drawn only if they are named too, and the other way round. Written are table.md,
.tex, .csv and cells.csv: table.csv has the numbers of scale, versus and costs in full, cells.csv every cell of every
table. A table or figure whose data is not there is left out. With ``prices`` hours are what the counts of work would
have cost there, everywhere, and marked as such. Runs that differ in budget, task, teacher, learner, monitor rule or any
other key that is not compared stand in tables of their own.
"""

import ast
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cli, folders, opening
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

    out: str = option("", "folder to write to; ./tables with several roots", place=True, shown="<root>/tables")
    figures: tuple[str, ...] = option(
        (), "which of those below, by commas; all, or no for none (SVG, PNG and CSV each)", unset="all", many=True
    )
    tables: tuple[str, ...] = option(
        (),
        "which of those below, or a file of your own such as ./mine.py, by commas; all, or no for none",
        unset="all",
        many=True,
    )
    open: bool = option(False, "open the folder that was written to in the browser, where there is a display")
    target: tuple[float, ...] = option(
        (),
        "percent correct for tables=reach, by commas; auto: the best mean of static, and the best of its worst seed",
        unset="auto",
        read=targets_of,
    )


def main(argv: Sequence[str]) -> int:
    """Print and write the tables; returns the exit code."""
    options = cli.parse(argv, Options, __doc__, choices_text)
    tables, figures = asked(options, argv)
    prices = options.load_prices()
    study = study_of(options)
    if prices:
        study = study.repriced(prices)
    study = study.with_(options.on, options.exclude)
    out = options.folder("tables")
    files = write(study, out, figures, tables, options.target)
    opening.written(files, ["benchmarks.report", *options.root] if tables is None else [])
    if options.open:
        opening.show(out)
    return 0


def asked(options: Options, argv: Sequence[str]) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """(tables, figures) to make: names, () for none, None for all. Raises BadInput."""
    from results import figures, tables

    named = {key: any(word.lstrip("-").startswith(f"{key}=") for word in argv) for key in ("tables", "figures")}
    chosen: dict[str, tuple[str, ...] | None] = {}
    for key, other, find in (("tables", "figures", tables.find), ("figures", "tables", figures.find)):
        names = getattr(options, key)
        if names in (("no",), ("none",)):
            chosen[key] = ()
        elif names in ((), ("yes",)):
            one_kind_only = (
                named[other] and not named[key] and getattr(options, other) not in ((), ("yes",), ("no",), ("none",))
            )
            chosen[key] = () if one_kind_only else None
        else:
            find(names)
            chosen[key] = names
    if chosen["tables"] == () == chosen["figures"]:
        raise BadInput("tables", "no", "with figures=no too there is nothing to make")
    return chosen["tables"], chosen["figures"]


def choices_text(overrides: list[str]) -> str:
    """The tables and figures there are, for ``--help``; none of them is imported."""
    from benchmarks.cli_help import table

    tables = []
    for path in folders.files("results.tables").values():
        constants = {
            target.id: node.value.value
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        if "NAME" in constants:
            tables.append((constants.get("POSITION", 1000), str(constants["NAME"]), folders.about(path)))
    figures = [(name, folders.sentence(path)) for name, path in folders.files("results.figures").items()]
    return "\n".join(["Tables:", "", *table([row[1:] for row in sorted(tables)]), "", "Figures:", "", *table(figures)])


def write(
    study: "Study",
    out: Path,
    figures: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    targets: Sequence[float] = (),
) -> list[Path]:
    """Print the terminal tables and write the files.

    Args:
        study: the runs.
        out: folder to write to.
        figures: names of those to draw; None for all.
        names: of the tables; None for all.
        targets: accuracies (fractions) whose cost is shown.

    Returns:
        The files written, of a figure its SVG.

    Raises:
        BadInput: there is nothing to show, or the folder cannot be written.
    """
    from dp_common.files import write_atomic
    from results.tables.cells import by_cell
    from results.tables.csv import as_csv, numbers

    texts: dict[str, str] = {}
    if names is None or names:
        sections = [*([] if names else in_words(study)), *sections_of(study, names, targets)]
        texts = rendered([section for section in sections if section[1] or section[2]])
        print(texts.pop("terminal"))
        texts["table.csv"] = as_csv(numbers(study))
        texts["cells.csv"] = as_csv(by_cell((heading, tables) for heading, tables, _ in sections))
    elif not study.comparisons:
        raise BadInput("root", None, "holds no runs of a strategy")
    cli.writable_folder("out", out)
    for name, text in texts.items():
        write_atomic(out / name, text.encode())
    files = [out / name for name in texts]
    if figures is None or figures:
        from results.figures import draw_all

        drawn = [figure for _, drawn in draw_all(study, out, figures) for figure in drawn]
        files += [figure.paths[0] for figure in drawn]
        if figures and not drawn:
            print(f"figures={','.join(figures)}: nothing to draw, its data is not among these runs", file=sys.stderr)
    return files


def in_words(study: "Study") -> "list[Section]":
    """The answer of each comparison in plain sentences; [] where no pair of runs is finished yet."""
    from results.tables import equal_error
    from results.tables import in_words as words
    from results.tables import league_words as league

    found = []
    for one in study.comparisons:
        lead = words.lead_arm(one)
        images = equal_error.sentences(one, lead) if lead else []
        found.append((one, [*words.sentences(one), *images, *words.price_sentences(one), *league.sentences(one)]))
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
    if comparison.is_variant and len(comparison.done):
        return (
            "None of these tables is of it alone: its arms stand in the league of another comparison, if that has one."
        )
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
