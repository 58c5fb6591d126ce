"""Claims, the paper's (C) and open questions (D), judged by the runs under a folder.

    python -m benchmarks.claims [root]                prints the verdicts; writes claims.md, .tex, .csv to <root>/claims
    python -m benchmarks.claims results/runs out=paper prices=digits-unet scales=1k,4k,16k
    python -m benchmarks.claims results/runs seeds=8..23        judges these seeds by themselves, such as fresh ones
    python -m benchmarks.claims mine/runs theirs/runs            runs of several folders as one study

Each claim is confirmed, refuted, undecided, or not run, by a rule that is printed with it; beside it stand the paper's
effect and ours. Effects are means over scales per seed: over those of the most pairs of runs, or those of scales=,
which should be named before anything is looked at. What is undecided says its power, how many fresh seeds would decide
it with probability 80 % by simulating its rule, what hours they cost, and the commands; or that no affordable number
does. A study that is looked at on the way, at n = 8, 16 and 24, says looks=planned. Verdicts are of one comparison
each: runs of other budgets, tasks or teachers have their own. Those on the theory read the ledger of ``python -m
benchmarks.theory`` under the same root, whatever ``seed`` says. On the mixture teacher hours count only re-priced (C4).
claims.csv has every effect, at every scale too. Nothing is run.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import cli, opening
from benchmarks.study_options import StudyOptions, study_of
from dp_common.config.options import option
from dp_common.errors import BadInput

if TYPE_CHECKING:
    from results.claims.judging.claim import Judgement


@dataclass
class Options(StudyOptions):
    """Keys of this application."""

    out: str = option("", "folder to write to; ./claims with several roots", place=True, shown="<root>/claims")
    scales: tuple[int, ...] = option(
        (), "scales named beforehand, over which effects are pooled", unset="those of the most pairs", many=True
    )
    looks: str = option(
        "once", "once, or planned: n = 8, 16 and 24 with p-values of their own", choices=("once", "planned")
    )


def main(argv: list[str]) -> int:
    """Print and write the verdicts; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    from results import claims

    prices = options.load_prices()
    for root in options.root:
        cli.existing_folder("root", root)
    if options.out:
        cli.creatable_folder("out", options.out)
    place = options.theory_root()
    alone = len(options.root) == 1 and theory_alone(place)
    study = None if alone and not options.seed else study_of(options)
    if study is not None and options.scales and not set(options.scales) & set(study.runs["scale"].dropna()):
        raise BadInput(
            "scales", ",".join(map(str, options.scales)), f"no run under {options.shown_roots()} has such a scale"
        )
    looks = options.looks == "planned"
    found = claims.evaluate(place, prices, study=study, scales=options.scales, looks=looks)
    out = options.folder("claims")
    opening.written(write(found, out), ["benchmarks.report", *options.root])
    return 0


def theory_alone(root: Path) -> bool:
    """Is there a study of the theory under a root, and no run?"""
    from results import claims
    from results.analysis import theory

    return (root / theory.NAME).exists() and not claims.holds_runs(root)


def write(found: "list[Judgement]", out: Path) -> list[Path]:
    """Print the table and write the files; returns their paths."""
    from dp_common.files import write_atomic
    from results import claims
    from results.tables import render

    table = claims.table(found)
    print(render.text(table))
    cli.writable_folder("out", out)
    write_atomic(out / "claims.md", (render.markdown(table) + "\n").encode())
    write_atomic(out / "claims.tex", (render.latex(table) + "\n").encode())
    write_atomic(
        out / "claims.csv",
        claims.effects(found).to_csv(index=False, lineterminator="\n", float_format="%.10g").encode(),
    )
    return [out / f"claims.{ending}" for ending in ("md", "tex", "csv")]


if __name__ == "__main__":
    cli.guarded(main)
