"""Runs -> job arrays, submitted through submitit; returns as soon as SLURM has them."""

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dp_common.errors import BadInput, Problem
from dp_common.files import write_atomic
from slurm import snapshot, state
from slurm.jobs import FillJob, RunJob, package_path
from slurm.profiles import FOREVER, Profile, cpus_of, parameters

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

BLAME = {
    "invalid account": "account",
    "partition": "partition",
    "qos": "qos",
    "feature": "constraint",
    "time limit": "time",
    "node configuration": "nodes, gpus, cpus, memory",
    "node count": "nodes",
    "processors": "nodes, tasks, cpus",
    "memory": "memory",
    "reservation": "options",
}  # words in sbatch's refusal -> the key to look at


class Full(Exception):
    """A limit on the number of jobs was met."""


def submit(
    runs: "list[Resolved]", root: str | Path, sweep: str, profile: Profile
) -> "tuple[dict[str, str], list[Resolved]]":
    """Submit runs as job arrays.

    Args:
        runs: those to submit.
        root: folder of runs, on a file system that the nodes share.
        sweep: its name, which the jobs bear.
        profile: the resources of a run.

    Returns:
        (job ids by run id, runs that the cluster did not take).

    Raises:
        BadInput: a key of the profile that the cluster refuses.
        Problem: the cluster refuses for another reason, or does not answer.
    """
    check_cluster(profile)
    code = snapshot.take(root)
    taken: dict[str, str] = {}
    waiting = chunks(runs, profile)
    while waiting:
        cpus, part = waiting.pop(0)
        try:
            ids = submit_array(part, cpus, root, sweep, profile, code)
        except Full:
            if len(part) == 1:
                return taken, part + [run for _, rest in waiting for run in rest]
            half = len(part) // 2
            waiting[:0] = [(cpus, part[:half]), (cpus, part[half:])]
            continue
        taken |= ids
        print(f"{len(part)} runs submitted as job {next(iter(ids.values())).partition('_')[0]}", file=sys.stderr)
    return taken, []


def chunks(runs: "list[Resolved]", profile: Profile) -> "list[tuple[int, list[Resolved]]]":
    """[(cpus, runs)]: runs of equal resources together, no more than an array may have."""
    groups: dict[int, list[Resolved]] = {}
    for run in runs:
        groups.setdefault(cpus_of(profile, run), []).append(run)
    size = array_size()
    return [
        (cpus, group[first : first + size]) for cpus, group in groups.items() for first in range(0, len(group), size)
    ]


def array_size() -> int:
    """The most tasks an array may have."""
    said = re.search(r"MaxArraySize\s*=\s*(\d+)", state.ask("scontrol", "show", "config"))
    return max(1, int(said[1]) - 1) if said else 1000


def check_cluster(profile: Profile) -> None:
    """Refuse where there is no cluster, or it does not have this partition. Raises BadInput."""
    if not shutil.which("sbatch") or not shutil.which("srun"):
        raise BadInput("launcher", "slurm", "needs sbatch and srun; this machine has none (launcher=local runs here)")
    partitions = state.ask("sinfo", "--noheader", "--format=%R").split()
    if profile.partition and not set(profile.partition.split(",")) <= set(partitions):
        raise BadInput("slurm.partition", profile.partition, f"this cluster has {', '.join(dict.fromkeys(partitions))}")


def submit_array(
    runs: "list[Resolved]", cpus: int, root: str | Path, sweep: str, profile: Profile, code: Path
) -> dict[str, str]:
    """One array, or one job for one run; leaves nothing if refused. Returns job ids by run id."""
    work = {run.run_id: job_of(run, root, profile.grace) for run in runs}
    return submit_work(work, cpus, root, sweep, profile, code)


def submit_fill(work: dict[str, FillJob], cpus: int, root: str | Path, sweep: str, profile: Profile) -> dict[str, str]:
    """Submit jobs that fill pools as one array. Returns job ids by name. Raises BadInput or Problem."""
    if len(work) > array_size():
        raise BadInput("jobs", len(work), f"at most {array_size()} in all, the size of an array of this cluster")
    try:
        return submit_work(work, cpus, root, sweep, profile, snapshot.take(root))
    except Full as full:
        raise Problem(f"the cluster allows no so many jobs now: {full}; ask for fewer") from full


