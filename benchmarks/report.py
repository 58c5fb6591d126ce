"""One page with everything the runs under a folder show: headline, claims, figures, tables, and how it was made.

    python -m benchmarks.report [root]                  writes <root>/report/report.html; tables and figures beside it
    python -m benchmarks.report results/runs out=paper seeds=0..4 prices=results/measured/speed/digits-unet.csv

The page stands on its own: no network, no script; styles, figures and tables are in it. It is readable on a phone, in the dark and on
paper. The same runs, versions and fonts give the same bytes.

Keys:
    root=results/runs    folder of runs, at any depth, with theory/ of benchmarks.theory if that was run; a bare word is the root too
    out=<root>/report    folder to write to: report.html, tables/ (CSV), figures/ (SVG, PNG, CSV)
    seeds=all            only these seeds, such as 0..4 or 0,2,5; cells say which of them are missing
    on=test              the real set that accuracy is of: test, a shifted one, or monitor, on which choices are made
    exclude=none         phases left out of total hours, such as exclude=monitor or exclude=monitor,score
    prices=none          a file of unit costs as benchmarks.speed writes it: hours re-priced at them, marked as such, stand beside measured ones

Exit codes: 0 done, 2 bad input, 1 anything else, such as a damaged run, which is named.
"""

import sys
from pathlib import Path

from benchmarks.cli import guarded, study_under, words_of
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput

DEFAULTS = {"root": Runtime.root, "out": "", "seeds": "all", "on": "test", "exclude": "none", "prices": "none"}


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__.strip())
        return
    given = words_of(words, DEFAULTS)
    root = Path(given["root"])
    out = Path(given["out"]) if given["out"] else root / "report"
    from results import report
    from results.analysis import repricing as prices

    unit_costs = None if given["prices"] == "none" else prices.load(given["prices"])
    study = study_under(root, given["seeds"])
    if not study.comparisons:
        raise BadInput("root", root, "holds no runs of a strategy")
    typed = [f"{key}={given[key]}" for key in ("seeds", "on", "exclude", "prices") if given[key] != DEFAULTS[key]]
    exclude = () if given["exclude"] == "none" else tuple(given["exclude"].split(","))
    study = study.with_(given["on"], exclude)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("out", out, f"cannot write there: {error.strerror}") from error
    path = report.write(study, root, out, unit_costs, typed)
    print(
        f"written to {out}: {path.name} ({path.stat().st_size / 1e6:.1f} MB, stands on its own), tables/, figures/",
        file=sys.stderr,
    )


if __name__ == "__main__":
    guarded(main)
