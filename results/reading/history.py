"""What happened inside one run, from its ledger: intervals of training, additions, how hard each addition was.

Only surviving work: what an interrupted attempt did in vain is in none of these frames. Rows are in the order in which
things happened.
"""

import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from dp_common.errors import Damaged
from dp_common.files import digest
from dp_common.persistence import ledger
from results.reading import archived

ADDING = ("generate", "select", "real")


def records_of(folder: str | Path) -> list[dict[str, Any]]:
    """All lines of a run's ledger; of an archived run those that were kept. Raises Damaged."""
    records: list[Any] = ledger.read(Path(folder))
    return records or archived.records_of(Path(folder))


def surviving(folder: str | Path) -> list[dict[str, Any]]:
    """The ledger's lines that the result is made of. Raises Damaged."""
    records = ledger.read(Path(folder))
    alive: list[Any] = ledger.surviving(records) if records else archived.records_of(Path(folder))
    return alive


def intervals(folder: str | Path) -> pd.DataFrame:
    """A row per interval of training: ``call, seen`` (images, at its end, of the present learner), ``seen_total`` (of
    all learners), ``iterations``, ``size`` of the training set, ``loss`` (mean over the interval, mixed images where
    the recipe mixes) and ``monitor`` (accuracy at its end, a fraction), ``cooldown`` (is it the last one).
    """
    rows = [
        {
            "call": r["call"],
            **{key: r["state"][key] for key in ("seen", "seen_total", "iterations", "size")},
            "loss": r["measured"]["loss"],
            "monitor": r["measured"]["monitor"],
            "cooldown": r["name"] == "cooldown",
        }
        for r in surviving(folder)
        if r["kind"] == "call" and r["name"] in ("train", "cooldown")
    ]
    return pd.DataFrame(
        rows, columns=["call", "seen", "seen_total", "iterations", "size", "loss", "monitor", "cooldown"]
    )


def additions(folder: str | Path) -> pd.DataFrame:
    """A row per addition: ``addition`` (0: the initial set), ``call, name`` (generate, select or real), ``images``
    added, ``size`` of the training set with it, ``seen, seen_total, iterations`` when it came, ``omega``, ``files``
    (shards, relative to the folder), and what was measured when it came where it was: ``score_at_birth`` (mean),
    ``true_label`` (fraction), ``log_density`` (mean, nats).
    """
    measured = ("score_at_birth", "true_label", "log_density")
    rows = [
        {
            "call": r["call"],
            "name": r["name"],
            "images": r["answer"],
            **{key: r["state"][key] for key in ("size", "seen", "seen_total", "iterations")},
            "omega": ledger.steering(cast(ledger.Call, r)).get("omega", 0.0),
            "files": [member["file"] for member in r["added"] if "file" in member],
            **{key: r["measured"].get(key) for key in measured},
        }
        for r in surviving(folder)
        if r["kind"] == "call" and r["name"] in ADDING
    ]
    frame = pd.DataFrame(
        rows,
        columns=["call", "name", "images", "size", "seen", "seen_total", "iterations", "omega", "files", *measured],
    )
    return frame.astype(dict.fromkeys(measured, float)).rename_axis("addition").reset_index()


def hardness(folder: str | Path) -> pd.DataFrame:
    """What ``probe=hardness`` measured, a row per addition × moment; see ``dp_common.probes.hardness.measure`` for the
    columns. Empty without it.

    ``when``: before (the addition before it), at, after (the next addition or the end), earlier, later.
    """
    lines = [r for r in surviving(folder) if r["kind"] == "probe"]
    columns = ["addition", "at", "seen", "images", "error", "loss", "entropy", "missed", "error_missed"]
    frame = pd.DataFrame({key: lines[-1][key] for key in columns} if lines else {}, columns=columns)
    gap = frame["at"] - frame["addition"]
    words = {-1: "before", 0: "at", 1: "after"}
    return frame.astype({"error_missed": float}).assign(
        when=[words.get(step, "earlier" if step < 0 else "later") for step in gap]
    )


def truth(folder: str | Path) -> pd.DataFrame:
    """What ``probe=truth`` measured, a row per addition × target, with the ``call`` of the addition and, the same in
    all rows, what the density says of plain images: ``plain_true_label, plain_log_density``.
    ``dp_common.probes.known_density.measure`` explains the columns. Empty without it.
    """
    lines = [r for r in surviving(folder) if r["kind"] == "probe" and "truth" in r]
    if not lines:
        return pd.DataFrame()
    line = lines[-1]
    frame = pd.DataFrame(line["truth"])
    numbers = [
        "omega",
        "effective",
        "score",
        "score_added",
        "score_plain",
        "true_label",
        "log_density",
        "distance",
        "distance_plain",
    ]
    return frame.astype(dict.fromkeys(numbers, float)).assign(
        call=[line["additions"][addition] for addition in frame["addition"]],
        **{f"plain_{name}": line["plain"][name] for name in ("true_label", "log_density")},
    )


def plane(folder: str | Path) -> dict[str, np.ndarray] | None:
    """{name: array} of what ``probe=truth`` drew of a task of two numbers (``dp_common.probes.density_map.save_map``
    says what), else None.

    Raises Damaged.
    """
    lines = [r for r in surviving(folder) if r["kind"] == "probe" and "map" in r]
    if not lines:
        return None
    path = Path(folder) / lines[-1]["map"]["file"]
    if not path.exists() or digest(data := path.read_bytes()) != lines[-1]["map"]["digest"]:
        raise Damaged(f"{path}: missing, or not what the ledger says")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return dict(arrays)
