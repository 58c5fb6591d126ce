"""What runs inside a SLURM job: one run, on one task or several, which commits at a signal and is requeued by submitit.

The object that is pickled holds words and paths only. The state of a run is on disk; a fresh object finds it there, so a requeue
from outside, which asks no checkpoint of anybody, is no special case.
"""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from dp_common.config.resolve import resolve
from dp_common.distributed import rendezvous as joining
from dp_common.errors import Interrupted, Problem
from dp_common.persistence import lease

ENDING = 300  # seconds in which a requeue ends all tasks


@dataclass
class RunJob:
    """``words`` with an absolute root, the id they must resolve to, and the copies of plugin files {as typed: copy}."""

    words: list
    run_id: str
    plugins: dict
    grace: float  # seconds from the signal to a requeue without a commit

    def __call__(self):
        from submitit import JobEnvironment

        job, began = JobEnvironment(), started()
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

    def work(self, signals, group, began):
        resolved = resolve(self.words, plugin_paths=self.plugins)
        if resolved.run_id != self.run_id:
            raise Problem(
                f"{self.run_id}: its words now mean {resolved.run_id}: data, weights or code are not those of the submission"
            )
        os.environ.setdefault("OMP_NUM_THREADS", str(resolved.spec.threads))
        from dp_common.lab.runner import execute

        execute(resolved, stop=signals.heard, quiet=not group.first, started=began, group=group)

    def checkpoint(self):
        """Called by submitit at a signal: what goes on in the job's next life."""
        from submitit import JobEnvironment
        from submitit.helpers import DelayedSubmission

        drop_stale(JobEnvironment().paths)
        return DelayedSubmission(RunJob(self.words, self.run_id, self.plugins, self.grace))


def ranks_of(job):
    """All tasks of a job are ranks of its run. SLURM's choice of devices stays: submitit would overwrite it by the local rank."""
    if job.num_tasks > 1:
        from submitit.helpers import TorchDistributedEnvironment

        TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
    return joining.join()


def drop_stale(paths):
    """A temporary file of a killed process makes every later save of submitit fail."""
    for path in (paths.submitted_pickle, paths.result_pickle):
        path.with_suffix(path.suffix + ".save_tmp").unlink(missing_ok=True)


def started():
    """``time.perf_counter()`` of this process's start, so that its imports count."""
    ticks = lease.process_start(os.getpid())
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK") if ticks else 0
    return time.perf_counter() - age


class Signals:
    """Handlers that only note. USR2 (submitit's: time limit or preemption) means commit, then requeue; if no mark is reached
    within ``grace`` seconds, requeue without. TERM alone means that SLURM is about to end the job: commit, and wait for it.
    """

    def __init__(self, grace):
        self.grace, self.process, self.noted = grace, os.getpid(), set()
        self.requeue = signal.getsignal(signal.SIGUSR2)
        for number in (signal.SIGUSR2, signal.SIGTERM):
            signal.signal(number, self.note)
        signal.signal(signal.SIGALRM, self.late)

    def note(self, number, frame):
        if os.getpid() != self.process:  # SLURM signals every process of a step, forked readers too
            return
        if number == signal.SIGUSR2 and number not in self.noted:
            signal.setitimer(signal.ITIMER_REAL, self.grace)
        self.noted.add(number)

    def late(self, number, frame):
        self.requeue(signal.SIGUSR2, frame)

    def heard(self):
        return bool(self.noted)

    def end(self, first=True):
        """All is committed: requeue, which ends the process, unless SLURM ends or requeues the job itself. Only the first task
        can requeue; the others wait to be ended, since a task that leaves early may take the first one along.
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


def job_runs():
    """Is this job still running as far as SLURM knows, that is neither cancelled nor being requeued?"""
    try:
        said = subprocess.run(
            ["squeue", "-h", "-j", os.environ["SLURM_JOB_ID"], "-o", "%T"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.stdout.strip() == "RUNNING"


def package_path(snapshot, cwd):
    """Shell lines that put the snapshot first on sys.path and the working folder, where plugins may have neighbours, last."""
    from shlex import quote

    return [
        "export PYTHONSAFEPATH=1",
        f"export PYTHONPATH={quote(str(snapshot))}${{PYTHONPATH:+:$PYTHONPATH}}:{quote(str(Path(cwd)))}",
    ]
