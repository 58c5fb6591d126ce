"""The state of every run under some roots: by its ledger, its lease, and what SLURM says of its job.

Read by ``status``, by ``forget`` and by ``sweep --dry-run``. Imports no pandas: thousands of runs take seconds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from dp_common.errors import Damaged, Problem
from dp_common.persistence import lease, ledger, listening, places
from dp_common.persistence.summary import hours, read_summary, require_sound
from slurm import state as slurm_state

ORDER = ("running", "unknown", "pending", "preempted", "failed", "damaged", "interrupted", "missing", "done")
BUSY = ("running", "unknown", "pending", "preempted")  # somebody works on it, or will


class Row(TypedDict):
    """One run. ``folder``: where it lies, None if it has none; ``whole``: device hours of all of it, None if
    unknown; ``words``: as it was asked for, where that is known.
    """

    run_id: str
    state: str
    detail: str
    hours: float
    whole: float | None
    folder: str | None
    words: list[str]


class Plan(NamedTuple):
    """What a sweep remembered: its file, the words it was given, {run id: words of the run}."""

    file: Path
    words: list[str]
    runs: dict[str, list[str]]


@dataclass
class Survey:
    """Attributes:
    rows: a row per run that has begun or is planned.
    plans: of sweeps.
    jobs: all that were ever submitted to SLURM from here.
    notes: what could not be read or asked, for stderr.
    """

    rows: list[Row]
    plans: list[Plan]
    jobs: list[slurm_state.Job]
    notes: list[str] = field(default_factory=list)


def survey(roots: Sequence[str | Path]) -> Survey:
    """Look at everything under some folders. Raises BadInput where one is no folder."""
    folders, files = places.look_under(roots)
    jobs, notes = asked(roots)
    latest = slurm_state.latest(jobs)
    rows = [look(folder, latest.get(folder.name)) for folder in folders]
    open_rows = [row for row in rows if row["state"] == "interrupted" or row["state"] == "failed"]
    held = listening.living(str(row["folder"]) for row in open_rows if may_be_held(row, latest.get(row["run_id"])))
    for row in open_rows:
        if Path(str(row["folder"])) in held:
            row["state"], row["detail"] = "running", row["detail"] if row["state"] == "interrupted" else "begun anew"
    known = {row["run_id"] for row in rows}
    plans, damaged = read_plans(files)
    for plan in plans:
        for run_id in [run_id for run_id in plan.runs if run_id not in known]:
            known.add(run_id)
            rows.append(not_begun(plan.file.parent.parent, run_id, plan.runs[run_id], latest.get(run_id)))
    return Survey(rows, plans, jobs, notes + damaged)


def asked(roots: Iterable[str | Path]) -> tuple[list[slurm_state.Job], list[str]]:
    """The jobs of some roots, and a note where SLURM does not answer."""
    jobs: list[slurm_state.Job] = []
    notes = []
    for root in roots:
        try:
            jobs += slurm_state.jobs(root)[0]
        except Problem as problem:
            notes.append(f"SLURM does not answer, what follows is from the ledgers alone: {problem}")
            jobs += slurm_state.unasked(root)
    return jobs, notes


def read_plans(files: Iterable[Path]) -> tuple[list[Plan], list[str]]:
    """The plans in some files, and a note for each that is none."""
    plans, damaged = [], []
    for file in files:
        try:
            content = json.loads(file.read_bytes())
            runs = {str(run_id): [str(word) for word in words] for run_id, words in content["runs"].items()}
            plans.append(Plan(file, [str(word) for word in content.get("words", [])], runs))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            damaged.append(f"left out: {file}: not what a sweep remembers; delete it, the sweep writes it again")
    return plans, damaged


def may_be_held(row: Row, job: slurm_state.Job | None) -> bool:
    """Does a lease say so, of a job that SLURM does not know to have ended?"""
    holder = lease.read(str(row["folder"]))
    return holder is not None and not (holder["slurm_job"] and job is not None)


def not_begun(root: Path, run_id: str, overrides: list[str], job: slurm_state.Job | None) -> Row:
    """The row of a planned run that has no ledger: missing, or failed before it had one."""
    folder = root / run_id
    row = blank(run_id, "missing", " ".join(overrides), folder if folder.is_dir() else None)
    row["words"] = overrides
    if job and (job.live or job.unknown):
        row["state"], row["detail"] = by_job(job, "no ledger yet")
        return row
    reason = last_line(folder / "log.txt")
    if job and job.state not in ("CANCELLED", "PREEMPTED"):
        reason = reason or last_line(job.log) or (ended(job) if job.state else "")
    if reason:
        row["state"], row["detail"] = "failed", reason
    elif job:
        row["detail"] += f"; {ended(job)}"
    return row


def blank(run_id: str, state: str, detail: str = "", folder: Path | None = None) -> Row:
    """A row without hours."""
    where = None if folder is None else str(folder)
    return {
        "run_id": run_id,
        "state": state,
        "detail": detail,
        "hours": 0.0,
        "whole": None,
        "folder": where,
        "words": [],
    }


def look(folder: Path, job: slurm_state.Job | None = None) -> Row:
    """The row of one run that has a ledger or a summary; ``interrupted`` stands for a lease that nobody has asked
    after. ``job``: its SLURM job, or None.
    """
    row = blank(folder.name, "damaged", "", folder)
    try:
        summary = read_summary(folder)
        records = opening(folder, summary) if summary else ledger.read(folder)
    except (Damaged, KeyError) as damage:
        row["detail"] = str(damage)
        return row
    if summary:
        spent = float(summary["gpu_hours_spent"]) if "gpu_hours_spent" in summary else hours(records)[1]
        row |= {"state": "done", "detail": f"accuracy {100 * summary['accuracy']:.2f} %", "hours": spent}
        row["whole"] = spent
        return row
    row["hours"] = spent = hours(records)[1]
    opens: list[Any] = [record for record in records if record["kind"] == "open"]
    calls: list[Any] = [record for record in records if record["kind"] == "call"]
    row["words"] = opens[0].get("words", []) if opens else []
    last: Any = records[-1] if records else None
    progress = (
        f"seen {calls[-1]['state']['seen']:,}, set {calls[-1]['state']['size']:,}" if calls else "nothing done yet"
    )
    if calls and calls[-1]["state"]["seen"]:
        row["whole"] = spent * max(1, opens[0]["values"]["train.seen"] / calls[-1]["state"]["seen"])
    if job and (job.live or job.unknown):
        row["state"], row["detail"] = by_job(job, progress)
    elif last and last["kind"] == "close" and last["state"] == "failed":
        row["state"], row["detail"] = "failed", last.get("why", "")
    else:
        row["state"], row["detail"] = "interrupted", progress + (f"; {ended(job)}" if job else "")
    return row


def opening(folder: Path, summary: Mapping[str, Any]) -> list[Any]:
    """The ledger of a finished run: looked through for damage, parsed only where the summary does not say its hours.

    Raises:
        Damaged: it is not there, or corrupted.
    """
    ledger.lines(folder)
    require_sound(folder, summary)
    return [] if "gpu_hours_spent" in summary else ledger.read(folder)


def by_job(job: slurm_state.Job, progress: str) -> tuple[str, str]:
    """(state, detail) of a run whose job lives."""
    if job.unknown:
        return "unknown", f"{progress}; submitted as job {job.id}"
    if job.started:
        return "running", f"{progress}; job {job.id}"
    why = f"job {job.id} {job.state}" + (f" ({job.reason})" if job.reason and job.reason != "None" else "")
    return ("preempted", f"{progress}; {why}, requeued {job.restarts} time(s)") if job.restarts else ("pending", why)


def ended(job: slurm_state.Job) -> str:
    """What SLURM says of a job that is no more."""
    said = f"{job.state} {job.reason if job.reason != 'None' else ''}".strip() or "SLURM knows it no more"
    return f"job {job.id}: {said}, see {job.log}"


def last_line(path: str | Path) -> str:
    """The reason a run gave before it had a ledger."""
    path = Path(path)
    lines = path.read_text(errors="replace").strip().splitlines() if path.is_file() else []
    # what SLURM says of an exit code tells less than the run's own words
    own = [line for line in lines if not line.startswith(("srun:", "submitit "))]
    return (own or lines or [""])[-1]
