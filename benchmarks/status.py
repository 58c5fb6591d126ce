"""What is done, running, failed (and why) or missing under a root, and the hours spent and to go.

    python -m benchmarks.status [root] [--all]

Missing runs are those of a remembered sweep that never started. Reads ledgers and leases, and where a sweep was
submitted to SLURM also squeue, and sacct if the cluster has accounting. pending: its job waits for its first start;
unknown: SLURM did not answer; preempted: its job was requeued and will go on by itself; interrupted: nothing works on
it any more, the same command (run or sweep) resumes it. Hours to go are those of runs of the same strategy and scale,
done or under way; where there is none, as ``--dry-run`` estimates them.
"""

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from benchmarks import cli
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.errors import Damaged, Problem
from dp_common.persistence import ledger
from dp_common.persistence.summary import hours, read_summary
from slurm import state as slurm_state

ORDER = ("running", "unknown", "pending", "preempted", "failed", "damaged", "interrupted", "missing", "done")


class Row(TypedDict):
    """One run. ``whole``: device hours of all of it, None if unknown; ``words``: as it was asked for."""

    run_id: str
    state: str
    detail: str
    hours: float
    whole: float | None
    words: list[str]


@dataclass
class Options:
    """Keys of this application."""

    root: str = option(Runtime.root, "folder of runs", positional=True, place=True)
    all: bool = option(False, "list done runs too")
    json: bool = option(False, "print the list as JSON instead")


