"""What runs inside a SLURM job: one run, on one task or several, which commits at a signal and is requeued by submitit.

The object that is pickled holds overrides and paths only. The state of a run is on disk; a fresh object finds it
there, so a requeue from outside, which asks no checkpoint of anybody, is no special case.
"""

import os
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from dp_common import files
from dp_common.config.resolve import resolve
from dp_common.config.specification import canonical
from dp_common.distributed import rendezvous
from dp_common.errors import Interrupted, Problem
from dp_common.persistence import lease
from dp_common.pool.key import values_of
from dp_common.progress import hours_text

if TYPE_CHECKING:
    from dp_common.distributed.process_group import ProcessGroup

ENDING = 300  # seconds in which a requeue ends all tasks


@dataclass
class RunJob:
    """One run as submitit calls it in a job.

    Attributes:
        overrides: keys of the run, with an absolute root.
        run_id: what they must resolve to.
        plugins: copies of plugin files, {as typed: copy}.
        grace: seconds from the signal to a requeue without a commit.
    """

    overrides: list[str]
    run_id: str
    plugins: dict[str, str]
    grace: float

    def __call__(self) -> str:
        """Do the run on all tasks of the job; returns its id."""
        from submitit import JobEnvironment

        job, began = JobEnvironment(), process_started()
        signals = Signals(self.grace)
        group = ranks_of(job)
        try:
            if group.first:
                drop_stale(job.paths)
            self.work(signals, group, began)
        except Interrupted:
            signals.end(group.first)
        except Exception as error:
            group.report_failure(error)
            raise
        finally:
            group.shutdown()
        return self.run_id

    def work(self, signals: "Signals", group: "ProcessGroup", began: float) -> None:
        """The run itself. Raises Problem where it is not what was submitted."""
        resolved = resolve(self.overrides, plugin_paths=self.plugins)
        if resolved.run_id != self.run_id:
            why = "data, weights or code are not those of the submission"
            raise Problem(f"{self.run_id}: its keys now mean {resolved.run_id}: {why}")
        os.environ.setdefault("OMP_NUM_THREADS", str(resolved.spec.threads))
        from dp_common.lab.runner import execute

        execute(resolved, stop=signals.received, quiet=not group.first, started=began, group=group)

    def checkpoint(self) -> Any:
        """What goes on in the job's next life; submitit calls it at a signal."""
        from submitit import JobEnvironment
        from submitit.helpers import DelayedSubmission

        drop_stale(JobEnvironment().paths)
        return DelayedSubmission(RunJob(self.overrides, self.run_id, self.plugins, self.grace))


@dataclass
class FillJob:
    """One filler of a pool as submitit calls it in a job; of several tasks each is one.

    Attributes:
        overrides: keys of a run that takes from the pool, with an absolute root.
        plugins: copies of plugin files, {as typed: copy}.
        digest: of what the images are made of, which the keys must come to.
        n: images in all.
        part: which of the jobs of this pool it is, of ``parts``.
        parts: their number.
        grace: seconds from the signal to a requeue without a commit.
    """

    overrides: list[str]
    plugins: dict[str, str]
    digest: str
    n: int
    part: int
    parts: int
    grace: float

    def __call__(self) -> int:
        """Fill until all is there; returns how many images this task made."""
        from submitit import JobEnvironment

        job = JobEnvironment()
        signals = Signals(self.grace)
        if job.global_rank == 0:
            drop_stale(job.paths)
        try:
            return self.work(signals, job)
        except Interrupted:
            signals.end(job.global_rank == 0)
        return 0

    def work(self, signals: "Signals", job: Any) -> int:
        """The filling itself. Raises Interrupted; Problem where it is not what was submitted."""
        resolved = resolve(self.overrides, plugin_paths=self.plugins)
        if (now := files.digest(canonical(values_of(resolved)))[:8]) != self.digest:
            raise Problem(
                f"pool {self.digest}: its keys now mean {now}: data, weights or code are not the submission's"
            )
        os.environ.setdefault("OMP_NUM_THREADS", str(resolved.spec.threads))
        from dp_common.distributed.process_group import SingleProcess
        from dp_common.lab.filling import fill
        from dp_common.lab.runner import preflight

        def pause() -> None:
            if signals.received():
                raise Interrupted("told to go; what is made is kept")

        alone = SingleProcess()
        alone.local = job.local_rank
        turn = (self.part * job.num_tasks + job.global_rank) / (self.parts * job.num_tasks)
        made = fill(resolved, self.n, preflight(resolved, alone), lambda n: None, pause, turn)
        print(f"{made.images:,} of {self.n:,} images made here, {hours_text(made.seconds / 3600)} h spent on them")
        return made.images

    def checkpoint(self) -> Any:
        """What goes on in the job's next life; submitit calls it at a signal."""
        from submitit import JobEnvironment
        from submitit.helpers import DelayedSubmission

        drop_stale(JobEnvironment().paths)
        return DelayedSubmission(replace(self))


