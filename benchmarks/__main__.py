"""``dp-bench APPLICATION ...`` is ``python -m benchmarks.APPLICATION ...``; alone it lists the applications."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks import cli, folders
from benchmarks.cli_help import table
from dp_common.errors import BadInput, did_you_mean

ORDER = (
    "run sweep status cancel forget pool table tuned report claims archive recompute references export follow speed "
    "theory train-teacher check-images"
).split()


def applications() -> dict[str, Path]:
    """{name: file} of every module here that has a ``main``: those of ORDER first, then the others by name."""
    found = {name: path for name, path in folders.files("benchmarks").items() if "\ndef main(" in path.read_text()}
    return {name: found[name] for name in sorted(found, key=lambda name: (rank(name), name))}


def rank(name: str) -> int:
    """Where an application stands in the list."""
    return ORDER.index(name) if name in ORDER else len(ORDER)


def main(argv: Sequence[str]) -> int | None:
    """Run the application that the first word names; only that one is imported. Returns its exit code."""
    known = applications()
    if not argv or argv[0] in ("-h", "--help"):
        print("\n".join(["dp-bench APPLICATION ...   --help after it tells its keys", "", *list_lines(known)]))
        return 0
    if argv[0] == "--version":
        from importlib.metadata import version

        print(version("deliberate-practice-bench"))
        return 0
    name = argv[0].replace("_", "-")
    if name not in known:
        raise BadInput(argv[0], None, f"one of {', '.join(known)}.{did_you_mean(name, known)}")
    return import_module(f"benchmarks.{name.replace('-', '_')}").main(list(argv[1:]))


def list_lines(known: dict[str, Path]) -> list[str]:
    """A line for each application."""
    return table([(name, folders.about(path)) for name, path in known.items()])


def console() -> None:
    """The console script."""
    cli.guarded(main, sys.argv[1:])


if __name__ == "__main__":
    console()
