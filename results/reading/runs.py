"""Run folders -> one data frame, one row per run.

A finished run is its ``summary.json``; any other is what its ledger says so far. Nothing is skipped in silence: a run that
cannot be read is named. Every ledger is read whole, so that damage behind a finished summary is seen too.
"""

import json
from functools import lru_cache
from pathlib import Path

import pandas as pd

from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Damaged, Problem
from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED
from results.analysis.arms import arms

IDENTITY = ("strategy", "task", "teacher", "learner", "scale", "seed")
FINISHED = (
    "accuracy",
    "scale_reached",
    "images_generated",
    "images_kept",
    "images_seen",
    "iterations",
    *(f"gpu_hours.{phase}" for phase in (*PRICED, "total")),
    "gpu_hours_spent",
)  # columns there are even if no run is finished


def load(root, damaged=None):
    """The runs at any depth under ``root`` as a frame, ordered by run_id; one row per folder that holds a ledger or a summary.

    Columns of every row: ``run_id, folder, state, why, attempts, strategy, task, teacher, learner, scale, seed, data.split,
    values`` (dict of the resolved specification, such as ``values["dp.omega"]``), ``arm`` (see ``results.analysis.arms``), ``device``,
    ``cpus`` (names of the CPUs it ran on). ``state`` is done, interrupted, failed, open (running now, or killed) or missing
    (planned by a sweep, never begun; such rows have no folder).
    Finished rows have all of ``summary.json`` besides, flattened by dots: ``accuracy`` and ``shifted.<set>`` (fractions),
    ``images_generated``, ``gpu_hours.<phase>`` (device hours), ...; and ``test_images``, the size of the test set.

    Raises BadInput where ``root`` is no folder or holds no runs; Damaged, naming the files, unless ``damaged`` is a list: then
    it receives one message per damaged run; Problem where one run lies in two folders.
    """
    root, messages, rows = Path(root), [], []
    if not root.is_dir():
        raise BadInput("root", root, "no such folder")
    folders = sorted({path.parent for name in (ledger.NAME, "summary.json") for path in root.rglob(name)})
    if not folders:
        raise BadInput("root", root, "holds no runs; a run is a folder with a ledger.jsonl")
    for folder in folders:
        try:
            rows.append(row_of(folder))
        except Damaged as error:
            messages.append(str(error))
    try:
        rows += planned(root, {row["run_id"] for row in rows} | {folder.name for folder in folders})
    except Damaged as error:
        messages.append(str(error))
    if damaged is not None:
        damaged += messages
    elif messages:
        more = f" (and {len(messages) - 1} more damaged: {'; '.join(messages[1:])})" if messages[1:] else ""
        raise Damaged(f"{messages[0]}{more}")
    frame = pd.DataFrame(rows)
    frame = frame.reindex(
        columns=list(dict.fromkeys([*frame.columns, *IDENTITY, "run_id", "folder", "state", "values", *FINISHED]))
    )
    frame = frame.sort_values("run_id", kind="stable", ignore_index=True)
    for one, other in zip(
        frame[frame.run_id.duplicated()].itertuples(), frame[frame.run_id.duplicated(keep="last")].itertuples()
    ):
        raise Problem(f"{one.run_id} lies in {other.folder} and in {one.folder}: it would count twice; move one away")
    return frame.assign(arm=arms(frame))


def row_of(folder):
    """One run folder -> dict. Raises Damaged."""
    summary = read_summary(folder)
    records = ledger.read(folder, summary.get("run_id"))
    if summary and not records:
        raise Damaged(f"{folder / ledger.NAME}: is missing or empty, though summary.json says that the run is done")
    opened = [record for record in records if record["kind"] == "open"]
    values = summary.get("values") or (opened[0].get("values", {}) if opened else {})
    row = {key: values.get(key) for key in IDENTITY}
    row |= {
        "run_id": opened[0].get("run_id", folder.name) if opened else folder.name,
        "attempts": len(opened),
        "device": device_of(opened),
    }
    row |= state_of(records) | flat({key: value for key, value in summary.items() if key != "values"})
    tested = [record["test"]["n"] for record in records if record["kind"] == "evaluate" and "test" in record]
    return row | {
        "folder": folder,
        "values": values,
        "data.split": values.get("data.split"),
        "test_images": tested[-1] if tested else None,
        "weights": weights_of(values, **{key: opened[0].get(key, {}) for key in ("places", "fingerprints")})
        if opened
        else None,
        "cpus": sorted({record["cpu"] for record in opened if "cpu" in record}),
    }