def ranks_of(job: Any) -> "ProcessGroup":
    """All tasks of a job, as ranks of its run. SLURM's choice of devices stays: submitit would take the local rank."""
    if job.num_tasks > 1:
        from submitit.helpers import TorchDistributedEnvironment

        TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
    return rendezvous.join()


def drop_stale(paths: Any) -> None:
    """Remove the temporary files of a killed process: they make every later save of submitit fail."""
    for path in (paths.submitted_pickle, paths.result_pickle):
        path.with_suffix(path.suffix + ".save_tmp").unlink(missing_ok=True)


def process_started() -> float:
    """``time.perf_counter()`` of this process's start, so that its imports count."""
    ticks = lease.process_start(os.getpid())
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK") if ticks else 0
    return time.perf_counter() - age


class Signals:
    """Handlers that only note what was received.

    USR2 (submitit's: time limit or preemption) means commit, then requeue; if no yield of the strategy is reached
    within ``grace`` seconds, requeue without. TERM alone means that SLURM is about to end the job: commit, and wait
    for it.
    """

    def __init__(self, grace: float) -> None:
        self.grace, self.process = grace, os.getpid()
        self.noted: set[int] = set()
        self.requeue: Any = signal.getsignal(signal.SIGUSR2)
        for number in (signal.SIGUSR2, signal.SIGTERM):
            signal.signal(number, self.note)
        signal.signal(signal.SIGALRM, self.late)

    def note(self, number: int, frame: FrameType | None) -> None:
        """The handler."""
        if os.getpid() != self.process:  # SLURM signals every process of a step, forked readers too
            return
        if number == signal.SIGUSR2 and number not in self.noted:
            signal.setitimer(signal.ITIMER_REAL, self.grace)
        self.noted.add(number)

    def late(self, number: int, frame: FrameType | None) -> None:
        """The handler of the alarm after ``grace`` seconds."""
        self.requeue(signal.SIGUSR2, frame)

    def received(self) -> bool:
        """Is the run to stop?"""
        return bool(self.noted)

    def end(self, first: bool = True) -> None:
        """Requeue after all is committed, which ends the process, unless SLURM ends or requeues the job itself.

        Only the first task can requeue; the others wait to be ended, since a task that leaves early may take the
        first one along.
        """
        waited = 0
        while signal.SIGUSR2 not in self.noted and (waited < 15 or not job_runs()):
            time.sleep(1)
            waited += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        if first:
            self.requeue(signal.SIGUSR2, None)
        else:
            time.sleep(ENDING)


def job_runs() -> bool:
    """Is this job still running as far as SLURM knows, neither cancelled nor being requeued?"""
    try:
        said = subprocess.run(
            ["squeue", "-h", "-j", os.environ["SLURM_JOB_ID"], "-o", "%T"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.strip() == "RUNNING"


def package_path(snapshot: Path, cwd: Path) -> list[str]:
    """Shell lines: the snapshot first on sys.path, the working folder, where plugins may have neighbours, last."""
    from shlex import quote

    return [
        "export PYTHONSAFEPATH=1",
        f"export PYTHONPATH={quote(str(snapshot))}${{PYTHONPATH:+:$PYTHONPATH}}:{quote(str(Path(cwd)))}",
    ]
