"""A study without its run folders: what it takes to make every table and every claim again, small enough to be kept
beside them.

``write_study(load(root), folder)`` writes it (``results.reading.archived`` says which files), ``load(folder)`` reads it
like a folder of runs: ``python -m benchmarks.table results/measured/mine``. Images, maps and weights are not in it, so
figures of these are not drawn.
"""

import gzip
import io
import json
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from dp_common.files import write_atomic
from dp_common.persistence import ledger
from results.analysis import theory
from results.analysis.study import Study
from results.frames import records
from results.reading import cross_probe, references
from results.reading.archived import ABOUT, CORRECT, FORMAT, LEDGERS, RUNS
from results.reading.correctness import correctness
from results.reading.history import records_of, surviving
from results.reading.sweeps import sweeps_under

DERIVED = ("folder", "arm", "changed")  # columns that reading makes
NEEDED = {
    "open": ("run_id", "device", "cpu", "places", "words"),
    "call": ("call", "name", "answer", "state", "measured"),
}  # of a ledger's lines; of probes all but the map, of others nothing


def write_study(
    study: Study,
    folder: str | Path,
    commands: Sequence[str] = (),
    printed: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write an archive of a study; the same study gives the same bytes.

    Args:
        study: runs with their folders.
        folder: to write to, made if it is not there.
        commands: that made the runs, to be remembered beside their sweeps.
        printed: {application: its words} of what is made of the archive and kept beside it.

    Raises:
        Damaged: the ledger of a run cannot be read.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    columns = sorted(name for name in map(str, study.runs) if name not in DERIVED)
    kinds = {name: kind_of(study.runs[name]) for name in columns}
    table = pd.DataFrame({name: [written(value, kinds[name]) for value in study.runs[name]] for name in columns})
    commits = sorted(set(study.runs["git.commit"].dropna())) if "git.commit" in study.runs else []
    about = {
        "format": FORMAT,
        "commits": commits,
        "commands": list(commands),
        "sweeps": kept_sweeps(study),
        "printed": {name: list(words) for name, words in (printed or {}).items()},
        "columns": kinds,
    }
    write_atomic(folder / RUNS, table.to_csv(index=False, lineterminator="\n").encode())
    write_atomic(folder / CORRECT, packed_flags(study))
    write_atomic(folder / LEDGERS, packed_ledgers(study))
    for root in study.roots:
        if (Path(root) / theory.NAME).is_file():
            (folder / theory.NAME).parent.mkdir(exist_ok=True)
            write_atomic(folder / theory.NAME, (Path(root) / theory.NAME).read_bytes())
    probed = "".join((Path(root) / cross_probe.NAME).read_text() for root in study.roots if has_probe(root))
    if probed:
        write_atomic(folder / cross_probe.NAME, probed.encode())
    beside = references.read(study.roots)
    beside = beside[beside["run_id"].isin(study.runs["run_id"])]
    if len(beside):
        write_atomic(folder / references.NAME, beside.to_csv(index=False, lineterminator="\n").encode())
    write_atomic(folder / ABOUT, (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode())


def has_probe(root: Path) -> bool:
    """Does a cross probe lie there?"""
    return (Path(root) / cross_probe.NAME).is_file()


def kept_sweeps(study: Study) -> list[dict[str, list[str]]]:
    """``words`` and ``runs`` of the sweeps that planned runs of the study, of their runs those that it has."""
    here, found = set(study.runs["run_id"]), sorted({sweep for root in study.roots for sweep in sweeps_under(root)})
    kept = [(sweep.words, [run_id for run_id in sweep.runs if run_id in here]) for sweep in found]
    return [{"words": list(words), "runs": runs} for words, runs in kept if runs]


def kind_of(column: pd.Series) -> str:
    """How the values of a column are written: text as it is, all else as JSON."""
    known = [value for value in column if not is_missing(value)]
    return "text" if known and all(isinstance(value, str) for value in known) else "json"


def is_missing(value: Any) -> bool:
    """Is it nothing: None, or a number that is none?"""
    return value is None or (isinstance(value, (float, np.floating)) and isnan(value)) or value is pd.NA


def written(value: Any, kind: str) -> str:
    """The cell of a value; "" where it is missing."""
    if is_missing(value):
        return ""
    return str(value) if kind == "text" else json.dumps(value, default=plain, ensure_ascii=False)


def plain(value: Any) -> Any:
    """A number of numpy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in an archive")


def finished(study: Study) -> list[dict[str, Any]]:
    """The finished runs."""
    return records(study.runs[study.runs["state"] == "done"])


def packed_flags(study: Study) -> bytes:
    """The bytes of correct.npz: for each real set its runs, the number of images of each, and [runs, bytes] of packed
    bits, zeros behind those of smaller sets.
    """
    sets = [
        "test",
        "monitor",
        *(name.removeprefix("shifted.") for name in map(str, study.runs) if name.startswith("shifted.")),
    ]
    arrays: dict[str, np.ndarray] = {}
    for eval_set in sets:
        known = {run["run_id"]: flags for run in finished(study) if (flags := correctness(run, eval_set)) is not None}
        if known:
            arrays[f"{eval_set}.runs"] = np.array(list(known))
            sizes = [len(flags) for flags in known.values()]
            arrays[f"{eval_set}.images"] = np.array(sizes)
            wide = [np.pad(flags, (0, max(sizes) - len(flags))) for flags in known.values()]
            arrays[f"{eval_set}.bits"] = np.packbits(np.stack(wide), axis=1)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def packed_ledgers(study: Study) -> bytes:
    """The bytes of ledgers.jsonl.gz: [run_id, lines] per run that was begun."""
    lines = [
        json.dumps([run["run_id"], slim(run["folder"])], ensure_ascii=False, separators=(",", ":"))
        for run in records(study.runs)
        if not is_missing(run["folder"])
    ]
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0, filename="") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
    return buffer.getvalue()


def slim(folder: Path) -> list[dict[str, Any]]:
    """Of a ledger's lines those, and of these what, is asked for once the run is over."""
    records = [record for record in records_of(folder) if record["kind"] == "open"]
    records += [record for record in surviving(folder) if record["kind"] != "open"]
    found: list[dict[str, Any]] = []
    for record in records:
        if record["kind"] == "probe":
            found.append({key: value for key, value in record.items() if key not in ("crc", "spent", "t", "map")})
        elif record["kind"] in NEEDED:
            kept = {key: record[key] for key in NEEDED[record["kind"]] if key in record}
            found.append({"kind": record["kind"], "n": record["n"], **kept})
        if record["kind"] == "call":
            omega = ledger.steering(cast(ledger.Call, record)).get("omega")
            found[-1] |= {"args": {} if omega is None else {"omega": omega}, "added": []}
    return found
