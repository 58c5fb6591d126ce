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
    code=newest          newest or all: runs of one specification with several versions of a plugin's code stand apart
    prices=none          a CSV of benchmarks.speed: hours are what the counts of work would have cost there, everywhere, and marked as such

table.csv has the numbers of scale, versus and costs in full, cells.csv every cell of every table as it is shown.
Runs that differ in budget, task, teacher, learner, monitor rule or any other key that is not compared stand in tables of
their own. Exit codes: 0 done, 2 bad input, 1 anything else, such as a damaged run, which is named.
"""

import sys
from pathlib import Path

from benchmarks.cli import guarded, study_under, words_of
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
    "code": "newest",
}


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__.strip())
        return
    given = parse(words)
    root = Path(given["root"])
    exclude = () if given["exclude"] == "none" else tuple(given["exclude"].split(","))
    from results.tables import find

    names = None if given["tables"] == "all" else given["tables"].split(",")
    find(names)
    targets = targets_of(given["target"])
    study = repriced(study_under(root, given["seeds"], given["code"]), given["prices"]).with_(given["on"], exclude)
    out = Path(given["out"]) if given["out"] else root / "tables"
    drawn = write(study, out, given["figures"] == "yes", names, targets)
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


def repriced(study, file):
    """The study with its hours re-priced by a file of unit costs, or as it is."""
    if file == "none":
        return study
    from results.analysis import repricing

    return study.repriced(repricing.load(file))


def write(study, out, figures, names, targets):
    """Print the terminal tables and write the files; returns the names of the figures drawn."""
    from dp_common.files import write_atomic
    from results.tables import across_comparisons, of_comparisons
    from results.tables.cells import by_cell
    from results.tables.csv import as_csv, numbers

    found = of_comparisons(study, names, targets)
    if not found:
        raise BadInput("root", None, "holds no runs of a strategy")
    sections = [("All comparisons", across_comparisons(study, names), "")] if study.finished else []
    sections += [
        (f"Comparison {number} of {len(found)}: {one.title}", tables, "" if tables else why_none(one))
        for number, (one, tables) in enumerate(found, 1)
    ]
    texts = rendered([section for section in sections if section[1] or section[2]])
    print(texts.pop("terminal"))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("out", out, f"cannot write there: {error.strerror}") from error
    texts["table.csv"] = as_csv(numbers(study))
    texts["cells.csv"] = as_csv(by_cell((title, tables) for title, tables, _ in sections))
    for name, text in texts.items():
        write_atomic(out / name, text.encode())
    if not figures:
        return []
    from results.figures import draw_all

    paths = [figure.paths[0] for _, drawn in draw_all(study, out) for figure in drawn]
    return [path.relative_to(out).with_suffix("").as_posix() for path in paths]


def why_none(comparison):
    """Why a comparison has no table."""
    return (
        "None of these tables has its data here."
        if len(comparison.done)
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
