"""Runs of a study that was archived (``results.archive``): rows, ledgers and correctness, without the folders of the
runs.

An archive is a folder with these files; a run of it has the folder ``<archive>/<run_id>``, which is not there:

    runs.csv            a row per run, finished or not: every column that ``results.reading.runs`` gives, at full
                        precision
    archive.json        version of this format, how the columns are written, the commits and sweeps behind the runs, the
                        applications that printed what lies beside it
    correct.npz         per real set, packed bits: which images the final learner of each run got right
    ledgers.jsonl.gz    per run the lines that the result is made of, for what happened inside of it
"""

import csv
import gzip
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dp_common.errors import Damaged

RUNS, ABOUT, CORRECT, LEDGERS = "runs.csv", "archive.json", "correct.npz", "ledgers.jsonl.gz"
FORMAT = 1


def files_of() -> tuple[str, ...]:
    """The names of the files of an archive, and of what may lie with it: the theory's ledger, references,
    the cross probe, prices.
    """
    return RUNS, ABOUT, CORRECT, LEDGERS, "theory/theory.jsonl", "references.csv", "cross_probe.jsonl", "prices.csv"


def archives_under(root: Path) -> list[Path]:
    """The archives at any depth under a folder, itself among them."""
    return sorted(path.parent for path in Path(root).rglob(ABOUT) if (path.parent / RUNS).is_file())


def rows_of(archive: Path) -> list[dict[str, Any]]:
    """A dict per run, as ``results.reading.runs.row_of`` gives it of a run folder.

    Raises:
        Damaged: the files do not fit each other, or are of another format.
    """
    kinds = about(archive)["columns"]
    try:
        with open(archive / RUNS, newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        rows = [{name: parsed(text, kinds[name]) for name, text in line.items() if text} for line in lines]
    except (KeyError, ValueError, TypeError) as error:
        raise Damaged(f"{archive / RUNS}: does not fit {ABOUT} ({error})") from error
    for row in rows:
        row["folder"] = archive / row["run_id"] if row["state"] != "missing" else None
        row["weights"] = tuple(row["weights"]) if row.get("weights") else None
    return rows


def about(archive: Path) -> dict[str, Any]:
    """What the archive says of itself. Raises Damaged."""
    try:
        found = json.loads((archive / ABOUT).read_bytes())
        if found["format"] != FORMAT:
            raise Damaged(f"{archive / ABOUT}: format {found['format']}; this version reads {FORMAT}")
    except (KeyError, ValueError, TypeError) as error:
        raise Damaged(f"{archive / ABOUT}: not an archive's ({error})") from error
    return found


def parsed(text: str, kind: str) -> Any:
    """A cell of the CSV; ``kind``: text, or json for all else."""
    return text if kind == "text" else json.loads(text)


def records_of(folder: Path) -> list[dict[str, Any]]:
    """The lines of an archived run's ledger; [] where the folder is none of an archive."""
    folder = Path(folder)
    path = folder.parent / LEDGERS
    return all_records(path, path.stat().st_mtime_ns).get(folder.name, []) if path.is_file() else []


@lru_cache(maxsize=4)
def all_records(path: Path, _changed: int) -> dict[str, list[dict[str, Any]]]:
    """{run_id: lines}, read once as long as the file does not change. Raises Damaged."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return dict(json.loads(line) for line in file)
    except (OSError, EOFError, ValueError) as error:
        raise Damaged(f"{path}: {error}") from error


def flags_of(folder: Path, eval_set: str) -> np.ndarray | None:
    """[images] bool of an archived run; None where the folder is none of an archive, or it kept none of the set."""
    folder = Path(folder)
    path = folder.parent / CORRECT
    return all_flags(path, path.stat().st_mtime_ns, eval_set).get(folder.name) if path.is_file() else None


@lru_cache(maxsize=64)
def all_flags(path: Path, _changed: int, eval_set: str) -> dict[str, np.ndarray]:
    """{run_id: [images] bool} of one set. Raises Damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if f"{eval_set}.bits" not in arrays:
                return {}
            runs, sizes = arrays[f"{eval_set}.runs"], arrays[f"{eval_set}.images"]
            flags = np.unpackbits(arrays[f"{eval_set}.bits"], axis=1).astype(bool)
    except (OSError, ValueError, KeyError) as error:
        raise Damaged(f"{path}: no arrays of packed bits as an archive has them ({type(error).__name__})") from error
    flags.flags.writeable = False
    return {str(run): row[:size] for run, size, row in zip(runs, sizes, flags)}
