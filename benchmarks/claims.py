"""The paper's claims, confirmed or refuted by the runs under a folder.

    python -m benchmarks.claims [root]                prints the verdicts; writes claims.md, .tex, .csv to <root>/claims
    python -m benchmarks.claims results/runs out=paper prices=results/measured/speed/digits-unet.csv

Each of ten claims is confirmed, refuted, undecided at this n, or not run; with the paper's effect beside ours, what the verdict
rests on, the rule it follows, and the sweep that would decide it. Verdicts are of one comparison each: runs of other budgets, tasks or teachers
have their own. Those on the theory read the ledger of ``python -m benchmarks.theory`` under the same root. Nothing is run.

Keys:
    root=results/runs    folder of runs, at any depth; a bare word is the root too
    out=<root>/claims    folder to write to; claims.csv has every effect at every scale
    seeds=all            only runs of these seeds, such as 0..4 or 0,2,5; the theory's simulations stay as they are
    prices=none          unit costs as benchmarks.speed writes them; on the mixture teacher hours count only re-priced (C4)

Exit codes: 0 done, 2 bad input, 1 anything else, such as a damaged run, which is named.
"""

import sys
from pathlib import Path

from benchmarks.cli import guarded, study_under, words_of
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput

DEFAULTS = {"root": Runtime.root, "out": "", "seeds": "all", "prices": "none"}


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__.strip())
        return
    given = words_of(words, DEFAULTS)
    from results import claims
    from results.analysis import repricing as prices

    known = None if given["prices"] == "none" else prices.load(given["prices"])
    study = None if given["seeds"] == "all" else study_under(given["root"], given["seeds"])
    found = claims.evaluate(given["root"], known, study=study)
    out = Path(given["out"]) if given["out"] else Path(given["root"]) / "claims"
    write(found, out)
    print(f"\nwritten to {out}: claims.md, claims.tex, claims.csv", file=sys.stderr)


def write(found, out):
    """Print the table and write the files."""
    from dp_common.files import write_atomic
    from results import claims
    from results.tables import render

    table = claims.table(found)
    print(render.text(table))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("out", out, f"cannot write there: {error.strerror}") from error
    write_atomic(out / "claims.md", (render.markdown(table) + "\n").encode())
    write_atomic(out / "claims.tex", (render.latex(table) + "\n").encode())
    write_atomic(
        out / "claims.csv",
        claims.effects(found).to_csv(index=False, lineterminator="\n", float_format="%.10g").encode(),
    )


if __name__ == "__main__":
    guarded(main)
