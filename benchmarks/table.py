"""Tables and figures of the runs under a folder.

    python -m benchmarks.table [root]     prints the tables; writes table.md, .tex, .csv, cells.csv, figures to
    <root>/tables python -m benchmarks.table results/runs out=paper figures=no seed=0..4 python -m benchmarks.table
    tables=reach target=93 prices=digits-unet

Tables, of which one whose data is not there is left out:

    table1     per task: method, counts, hours by phase, accuracy on every real set; published numbers below, apart
    scale      accuracy, arm by scale
    versus     paired differences to static and to dp omega=0
    costs      images, iterations and hours by phase
    hours      the accuracy that so many hours buy;  images: that so many generated images buy
    reach      what an accuracy costs, and how many times less than static pays
    ablations  one parameter, or one other key, changed: monitor, test and paired difference to the default
    teachers   the same arm and scale with images of another teacher

table.csv has the numbers of scale, versus and costs in full, cells.csv every cell of every table. With ``prices`` hours
are what the counts of work would have cost there, everywhere, and marked as such. Runs that differ in budget, task,
teacher, learner, monitor rule or any other key that is not compared stand in tables of their own.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cli
from benchmarks.study_options import MeasureOptions, runs_of
from dp_common.config.options import option
from dp_common.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


def table_names() -> tuple[str, ...]:
    """Every table there is."""
    from results.tables import NAMES

    return NAMES


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
    tables: tuple[str, ...] = option((), "which tables", unset="all", many=True, choices=table_names)
    target: tuple[float, ...] = option(
        (),
        "percent correct for tables=reach, by commas; auto: the best mean of static, and the best of its worst seed",
        unset="auto",
        read=targets_of,
    )


def main(argv: list[str]) -> int:
    """Print and write the tables; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    frame = runs_of(options)
    if prices := options.load_prices():
        from results.analysis.repricing import priced

        frame = priced(frame, prices)
    out, names = options.folder("tables"), options.tables or table_names()
    drawn = write(frame, out, options.figures, options.exclude, options.on, names, options.target)
    lines = [
        f"\nwritten to {out}: table.md, table.tex, table.csv, cells.csv",
        *(f"  {stem} (.svg .png .csv)" for stem in drawn),
    ]
    print("\n".join(lines), file=sys.stderr)
    return 0


def write(frame, out, figures, exclude, on, only, targets):
    """Print the terminal tables and write the files; returns the names of the figures drawn."""
    from dp_common.files import write_atomic
    from results.figures import draw_all
    from results.tables import all_tables, overview
    from results.tables.csv import by_cell, tidy

    found = all_tables(frame, exclude, on, only, targets)
    if not found:
        raise BadInput("root", None, "holds no runs of a strategy")
    sections = [("All comparisons", overview(frame, exclude, on, only), "")] if frame["state"].eq("done").any() else []
    sections += [
        (f"Comparison {number} of {len(found)}: {group.title}", tables, "" if tables else why_none(frame, group))
        for number, (group, tables) in enumerate(found, 1)
    ]
    texts = rendered([section for section in sections if section[1] or section[2]])
    print(texts.pop("terminal"))
    cli.writable_folder("out", out)
    frames = {
        "table.csv": tidy(frame, exclude, on),
        "cells.csv": by_cell([(title, tables) for title, tables, _ in sections]),
    }
    texts |= {
        name: made.to_csv(index=False, lineterminator="\n", float_format="%.10g") for name, made in frames.items()
    }
    for name, text in texts.items():
        write_atomic(out / name, text.encode())
    return [figure.name for _, drawn in draw_all(frame, out, exclude, on) for figure in drawn] if figures else []


def why_none(frame, group):
    """Why a comparison has no table."""
    from results.analysis.comparisons import groups

    rows = next(rows for other, rows in groups(frame) if other == group)
    return (
        "None of these tables has its data here."
        if (rows["state"] == "done").any()
        else "No run of it is finished yet; python -m benchmarks.status says why."
    )


def rendered(sections):
    """{"terminal", "table.md", "table.tex": text} of [(heading, [Table], a line instead of tables)]."""
    from results.tables import render

    lines = {"terminal": [], "table.md": [], "table.tex": []}
    for heading, tables, instead in sections:
        rest = [instead] if instead else []
        lines["terminal"].append(
            f"{heading}\n{'═' * len(heading)}\n\n" + "\n\n\n".join([*map(render.text, tables), *rest])
        )
        lines["table.md"] += [f"## {heading}", *map(render.markdown, tables), *rest]
        lines["table.tex"] += [f"% {heading}", *map(render.latex, tables), *rest]
    joints = {"terminal": "\n\n\n"}
    return {
        name: joints.get(name, "\n\n").join(parts) + ("" if name == "terminal" else "\n")
        for name, parts in lines.items()
    }


if __name__ == "__main__":
    cli.guarded(main)