def main(argv: list[str]) -> int:
    """Print the survey; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    root = cli.existing_folder("root", options.root)
    try:
        jobs, queue = slurm_state.jobs(root)
    except Problem as problem:
        print(f"SLURM does not answer, what follows is from the ledgers alone: {problem}", file=sys.stderr)
        jobs, queue = slurm_state.unasked(root), {}
    rows = survey(root, slurm_state.latest(jobs), queue)
    rows.sort(key=lambda row: (ORDER.index(row["state"]), row["run_id"]))
    listed = [row for row in rows if row["state"] != "done" or options.all]
    if options.json:
        print(json.dumps(listed, indent=1))
        return 0
    counts = Counter(row["state"] for row in rows)
    print("  ".join(f"{counts[state]} {state}" for state in ORDER if counts[state]) or "no runs")
    for row in listed:
        print(f"{row['state']:12} {row['run_id']}  {row['detail']}")
    print(hours_text(rows, jobs))
    return 0


def survey(
    root: Path,
    jobs: dict[str, slurm_state.Job] | None = None,
    queue: dict[str, dict[str, str]] | None = None,
) -> list[Row]:
    """The state of every run under a root that has begun or is planned.

    Args:
        root: folder of runs.
        jobs: the SLURM job that counts, by run id.
        queue: rows of squeue, by job id.
    """
    jobs, queue = jobs or {}, queue or {}
    folders = [folder for folder in sorted(root.iterdir()) if (folder / ledger.NAME).exists()]
    rows = {folder.name: look(folder, jobs.get(folder.name), queue) for folder in folders}
    planned: dict[str, list[str]] = {}
    for file in sorted((root / "sweeps").glob("*.json")):
        planned |= json.loads(file.read_text())["runs"]
    for run_id, overrides in planned.items():
        if run_id not in rows:
            rows[run_id] = not_begun(root, run_id, overrides, jobs.get(run_id))
    return list(rows.values())


def not_begun(root: Path, run_id: str, overrides: list[str], job: slurm_state.Job | None) -> Row:
    """The row of a planned run that has no ledger: missing, or failed before it had one."""
    row: Row = {
        "run_id": run_id,
        "state": "missing",
        "detail": " ".join(overrides),
        "hours": 0.0,
        "whole": None,
        "words": overrides,
    }
    if job and (job.live or job.unknown):
        row["state"], row["detail"] = by_job(job, "no ledger yet")
        return row
    reason = last_line(root / run_id / "log.txt")
    if job and job.state not in ("CANCELLED", "PREEMPTED"):
        reason = reason or last_line(job.log) or (ended(job) if job.state else "")
    if reason:
        row["state"], row["detail"] = "failed", reason
    elif job:
        row["detail"] += f"; {ended(job)}"
    return row


def look(folder: Path, job: slurm_state.Job | None, queue: dict[str, dict[str, str]]) -> Row:
    """The row of one run that has a ledger. ``job``: its SLURM job, or None."""
    row: Row = {"run_id": folder.name, "state": "damaged", "detail": "", "hours": 0.0, "whole": None, "words": []}
    try:
        records, summary = ledger.read(folder), read_summary(folder)
    except Damaged as damage:
        row["detail"] = str(damage)
        return row
    row["hours"] = spent = hours(records)[1]
    opens = [record for record in records if record["kind"] == "open"]
    calls = [record for record in records if record["kind"] == "call"]
    row["words"] = opens[0].get("words", []) if opens else []
    last = records[-1] if records else None
    progress = (
        f"seen {calls[-1]['state']['seen']:,}, set {calls[-1]['state']['size']:,}" if calls else "nothing done yet"
    )
    if calls and calls[-1]["state"]["seen"]:
        row["whole"] = spent * max(1, opens[0]["values"]["train.seen"] / calls[-1]["state"]["seen"])
    if summary:
        row["state"], row["detail"], row["whole"] = "done", f"accuracy {100 * summary['accuracy']:.2f} %", spent
    elif job and (job.live or job.unknown):
        row["state"], row["detail"] = by_job(job, progress)
    elif slurm_state.held(folder, queue):
        row["state"], row["detail"] = "running", progress
    elif last and last["kind"] == "close" and last["state"] == "failed":
        row["state"], row["detail"] = "failed", last.get("why", "")
    else:
        row["state"], row["detail"] = "interrupted", progress + (f"; {ended(job)}" if job else "")
    return row


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


def hours_text(rows: list[Row], jobs: list[slurm_state.Job]) -> str:
    """Device hours spent, an estimate of those to go, and what SLURM has allocated."""
    spent = sum(row["hours"] for row in rows)
    parts = [f"{hours_number(spent)} device hours spent"]
    known = {row["run_id"]: row["whole"] for row in rows if row["whole"]}
    unfinished = [row for row in rows if row["state"] != "done"]
    to_go, estimated, unknown = 0.0, 0, 0
    for row in unfinished:
        alike = [whole for run_id, whole in known.items() if kind(run_id) == kind(row["run_id"])]
        expected = None if alike else estimated_hours(row.get("words", []))
        estimated += expected is not None
        if expected is None and known:
            alike = alike or list(known.values())
            expected = sum(alike) / len(alike)
        unknown += expected is None
        to_go += max(0.0, (expected or 0.0) - row["hours"])
    if len(unfinished) > unknown:
        how = f" ({estimated} run{'s' * (estimated > 1)} as --dry-run estimates)" if estimated else ""
        parts.append(f"about {hours_number(to_go)} to go{how}")
    if unknown:
        parts.append("no estimate of those to go yet" if unknown == len(unfinished) else f"{unknown} not estimated")
    allocated = sum(job.allocated for job in jobs)
    parts += [f"{hours_number(allocated)} allocated by SLURM (sacct)"] if allocated else []
    return "; ".join(parts)


def estimated_hours(words: list[str]) -> float | None:
    """Device hours of a run of which nothing alike has been seen, as ``--dry-run`` estimates them; None: it cannot."""
    from benchmarks.estimates import estimate
    from dp_common.config.resolve import resolve

    try:
        found = estimate(resolve(words)) if words else None
    except (Problem, OSError):
        return None
    return found.total if found and found.prices else None


def hours_number(hours: float) -> str:
    """Hours of a cluster and of a test alike: 1234.50, 0.0123."""
    return f"{hours:.2f}" if hours >= 1 or not hours else f"{hours:.4f}"


def kind(run_id: str) -> str:
    """Task, strategy and scale, which a run id begins with."""
    return run_id.rsplit("-", 2)[0]


def last_line(path: str | Path) -> str:
    """The reason a run gave before it had a ledger."""
    path = Path(path)
    lines = path.read_text(errors="replace").strip().splitlines() if path.is_file() else []
    # what SLURM says of an exit code tells less than the run's own words
    own = [line for line in lines if not line.startswith(("srun:", "submitit "))]
    return (own or lines or [""])[-1]


if __name__ == "__main__":
    cli.guarded(main)
