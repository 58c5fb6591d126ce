"""Every number printed in the folder of a study, made anew from its runs: is it the same?

    python -m benchmarks.recompute results/measured/digits

DIR is an archive (``python -m benchmarks.archive`` writes one). The applications that printed what lies beside it run
again on its rows, bits and ledgers, into a folder that is deleted afterwards. Each file is held against the one that is
kept, cell by cell, line by line; what differs is named, and the exit code is 1. What is there and no application made,
such as a README, is named as well, and so is what an application makes and is not there. Pictures are held to the CSVs
they were drawn from.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cli
from benchmarks.archive import PRINTERS, run_printer
from dp_common.config.options import option
from dp_common.errors import BadInput

SHOWN = 5  # differences of one file


@dataclass
class Options:
    """Keys of this application."""

    folder: str = option("", "the folder of an archive", positional=True, place=True)


def main(argv: Sequence[str]) -> int:
    """Print what is as rebuilt and what is not; returns the exit code: 1 where a number differs."""
    options = cli.parse(argv, Options, __doc__)
    if not options.folder:
        raise BadInput("folder", None, "needed: the folder of an archive")
    folder = cli.existing_folder("folder", options.folder)
    from results.archive.printed import check, unkept, unmade
    from results.reading import archived

    for name, what in ((archived.ABOUT, "no archive"), (archived.RUNS, "a damaged archive")):
        if not (folder / name).is_file():
            raise BadInput("folder", folder, f"{what}: it has no {name}; python -m benchmarks.archive writes one")
    printed = archived.about(folder).get("printed", {})
    for name in printed:
        if name not in PRINTERS:
            raise BadInput("folder", folder, f"{archived.ABOUT} names {name} in printed, which is none of {PRINTERS}")
    if not printed:
        raise BadInput(
            "folder", folder, "nothing was printed beside its runs; python -m benchmarks.archive print=table"
        )
    with tempfile.TemporaryDirectory() as made:
        for name, words in printed.items():
            run_printer(name, words, folder, Path(made))
        checked, rest = check(folder, Path(made)), unmade(folder, Path(made))
        gone = unkept(folder, Path(made))
    if not checked:
        raise BadInput("folder", folder, f"nothing that was printed is there any more, such as {gone[0]}")
    wrong = [one for one in checked if one.differs]
    for one in wrong:
        print(f"{one.name}: {len(one.differs)} places differ")
        print("\n".join(f"  {text}" for text in one.differs[:SHOWN]))
        if len(one.differs) > SHOWN:
            print(f"  and {len(one.differs) - SHOWN} more")
    numbers = sum(one.numbers for one in checked)
    if wrong:
        print(f"NOT as rebuilt: {', '.join(one.name for one in wrong)}; {len(checked) - len(wrong)} files are.")
    else:
        print(f"Every printed number is as rebuilt from the runs: {numbers:,} numbers in {len(checked)} files.")
    runs = set(archived.files_of())
    others = [name for name in rest if name not in runs]
    if others:
        print(f"Not made by these commands, and not looked at: {', '.join(others)}.", file=sys.stderr)
    if gone:
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        print(f"Made by these commands, and not kept: {', '.join(gone[:SHOWN])}{more}.", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    cli.guarded(main)
