"""A study without its run folders: small, and enough to make every printed number again.

    python -m benchmarks.archive [root] out=results/measured/mine
    python -m benchmarks.archive results/runs out=mine seed=0..15 prices=digits-unet print=table,claims,report

Written are runs.csv (a row per run at full precision: what it was, seed, accuracies, counts, additions, hours by phase,
commit, words), correct.npz (which images each final learner got right, packed bits), ledgers.jsonl.gz (what happened
inside of the runs) and archive.json (commits, sweeps, and what was printed how). What ``print`` names is then made of
these files alone and laid beside them. table, claims and report read such a folder like one of runs; and
``python -m benchmarks.recompute DIR`` makes all of it anew and says whether it is the same.

The folder may be new, or hold a README alone, or be an older archive of some of these runs, which is then brought up to
date; anything else that is there is replaced with ``replace=yes`` only.
"""

import shutil
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from benchmarks import cli, unit_costs
from benchmarks.study_options import MeasureOptions, study_of
from dp_common.config.options import option
from dp_common.errors import BadInput, Damaged

README = "README.md"  # of people's own; nothing here writes it
PRINTERS = ("table", "claims", "report")
OF_APPLICATION = {  # the keys that each of them is given
    "table": ("prices", "on", "exclude", "code"),
    "claims": ("prices", "code"),
    "report": ("prices", "on", "exclude", "code"),
}


@dataclass
class Options(MeasureOptions):
    """Keys of this application."""

    out: str = option("", "folder to write to", place=True)
    print: tuple[str, ...] = option(("table", "claims"), "what is printed beside the runs", choices=PRINTERS, many=True)
    figures: bool = option(False, "the figures of the table too; a report has its own")
    replace: bool = option(False, "write over what is there, whatever it is")


def main(argv: Sequence[str]) -> int:
    """Write the archive and what is printed beside it; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    if not options.out:
        raise BadInput("out", None, "needed: the folder to write")
    prices = options.load_prices()
    study = study_of(options)
    if not study.comparisons:
        raise BadInput("root", options.root, "holds no runs of a strategy")
    if prices:
        study.repriced(prices)  # what cannot be priced is said before anything is written
    study.with_(options.on, options.exclude)
    if not options.replace:
        refuse_others(Path(options.out), set(study.runs["run_id"]))
    out = cli.writable_folder("out", options.out)
    from results import archive

    own = own_prices(options.prices, out)
    words = [f"prices={own}" if word.startswith("prices=") else word for word in cli.as_words(options, shared())]
    printed = {
        name: [word for word in words if word.partition("=")[0] in OF_APPLICATION[name]]
        + (["figures=no"] if name == "table" and not options.figures else [])
        for name in PRINTERS
        if name in options.print
    }
    archive.write_study(study, out, printed=printed)
    for name, given in printed.items():
        run_printer(name, given, out, out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    beside = f", beside them {', '.join(printed)}" if printed else ""
    print(f"{len(study.runs):,} runs written to {out} ({size / 1e6:.1f} MB{beside})", file=sys.stderr)
    print(f"python -m benchmarks.recompute {cli.quoted(out)} makes all of it again", file=sys.stderr)
    return 0


def refuse_others(out: Path, runs: set[str]) -> None:
    """Refuse a folder with anything in it but an archive of some of these runs. Raises BadInput."""
    from results.reading import archived

    there = sorted(path.name for path in out.iterdir() if path.name != README) if out.is_dir() else []
    if not there:
        return
    anew = "name a new folder, or write over it with replace=yes"
    if archived.ABOUT not in there:
        raise BadInput("out", out, f"is there already, and no archive ({there[0]} is in it): {anew}")
    try:
        others = sorted({str(row["run_id"]) for row in archived.rows_of(out)} - runs)
    except Damaged as damage:
        raise BadInput("out", out, f"is a damaged archive ({damage}): {anew}") from damage
    if others:
        count = f"{len(others)} run{'' if len(others) == 1 else 's'}"
        raise BadInput("out", out, f"is an archive of {count} that are not among these, such as {others[0]}: {anew}")


def shared() -> set[str]:
    """All keys that any of the applications is given."""
    return {key for keys in OF_APPLICATION.values() for key in keys}


def own_prices(prices: str, out: Path) -> str:
    """The name of unit costs that come with the project; a file of somebody's own is laid into the archive."""
    if not prices or prices in unit_costs.names():
        return prices
    if Path(prices).resolve() != (out / "prices.csv").resolve():
        shutil.copyfile(prices, out / "prices.csv")
    return "prices.csv"


def run_printer(name: str, words: Sequence[str], archive: Path, out: Path) -> None:
    """Let an application print an archive into a folder; what it says on the terminal is not shown."""
    from importlib import import_module

    given = [f"prices={archive / 'prices.csv'}" if word == "prices=prices.csv" else word for word in words]
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        import_module(f"benchmarks.{name}").main([str(archive), f"out={out}", *given])


if __name__ == "__main__":
    cli.guarded(main)
