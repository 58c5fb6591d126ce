"""What SLURM says of the jobs of a root: squeue of those that live, sacct (where there is accounting) of the ended.

Every submission left a ``jobs.json`` under <root>/.slurm/. squeue is asked after sacct and believed first: a job that
was requeued after its node failed has ended for sacct and is pending for squeue. submitit's own ``result()`` is not
used: without accounting it waits for ever for a job that died.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from dp_common.errors import Problem
from dp_common.persistence import lease, listening

FIELDS = {"JobArrayID": 40, "JobID": 20, "State": 20, "Reason": 60, "RestartCnt": 12, "Name": 140, "Comment": 80}
LIVE = {
    "PENDING",
    "RUNNING",
    "SUSPENDED",
    "COMPLETING",
    "CONFIGURING",
    "STAGE_OUT",
    "SIGNALING",
    "STOPPED",
    "RESIZING",
    "REQUEUED",
    "REQUEUE_HOLD",
    "REQUEUE_FED",
    "RESV_DEL_HOLD",
    "SPECIAL_EXIT",
}
STARTED = {"RUNNING", "COMPLETING", "SUSPENDED", "STAGE_OUT", "SIGNALING", "STOPPED", "RESIZING"}


@dataclass
class Job:
    """One job of one run. ``state`` is SLURM's word, or "" where it knows nothing of the job (any more)."""

    id: str
    run_id: str
    sweep: str
    log: str
    devices: int
    state: str = ""
    reason: str = ""
    restarts: int = 0
    allocated: float = 0.0  # device hours by sacct, all lives of the job
    unknown: bool = False  # SLURM was not asked

    @property
    def live(self) -> bool:
        """Does it wait, run or end?"""
        return self.state in LIVE

    @property
    def started(self) -> bool:
        """Has it begun?"""
        return self.state in STARTED


def tag(root: str | Path, sweep: str) -> str:
    """The comment that marks a job as one of this sweep under this root."""
    return f"dp {sweep} {sha256(str(Path(root).resolve()).encode()).hexdigest()[:12]}"


def submissions(root: str | Path) -> list[dict[str, Any]]:
    """The records of all submissions under ``root``, oldest first."""
    records = [
        json.loads(path.read_text()) | {"folder": str(path.parent)} for path in Path(root).glob(".slurm/*/*/jobs.json")
    ]
    return sorted(records, key=lambda record: record["time"])


