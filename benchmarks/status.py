"""What is done, running, pending, preempted, interrupted, failed (with its reason) or missing under a root; hours spent and to go.

    python -m benchmarks.status [root] [--all]

``--all`` lists done runs too. Missing runs are those of a remembered sweep that never started. Reads ledgers and leases, and where
a sweep was submitted to SLURM also squeue, and sacct if the cluster has accounting. pending: its job waits for its first start;
unknown: SLURM did not answer; preempted: its job was requeued and will go on by itself; interrupted: nothing works on it any more, the same command (run or
sweep) resumes it. Hours to go are an estimate from runs of the same strategy and scale, done or under way.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from benchmarks.cli import guarded
from dp_common.errors import BadInput, Damaged, Problem
from dp_common.persistence import ledger
from dp_common.persistence.summary import hours
from slurm import state as slurm_state

ORDER = ("running", "unknown", "pending", "preempted", "failed", "damaged", "interrupted", "missing", "done")


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__)
        return 0
    every = "--all" in words
    roots = [word.removeprefix("root=") for word in words if word != "--all"]
    if len(roots) > 1:
        raise BadInput("root", " ".join(roots), "one folder")
    root = Path(roots[0] if roots else "results/runs")
    if not root.is_dir():
        raise BadInput("root", root, "no such folder")
    try:
        jobs, queue = slurm_state.jobs(root)
    except Problem as problem:
        print(f"SLURM does not answer, what follows is from the ledgers alone: {problem}", file=sys.stderr)
        jobs, queue = slurm_state.unasked(root), {}
    rows = survey(root, slurm_state.latest(jobs), queue)
    counts = Counter(row["state"] for row in rows)
    print("  ".join(f"{counts[state]} {state}" for state in ORDER if counts[state]) or "no runs")
    for row in sorted(rows, key=lambda row: (ORDER.index(row["state"]), row["run_id"])):
        if row["state"] != "done" or every:
            print(f"{row['state']:12} {row['run_id']}  {row['detail']}")
    print(hours_text(rows, jobs))
    return 0


def survey(root, jobs=None, queue=None):
    """One row per run: {run_id, state, detail, hours, whole}; ``whole``: device hours of all of it, None if unknown."""
    jobs, queue = jobs or {}, queue or {}
    rows = {
        folder.name: look(folder, jobs.get(folder.name), queue)
        for folder in sorted(root.iterdir())
        if (folder / ledger.NAME).exists()
    }
    planned = {}
    for file in sorted((root / "sweeps").glob("*.json")):
        planned |= json.loads(file.read_text())["runs"]
    for run_id in [run_id for run_id in planned if run_id not in rows]:
        job, crashed = jobs.get(run_id), last_line(root / run_id / "log.txt")
        if job and (job.live or job.unknown):
            state, detail = by_job(job, "no ledger yet")
        else:
            if job and job.state not in ("CANCELLED", "PREEMPTED"):
                crashed = crashed or last_line(job.log) or (ended(job) if job.state else "")
            state, detail = (
                ("failed", crashed)
                if crashed
                else ("missing", " ".join(planned[run_id]) + (f"; {ended(job)}" if job else ""))
            )
        rows[run_id] = {"run_id": run_id, "state": state, "detail": detail, "hours": 0.0, "whole": None}
    return list(rows.values())


def look(folder, job, queue):
    """The row of one run that has a ledger. ``job``: its SLURM job, or None."""
    try:
        records = ledger.read(folder)
    except Damaged as damage:
        return {"run_id": folder.name, "state": "damaged", "detail": str(damage), "hours": 0.0, "whole": None}
    spent = hours(records)[1]
    row = {"run_id": folder.name, "hours": spent, "whole": None}
    calls = [r for r in records if r["kind"] == "call"]
    at = f"seen {calls[-1]['state']['seen']:,}, set {calls[-1]['state']['size']:,}" if calls else "nothing done yet"
    if calls and calls[-1]["state"]["seen"]:
        row["whole"] = spent * max(1, records[0]["values"]["train.seen"] / calls[-1]["state"]["seen"])
    last = records[-1] if records else {"kind": "open"}
    if (folder / "summary.json").exists():
        summary = json.loads((folder / "summary.json").read_text())
        return row | {"state": "done", "detail": f"accuracy {100 * summary['accuracy']:.2f} %", "whole": spent}
    if job and (job.live or job.unknown):
        state, detail = by_job(job, at)
    elif slurm_state.held(folder, queue):
        state, detail = "running", at
    elif last["kind"] == "close" and last["state"] == "failed":
        state, detail = "failed", last["why"]
    else:
        state, detail = "interrupted", at + (f"; {ended(job)}" if job else "")
    return row | {"state": state, "detail": detail}


def by_job(job, at):
    """(state, detail) of a run whose job lives."""
    if job.unknown:
        return "unknown", f"{at}; submitted as job {job.id}"
    if job.started:
        return "running", f"{at}; job {job.id}"
    why = f"job {job.id} {job.state}" + (f" ({job.reason})" if job.reason and job.reason != "None" else "")
    return ("preempted", f"{at}; {why}, requeued {job.restarts} time(s)") if job.restarts else ("pending", why)


def ended(job):
    """What SLURM says of a job that is no more."""
    said = f"{job.state} {job.reason if job.reason != 'None' else ''}".strip() or "SLURM knows it no more"
    return f"job {job.id}: {said}, see {job.log}"


def hours_text(rows, jobs):
    """Device hours spent, an estimate of those to go, and what SLURM has allocated."""
    spent, parts = sum(row["hours"] for row in rows), []
    open_rows, known = [row for row in rows if row["state"] != "done"], [row for row in rows if row["whole"]]
    if open_rows and known:
        to_go = 0.0
        for row in open_rows:
            alike = [other["whole"] for other in known if kind(other) == kind(row)] or [
                other["whole"] for other in known
            ]
            to_go += max(0.0, sum(alike) / len(alike) - row["hours"])
        parts.append(f"about {few(to_go)} to go")
    elif open_rows:
        parts.append("no estimate of those to go yet")
    allocated = sum(job.allocated for job in jobs)
    parts += [f"{few(allocated)} allocated by SLURM (sacct)"] if allocated else []
    return "; ".join([f"{few(spent)} device hours spent", *parts])


def few(hours):
    """Hours of a cluster and of a test alike: 1234.50, 0.0123."""
    return f"{hours:.2f}" if hours >= 1 or not hours else f"{hours:.4f}"


def kind(row):
    """Task, strategy and scale, which a run id begins with."""
    return row["run_id"].rsplit("-", 2)[0]


def last_line(path):
    """The reason a run gave before it had a ledger."""
    path = Path(path)
    lines = path.read_text(errors="replace").strip().splitlines() if path.is_file() else []
    own = [
        line for line in lines if not line.startswith(("srun:", "submitit "))
    ]  # what SLURM says of an exit code tells less
    return (own or lines or [""])[-1]


if __name__ == "__main__":
    guarded(main)