def submit_work(
    work: Mapping[str, RunJob | FillJob], cpus: int, root: str | Path, sweep: str, profile: Profile, code: Path
) -> dict[str, str]:
    """One array of jobs by name, or one job; leaves nothing if refused. Returns job ids by name."""
    from submitit import SlurmExecutor
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    folder = Path(root).resolve() / ".slurm" / sweep / f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
    name = next(iter(work)) if len(work) == 1 else f"dp-{sweep}"
    tag = state.tag(root, sweep)
    # a signal that comes before submitit listens must not kill the job
    python = f'/bin/sh -c \'trap "" USR2; exec "$0" "$@"\' {shlex.quote(sys.executable)}'
    executor = SlurmExecutor(
        folder, max_num_timeout=FOREVER if profile.timeouts < 0 else profile.timeouts, python=python
    )
    executor.update_parameters(
        **parameters(profile, cpus),
        job_name=name,
        setup=[*profile.setup, *package_path(code, Path.cwd())],
        additional_parameters={"requeue": True, **options(profile), "comment": tag},
    )
    try:
        with without_job_environment(), contextlib.redirect_stderr(io.StringIO()):  # sbatch's words are shown below
            submitted = executor.submit_array(list(work.values()))
    except (FailedJobError, FailedSubmissionError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise refusal(str(error), profile) from error
    ids = {name: job.job_id for name, job in zip(work, submitted)}
    record = {
        "sweep": sweep,
        "time": time.time(),
        "name": name,
        "devices": profile.devices,
        "code": str(code),
        "parameters": dict(executor.parameters),
        "jobs": {job: run_id for run_id, job in ids.items()},
    }
    write_atomic(folder / "jobs.json", json.dumps(record, indent=1, default=str).encode())
    if len(work) > 1:
        rename(ids)
    return ids


def options(profile: Profile) -> dict[str, Any]:
    """Further options of sbatch; a flag without a value, such as exclusive, is ``true`` in a profile."""
    return {key: True if value == "true" else value for key, value in profile.options.items()}


def job_of(run: "Resolved", root: str | Path, grace: float) -> RunJob:
    """The run as a job that no later edit of its files changes."""
    overrides, plugins = snapshot.pin(run, root)
    return RunJob(overrides, run.run_id, plugins, grace)


def rename(ids: dict[str, str]) -> None:
    """Give each task of an array its run's name; an array as such has only one."""
    orders = "".join(f"update JobId={job} JobName={run_id}\n" for run_id, job in ids.items())
    said = subprocess.run(["scontrol"], input=orders, capture_output=True, text=True, timeout=600)
    if said.stderr.strip():  # a task that has ended already has no name to give
        print(f"note: some jobs keep the array's name: {said.stderr.split(chr(10))[0]}", file=sys.stderr)


def refusal(text: str, profile: Profile) -> Exception:
    """The error to raise for what sbatch said."""
    said = [
        line.removeprefix("sbatch: ").removeprefix("error: ")
        for line in text.splitlines()
        if line.startswith("sbatch:")
    ] or text.split("\n")[-1:]
    line = "; ".join(said)
    if re.search(r"MaxSubmit|MaxJobCount|Resource temporarily unavailable", line):
        return Full(line)
    for word, keys in BLAME.items():
        if word in line.lower():
            value = None if "," in keys else getattr(profile, keys) or None
            return BadInput(
                f"slurm.{keys}" if "," not in keys else f"profile ({keys})", value, f"the cluster says: {line}"
            )
    return Problem(f"the cluster did not take the jobs: {line}")


OF_A_PROCESS_GROUP = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


@contextmanager
def without_job_environment() -> Iterator[None]:
    """Hide the variables of a job or a torchrun this may be called from: the new jobs would take them for their own."""
    inside = "SLURM_JOB_ID" in os.environ
    kept = {
        key: os.environ.pop(key)
        for key in list(os.environ)
        if key in OF_A_PROCESS_GROUP or inside and key.startswith(("SLURM_", "SUBMITIT_")) and key != "SLURM_CONF"
    }
    try:
        yield
    finally:
        os.environ.update(kept)
