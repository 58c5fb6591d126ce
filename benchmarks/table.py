"""Tables and figures of the runs under a folder.

    python -m benchmarks.table [root]                 prints the tables; writes table.md, .tex, .csv and figures to <root>/tables
    python -m benchmarks.table results/runs out=paper figures=no seeds=0..4

Keys:
    root=results/runs    folder of runs, at any depth; a bare word is the root too
    out=<root>/tables    folder to write to
    figures=yes          yes or no: draw accuracy against images generated, images kept and hours (SVG, PNG, CSV)
    seeds=all            only these seeds, such as 0..4 or 0,2,5; cells say which of them are missing
    on=test              the real set that accuracy is of: test, a shifted one, or monitor, on which choices are made
    exclude=none         phases left out of total hours, such as exclude=monitor or exclude=monitor,score

Runs that differ in budget, task, teacher, learner, monitor rule or any other key that is not compared stand in tables of
their own. Exit codes: 0 done, 2 bad input, 1 anything else, such as a damaged run, which is named.
"""

import sys
from pathlib import Path

from benchmarks.cli import guarded
from dp_common import grid
from dp_common.errors import BadInput, did_you_mean
from dp_common.spec import Runtime

DEFAULTS = {"root": Runtime.root, "out": "", "figures": "yes", "seeds": "all", "on": "test", "exclude": "none"}


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__.strip())
        return
    given = parse(words)
    root, seeds = Path(given["root"]), seeds_of(given["seeds"])
    exclude = () if given["exclude"] == "none" else tuple(given["exclude"].split(","))
    from results.load import load

    frame = load(root)
    if seeds is not None:
        frame = frame[frame["seed"].isin(seeds)]
        if not len(frame):
            raise BadInput("seeds", given["seeds"], f"no run under {root} has such a seed")
    out = Path(given["out"]) if given["out"] else root / "tables"
    written = write(frame, out, given["figures"] == "yes", exclude, given["on"])
    drawn = sorted({path.stem for path in written if path.stem != "table"})
    lines = [f"\nwritten to {out}: table.md, table.tex, table.csv", *(f"  {stem} (.svg .png .csv)" for stem in drawn)]
    print("\n".join(lines), file=sys.stderr)


def parse(words):
    """Words -> {key: text}. Raises BadInput."""
    given = {}
    for word in words:
        key, _, value = word.partition("=") if "=" in word or word.startswith("-") else ("root", "=", word)
        if key not in DEFAULTS:
            raise BadInput(key, None, f"no such key.{did_you_mean(key, DEFAULTS)} Keys: {', '.join(DEFAULTS)}")
        if key in given:
            raise BadInput(key, value, f"given twice, first as {given[key]}")
        given[key] = value
    chosen = DEFAULTS | given
    if chosen["figures"] not in ("yes", "no"):
        raise BadInput("figures", chosen["figures"], f"yes or no.{did_you_mean(chosen['figures'], ('yes', 'no'))}")
    return chosen


def seeds_of(words):
    """"0..4,7" -> [0, 1, 2, 3, 4, 7]; "all" -> None. Raises BadInput."""
    if words == "all":
        return None
    seeds = grid.values_of("seeds", words)
    if not all(seed.isdigit() for seed in seeds):
        raise BadInput("seeds", words, "all, or numbers and ranges such as 0..4 or 0,2,5")
    return list(map(int, seeds))


def write(frame, out, figures, exclude, on):
    """Print the terminal tables and write the files; returns their paths."""
    from dp_common.files import write_atomic
    from results import render
    from results.figures import draw
    from results.groups import groups
    from results.tables import all_tables
    from results.tidy import tidy

    found = all_tables(frame, exclude, on)
    if not found:
        raise BadInput("root", None, "holds no runs of a strategy")
    texts = {"table.md": [], "table.tex": []}
    for number, (group, tables) in enumerate(found, 1):
        heading = f"Comparison {number} of {len(found)}: {group.title}"
        rest = [] if tables else ["No run of it is finished yet; python -m benchmarks.status says why."]
        print(("\n\n" if number > 1 else "") + f"{heading}\n{'═' * len(heading)}\n\n" + "\n\n\n".join([*map(render.text, tables), *rest]))
        texts["table.md"] += [f"## {heading}", *map(render.markdown, tables), *rest]
        texts["table.tex"] += [f"% {heading}", *map(render.latex, tables)]
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("out", out, f"cannot write there: {error.strerror}") from error
    for name, parts in texts.items():
        write_atomic(out / name, ("\n\n".join(parts) + "\n").encode())
    write_atomic(out / "table.csv", tidy(frame, exclude, on).to_csv(index=False, lineterminator="\n", float_format="%.10g").encode())
    drawn = [path for group, rows in groups(frame) for path in draw(rows, out, exclude, on, group)] if figures else []
    return [*(out / name for name in (*texts, "table.csv")), *drawn]


if __name__ == "__main__":
    guarded(main)
