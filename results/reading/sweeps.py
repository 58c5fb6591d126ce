"""The sweeps that made the runs under a folder: their words, and which runs they planned."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from dp_common.errors import Damaged
from results.reading import archived

HERE = ("root=", "out=")  # words that say where this machine has things


class Sweep(NamedTuple):
    """``words`` as they were typed, without where its runs lie, and the ids of its ``runs``."""

    words: tuple[str, ...]
    runs: tuple[str, ...]


def sweeps_under(root: str | Path) -> list[Sweep]:
    """The sweeps remembered at any depth under a folder, and those of the archives there; each once.

    Raises:
        Damaged: what remembers one cannot be read.
    """
    found = [remembered(file) for file in sorted(Path(root).rglob("sweeps/*.json"))]
    found += [
        Sweep(tuple(one["words"]), tuple(one["runs"]))
        for archive in archived.archives_under(Path(root))
        for one in archived.about(archive).get("sweeps", [])
    ]
    return sorted(set(found))


def remembered(file: Path) -> Sweep:
    """One sweep, as ``benchmarks.sweep`` remembers it. Raises Damaged."""
    try:
        content = json.loads(file.read_bytes())
        return Sweep(placeless(content.get("words", [])), tuple(content["runs"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{file}: not a remembered sweep") from error


def placeless(words: Iterable[str]) -> tuple[str, ...]:
    """The words that say the same on every machine."""
    return tuple(word for word in words if not word.startswith(HERE))
