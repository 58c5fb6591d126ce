"""Tables and figures of the runs under a folder.

    python -m benchmarks.table [root]                 prints the tables; writes table.md, .tex, .csv, cells.csv and figures to <root>/tables
    python -m benchmarks.table results/runs out=paper figures=no seeds=0..4
    python -m benchmarks.table tables=reach target=93 prices=results/measured/speed/digits-unet.csv

Keys:
    root=results/runs    folder of runs, at any depth; a bare word is the root too
    out=<root>/tables    folder to write to
    figures=yes          yes or no: draw accuracy against images generated, images kept and hours (SVG, PNG, CSV)
    seeds=all            only these seeds, such as 0..4 or 0,2,5; cells say which of them are missing
    on=test              the real set that accuracy is of: test, a shifted one, or monitor, on which choices are made
    exclude=none         phases left out of total hours, such as exclude=monitor or exclude=monitor,score
    tables=all           which, by commas; one whose data is not there is left out
                           table1     per task: method, counts, hours by phase, accuracy on every real set; published numbers below, apart
                           scale      accuracy, arm by scale
                           versus     paired differences to static and to dp omega=0
                           costs      images, iterations and hours by phase
                           hours      the accuracy that so many hours buy;  images: that so many generated images buy
                           reach      what an accuracy costs, and how many times less than static pays
                           ablations  one parameter, or one other key, changed: monitor, test and paired difference to the default
                           teachers   the same arm and scale with images of another teacher
    target=auto          accuracy in percent for tables=reach, or several by commas; auto: the best mean of static, and the best of its worst seed
    prices=none          a CSV of benchmarks.speed: hours are what the counts of work would have cost there, everywhere, and marked as such

table.csv has the numbers of scale, versus and costs in full, cells.csv every cell of every table as it is shown.
Runs that differ in budget, task, teacher, learner, monitor rule or any other key that is not compared stand in tables of
their own. Exit codes: 0 done, 2 bad input, 1 anything else, such as a damaged run, which is named.
"""

import sys
from pathlib import Path

from benchmarks.cli import guarded, runs_under, words_of
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput, did_you_mean

DEFAULTS = {
    "root": Runtime.root,
    "out": "",
    "figures": "yes",
    "seeds": "all",
    "on": "test",
    "exclude": "none",
    "tables": "all",
    "target": "auto",
    "prices": "none",
}


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__.strip())
        return
    given = parse(words)
    root = Path(given["root"])
    exclude = () if given["exclude"] == "none" else tuple(given["exclude"].split(","))
    from results.tables import NAMES

    only = tuple(given["tables"].split(",")) if given["tables"] != "all" else NAMES
    for name in only:
        if name not in NAMES:
            raise BadInput("tables", name, f"all, or some of {', '.join(NAMES)}, by commas.{did_you_mean(name, NAMES)}")
    targets = targets_of(given["target"])
    frame = repriced(runs_under(root, given["seeds"]), given["prices"])
    out = Path(given["out"]) if given["out"] else root / "tables"
    drawn = write(frame, out, given["figures"] == "yes", exclude, given["on"], only, targets)
    lines = [
        f"\nwritten to {out}: table.md, table.tex, table.csv, cells.csv",
        *(f"  {stem} (.svg .png .csv)" for stem in drawn),
    ]
    print("\n".join(lines), file=sys.stderr)


def parse(words):
    """Words -> {key: text}. Raises BadInput."""
    chosen = words_of(words, DEFAULTS)
    if chosen["figures"] not in ("yes", "no"):
        raise BadInput("figures", chosen["figures"], f"yes or no.{did_you_mean(chosen['figures'], ('yes', 'no'))}")
    return chosen


def targets_of(words):
    """ "93,95.5" -> (0.93, 0.955); "auto" -> (). Raises BadInput."""
    if words == "auto":
        return ()
    try:
        targets = tuple(float(word) / 100 for word in words.split(","))
    except ValueError:
        targets = (0.0,)
    if not all(0.01 <= target < 1 for target in targets):
        raise BadInput("target", words, "auto, or percent correct, such as 93 or 90,95.5")
    return targets


def repriced(frame, file):
    """The frame with its hours re-priced by a file of unit costs, or as it is."""
    if file == "none":
        return frame
    from results.analysis import repricing as prices

    return prices.priced(frame, prices.load(file))


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
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("out", out, f"cannot write there: {error.strerror}") from error
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
    guarded(main)