def ask(*command: str) -> str:
    """The output of a SLURM command. Raises Problem with its own words."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        raise Problem(f"{command[0]}: not found; is this a machine of the cluster?") from None
    except subprocess.TimeoutExpired:
        raise Problem(f"{command[0]}: no answer within 60 s") from None
    if said.returncode:
        raise Problem(" ".join(said.stderr.split()) or f"{command[0]}: exit code {said.returncode}")
    return said.stdout


def queue() -> dict[str, dict[str, str]]:
    """The rows of squeue of this user, {array or plain id: {field: text}}; jobs that ended just now are among them."""
    text = ask(
        "squeue",
        "--noheader",
        "--array",
        "--states=all",
        f"--user={os.getuid()}",
        "--Format",
        ",".join(f"{name}:{width}" for name, width in FIELDS.items()),
    )
    rows = {}
    for line in text.splitlines():
        row, at = {}, 0
        for name, width in FIELDS.items():
            row[name] = line[at : at + width].strip()
            at += width
        rows[row["JobArrayID"]] = row
    return rows


def accounting(ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What sacct says of jobs: {job id: [its lives: state, exit, seconds, gpus, name]}.

    It is {} where there is no accounting, and with a note on stderr where it does not answer.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    ids = sorted({name.partition("_")[0] for name in ids})
    for start in range(0, len(ids), 200):
        try:
            text = ask(
                "sacct",
                "--allocations",
                "--duplicates",
                "--noheader",
                "--parsable2",
                f"--jobs={','.join(ids[start : start + 200])}",
                "--format=JobID,State,ExitCode,ElapsedRaw,AllocTRES,JobName",
            )
        except Problem as problem:
            if "disabled" not in str(problem) and "not found" not in str(problem):
                print(f"note: no accounting now: {problem}", file=sys.stderr)
            return {}
        for line in text.splitlines():
            name, state, code, seconds, tres, job_name = line.split("|", 5)
            gpus = next((int(part.partition("=")[2]) for part in tres.split(",") if part.startswith("gres/gpu=")), 0)
            found.setdefault(name, []).append(
                {
                    "state": state.partition(" ")[0],
                    "exit": code,
                    "seconds": int(seconds or 0),
                    "gpus": gpus,
                    "name": job_name,
                }
            )
    return found


def jobs(root: str | Path) -> tuple[list[Job], dict[str, dict[str, str]]]:
    """All jobs ever submitted under ``root``, with what SLURM says of them now; it is not asked where there are none.

    Returns:
        (jobs, oldest first; rows of squeue).

    Raises:
        Problem: SLURM does not answer.
    """
    if not (Path(root) / ".slurm").is_dir():
        return [], {}
    records = submissions(root)
    ids = [name for record in records for name in record["jobs"]]
    ended, alive = accounting(ids), queue()
    all_jobs: list[Job] = []
    for record in records:
        for job in jobs_of(record):
            name, run_id = job.id, job.run_id
            for life in ended.get(name, []):
                if life["name"] in (run_id, record["name"]):  # else the id is another's by now
                    job.state, job.reason = life["state"], f"exit code {life['exit']}" if life["exit"] != "0:0" else ""
                    job.allocated += life["seconds"] * (life["gpus"] or record["devices"]) / 3600
            if job.live:  # sacct lags behind; whether a job lives is squeue's to say
                job.state = job.reason = ""
            row = alive.get(name)
            if row and row["Comment"] == tag(root, record["sweep"]):
                if row["State"] in LIVE or not job.state:
                    job.state, job.reason = row["State"], row["Reason"]
                job.restarts = int(row["RestartCnt"] or 0)
            all_jobs.append(job)
    known = {job.id for job in all_jobs}
    for name, row in alive.items():  # of a submission that was interrupted before it wrote its record
        sweep = (row["Comment"].split() + ["", ""])[1]
        if name not in known and row["State"] in LIVE and row["Comment"] == tag(root, sweep):
            all_jobs.append(
                Job(
                    name,
                    row["Name"],
                    sweep,
                    "",
                    1,
                    row["State"],
                    row["Reason"],
                    int(row["RestartCnt"] or 0),
                )
            )
    return all_jobs, alive


def jobs_of(record: dict[str, Any]) -> list[Job]:
    """The jobs of one submission, as yet without SLURM's word."""
    return [
        Job(name, run_id, record["sweep"], f"{record['folder']}/{name}_0_log.err", record["devices"])
        for name, run_id in record["jobs"].items()
    ]


def unasked(root: str | Path) -> list[Job]:
    """The jobs as they were submitted, where SLURM does not answer."""
    known = [job for record in submissions(root) for job in jobs_of(record)]
    for job in known:
        job.unknown = True
    return known


def latest(all_jobs: list[Job]) -> dict[str, Job]:
    """The job of each run that counts, by run id: the one that lives, else the last."""
    counts: dict[str, Job] = {}
    for job in all_jobs:
        if job.run_id not in counts or job.live or not counts[job.run_id].live:
            counts[job.run_id] = job
    return counts


def held(folders: Sequence[Path], rows: dict[str, dict[str, str]]) -> set[Path]:
    """The runs that a living process holds: a job that squeue's ``rows`` know to have started, or one that is seen or
    heard from here.
    """
    working = {row["JobID"] for row in rows.values() if row["State"] in STARTED}
    holders = {folder: lease.read(folder) for folder in folders}
    by_job = {folder for folder, holder in holders.items() if holder and holder["slurm_job"] in working}
    return by_job | listening.living(folder for folder in folders if folder not in by_job)


def cancel(chosen: list[Job]) -> None:
    """End these jobs. Raises Problem."""
    for start in range(0, len(chosen), 300):
        ask("scancel", *[job.id for job in chosen[start : start + 300]])
