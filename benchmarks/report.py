"""One page with everything the runs under a folder show.

    python -m benchmarks.report [root]                  writes <root>/report/report.html; tables and figures beside it
    python -m benchmarks.report results/runs out=paper seed=0..4 prices=digits-unet
    python -m benchmarks.report mine/runs theirs/runs open=yes

Headline, claims, figures, tables, and how it was made. The page stands on its own: no network, no script; styles,
figures and tables are in it. It is readable on a phone, in the dark and on paper. The same runs, versions and fonts
give the same bytes. Beside it: tables/ (CSV) and figures/ (SVG, PNG, CSV). Hours re-priced by ``prices`` stand beside
the measured ones and are marked; theory/ of ``benchmarks.theory`` under the root is shown too.
"""

import sys
from dataclasses import dataclass

from benchmarks import cli, opening
from benchmarks.study_options import MeasureOptions, study_of
from dp_common.config.options import option
from dp_common.errors import BadInput


@dataclass
class Options(MeasureOptions):
    """Keys of this application."""

    out: str = option("", "folder to write to; ./report with several roots", place=True, shown="<root>/report")
    open: bool = option(False, "open the page in the browser, where there is a display")


def main(argv: list[str]) -> int:
    """Write the page; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    from results import report

    prices = options.load_prices()
    study = study_of(options)
    if not study.comparisons:
        raise BadInput("root", options.shown_roots(), "holds no runs of a strategy")
    study = study.with_(options.on, options.exclude)
    out = cli.writable_folder("out", options.folder("report"))
    chosen = cli.as_words(options, ("seed", "on", "exclude", "prices", "code"))
    path = report.write(study, options.theory_root(), out, prices, chosen)
    size = path.stat().st_size / 1e6
    print(f"one page of {size:.1f} MB, which stands on its own; tables/ and figures/ beside it", file=sys.stderr)
    opening.written([path])
    if options.open:
        opening.show(path)
    return 0


if __name__ == "__main__":
    cli.guarded(main)