def planned(root, known):
    """Rows of the runs that a sweep remembered under ``root`` and that never began: state missing, folder None.

    A run whose words mean something else by now (another recipe) is no longer waited for.
    """
    rows = []
    for file in sorted(root.rglob("sweeps/*.json")):
        try:
            remembered = json.loads(file.read_bytes())["runs"]
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(f"{file}: not a remembered sweep") from error
        for run_id in [run_id for run_id in remembered if run_id not in known]:
            known.add(run_id)
            try:
                resolved = resolve(remembered[run_id])
            except BadInput:
                continue
            if resolved.run_id == run_id:
                values = resolved.values
                rows.append(
                    {key: values[key] for key in IDENTITY}
                    | {
                        "run_id": run_id,
                        "attempts": 0,
                        "state": "missing",
                        "cpus": [],
                        "values": values,
                        "data.split": values["data.split"],
                        "weights": weights_of(values, resolved.places, resolved.fingerprints),
                    }
                )
    return rows


def weights_of(values, places, fingerprints):
    """(name, fingerprint) of the weights that a run's teacher was loaded from, "" being those in the project; None for one without."""
    name = places.get(f"{str(values.get('teacher')).replace('-', '_')}.weights")
    return None if name is None else (name, fingerprints.get("teacher_fingerprint"))


def read_summary(folder):
    """The summary of a finished run, else {}. Raises Damaged."""
    path = folder / "summary.json"
    if not path.exists():
        return {}
    try:
        summary = json.loads(path.read_bytes())
    except ValueError as error:
        raise Damaged(f"{path}: not JSON ({error})") from error
    if not isinstance(summary, dict) or "state" not in summary:
        raise Damaged(f"{path}: not the summary of a run")
    return summary if summary["state"] == "done" else {}


def state_of(records):
    """{"state", "why"} of a run by its ledger alone; a run that is closed as done but has no summary must be given again."""
    last = records[-1] if records else {"kind": "open"}
    if last["kind"] != "close":
        return {"state": "open", "why": None}
    return {"state": "failed" if last["state"] == "failed" else "interrupted", "why": last.get("why")}


def device_of(opened):
    devices = sorted({record["device"] for record in opened if "device" in record})
    return devices[0] if len(devices) == 1 else "mixed" if devices else None


def flat(tree, prefix=""):
    """Nested dict -> {"a.b": value}; lists stay values."""
    pairs = {}
    for key, value in tree.items():
        pairs |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return pairs


def column_of(on):
    """The column of the accuracy on one real set: ``test``, ``monitor`` or a shifted one."""
    return {"test": "accuracy", "monitor": "monitor_accuracy"}.get(on, f"shifted.{on}")


def correctness(row, on="test"):
    """Which images of the real set ``on`` the final learner of a finished run got right: [images] bool, in image order.

    None where the run kept none. Raises Damaged where the file does not fit the accuracy in the summary.
    """
    path = Path(row["folder"]) / "correct.parquet"
    if not path.exists():
        return None
    flags = flags_in(path, path.stat().st_mtime_ns, on)
    accuracy = row[column_of(on)]
    if not len(flags) or abs(flags.mean() - accuracy) > 1e-9:
        raise Damaged(f"{path}: {flags.sum()} of {len(flags)} images of {on} correct, the summary says {accuracy:.6f}")
    return flags


@lru_cache(maxsize=4096)
def flags_in(path, _changed, on):
    """What one file says of one set, read once as long as it does not change: many tables ask. Raises Damaged."""
    try:
        kept = pd.read_parquet(path, columns=["set", "image", "correct"])
    except (OSError, ValueError) as error:
        raise Damaged(f"{path}: {str(error).splitlines()[0]}") from error
    flags = kept[kept["set"] == on].sort_values("image")["correct"].to_numpy(dtype=bool)
    flags.flags.writeable = False
    return flags
