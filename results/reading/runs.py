"""Run folders -> one data frame, one row per run.

A finished run is its ``summary.json``; any other is what its ledger says so far. Nothing is skipped in silence: a run
that cannot be read is named. Every ledger is read whole, so that damage behind a finished summary is seen too.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Damaged, Problem
from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED
from dp_common.persistence.places import look_under
from dp_common.persistence.summary import read_summary, require_sound
from results.reading import archived

IDENTITY = ("strategy", "task", "teacher", "learner", "scale", "seed")
READ = ("run_id", "folder", "state", "values", "chosen", "fingerprints", "begun", "weights")
FINISHED = (
    "accuracy",
    "monitor_accuracy",
    "population",
    "population_images",
    "scale_reached",
    "images_generated",
    "images_kept",
    "images_seen",
    "iterations",
    *(f"gpu_hours.{phase}" for phase in (*PRICED, "total")),
    "gpu_hours_spent",
)  # columns there are even if no run is finished


def read_runs(roots: Iterable[str | Path]) -> tuple[pd.DataFrame, list[str]]:
    """The runs at any depth under ``roots``, ordered by run_id; one row per folder that holds a ledger or a summary.

    Columns of every row: ``run_id, folder, state, why, attempts, strategy, task, teacher, learner, scale, seed,
    data.split, values`` (dict of the resolved specification, such as ``values["dp.omega"]``), ``chosen`` ({key:
    {"value", "source"}} of what somebody chose, None where an old ledger does not say it), ``fingerprints`` (of code,
    data and weights), ``begun`` (Unix seconds), ``device``, ``cpus`` (names of the CPUs it ran on). ``state`` is done,
    interrupted, failed, open (running now, or killed) or missing (planned by a sweep, never begun; such rows have no
    folder). Finished rows have all of ``summary.json`` besides, flattened by dots: ``accuracy`` and ``shifted.<set>``
    (fractions), ``images_generated``, ``gpu_hours.<phase>`` (device hours), ...; and ``test_images``, the size of the
    test set.

    Returns:
        The frame, and a message for each run or plan that is damaged; those are not in the frame.

    Raises:
        BadInput: a root is no folder, or there are no runs.
        Problem: one run lies in two folders.
        Damaged: there is no run that is not damaged.
    """
    places = list(dict.fromkeys(Path(root) for root in roots))
    folders, plans = look_under(places)
    archives = sorted({archive for root in places for archive in archived.archives_under(root)})
    if not folders and not archives:
        raise BadInput("root", ", ".join(map(str, places)), "holds no runs; a run is a folder with a ledger.jsonl")
    rows, damaged = [], []
    for folder in folders:
        try:
            rows.append(row_of(folder))
        except Damaged as error:
            damaged.append(str(error))
    for archive in archives:
        try:
            rows += archived.rows_of(archive)
        except Damaged as error:
            damaged.append(str(error))
    known = {row["run_id"] for row in rows} | {folder.name for folder in folders}
    for file in plans:
        try:
            rows += planned(file, known)
        except Damaged as error:
            damaged.append(str(error))
    if not rows:
        raise Damaged("; ".join(damaged))
    frame = pd.DataFrame(rows)
    frame = frame.reindex(columns=list(dict.fromkeys([*frame.columns, *IDENTITY, *READ, *FINISHED])))
    frame = frame.sort_values("run_id", kind="stable", ignore_index=True)
    refuse_copies(frame)
    return frame, damaged


def refuse_copies(frame: pd.DataFrame) -> None:
    """Raises Problem where one run lies in two folders."""
    for run_id, copies in frame[frame["run_id"].duplicated(keep=False)].groupby("run_id"):
        one, other, *_ = copies["folder"]
        raise Problem(f"{run_id} lies in {one} and in {other}: it would count twice; move one away")


def row_of(folder: Path) -> dict[str, Any]:
    """One run folder -> its row. Raises Damaged."""
    summary = read_summary(folder)
    records = ledger.read(folder, summary.get("run_id"))
    if summary:
        require_sound(folder, summary)
    opened = [record for record in records if record["kind"] == "open"]
    first: Mapping[str, Any] = opened[0] if opened else {}
    values = summary.get("values") or first.get("values", {})
    row = {key: values.get(key) for key in IDENTITY}
    row |= {"run_id": first.get("run_id", folder.name), "attempts": len(opened), "device": device_of(opened)}
    row |= state_of(records) | flat({key: value for key, value in summary.items() if key not in ("values", "chosen")})
    tested = [record["test"]["n"] for record in records if record["kind"] == "evaluate" and "test" in record]
    return row | {
        "folder": folder,
        "values": values,
        "chosen": first.get("chosen", summary.get("chosen")),
        "fingerprints": first.get("fingerprints", {}),
        "begun": first.get("t"),
        "data.split": values.get("data.split"),
        "test_images": tested[-1] if tested else None,
        "weights": weights_of(values, first.get("places", {}), first.get("fingerprints", {})) if opened else None,
        "cpus": sorted({record["cpu"] for record in opened if "cpu" in record}),
    }


def planned(file: Path, known: set[str]) -> list[dict[str, Any]]:
    """Rows of the runs that a sweep remembered in ``file`` and that never began: state missing, folder None.

    A run whose words mean something else by now (another recipe) is no longer waited for. ``known``: ids of runs that
    are there, to which those found are added. Raises Damaged.
    """
    try:
        remembered = json.loads(file.read_bytes())["runs"]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{file}: not a remembered sweep") from error
    rows = []
    for run_id in [run_id for run_id in remembered if run_id not in known]:
        known.add(run_id)
        try:
            resolved = resolve(remembered[run_id])
        except BadInput:
            continue
        if resolved.run_id != run_id:
            continue
        values = resolved.values
        rows.append(
            {key: values[key] for key in IDENTITY}
            | {
                "run_id": run_id,
                "attempts": 0,
                "state": "missing",
                "cpus": [],
                "values": values,
                "chosen": resolved.chosen,
                "fingerprints": resolved.fingerprints,
                "data.split": values["data.split"],
                "weights": weights_of(values, resolved.places, resolved.fingerprints),
            }
        )
    return rows


def weights_of(
    values: Mapping[str, Any], places: Mapping[str, str], fingerprints: Mapping[str, str]
) -> tuple[str, str | None] | None:
    """(name, fingerprint) of the weights (or images) a run's teacher was loaded from, "" being those in the project;

    None for one without.
    """
    section = str(values.get("teacher")).replace("-", "_")
    name = places.get(f"{section}.weights", places.get(f"{section}.path"))
    return None if name is None else (name, fingerprints.get("teacher_fingerprint"))


def state_of(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """{"state", "why"} of a run by its ledger alone;

    a run that is closed as done but has no summary must be given again.
    """
    last = records[-1] if records else {"kind": "open"}
    if last["kind"] != "close":
        return {"state": "open", "why": None}
    return {"state": "failed" if last["state"] == "failed" else "interrupted", "why": last.get("why")}


def device_of(opened: Sequence[Mapping[str, Any]]) -> str | None:
    """The kind of device of all attempts, "mixed" where there were several."""
    devices = sorted({record["device"] for record in opened if "device" in record})
    return devices[0] if len(devices) == 1 else "mixed" if devices else None


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dict -> {"a.b": value}; lists stay values."""
    pairs: dict[str, Any] = {}
    for key, value in tree.items():
        pairs |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return pairs
