"""Runs of a sweep side by side on this machine, each a process of its own, forked from one that has torch imported."""

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cli import quoted
from benchmarks.endings import ended_like_ctrl_c, said
from dp_common.errors import BadInput, Held, Interrupted, Problem

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

PRELOADED = (
    "dp_common.lab.runner",
    "timm",
    "sklearn.cluster",
    "sklearn.covariance",
    "sklearn.model_selection",
    "sklearn.datasets",
    "scipy.ndimage",
    "scipy.stats",
)
OUTCOMES = {  # of a run, by its exit code; all others failed
    0: "done",
    Held.code: "held by another process, which goes on with it",
    Interrupted.code: "told to stop; the same command goes on",
}
LONGEST_TEMPORARY = 70  # characters: sockets below it may have paths of 107


def workers_for(asked: int, todo: "list[Resolved]") -> int:
    """How many runs at a time: as many as were asked for, or, for 0, cores over threads."""
    if asked or not todo:
        return asked or 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // max(run.spec.threads for run in todo))


def launch(todo: "list[Resolved]", workers: int, root: Path) -> int:
    """Run all, ``workers`` at a time.

    Returns:
        The exit code: 0 if all are done, 1 if one failed, else 130 if this or one was told to stop, else 3 if other
        processes work on some.
    """
    launcher = Launcher()
    started, failed, stopped, held = time.monotonic(), 0, 0, 0
    with ended_like_ctrl_c(), ThreadPoolExecutor(workers) as pool:
        try:
            jobs = {pool.submit(launcher.run, run.words, root / run.run_id): run for run in todo}
            for number, job in enumerate(as_completed(jobs), 1):
                run, (code, seconds) = jobs[job], job.result()
                left = (time.monotonic() - started) / number * (len(todo) - number) / 60
                outcome = OUTCOMES.get(code, f"FAILED (exit {code}), see {root / run.run_id}/log.txt")
                line = f"{number}/{len(todo)}  {run.run_id}  {outcome}  {seconds:.0f} s   about {left:.0f} min to go"
                print(line, file=sys.stderr, flush=True)
                failed += code not in OUTCOMES
                stopped += code == Interrupted.code
                held += code == Held.code
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            launcher.stop()
            print("interrupted: runs in progress stop at their next yield; the same command goes on", file=sys.stderr)
            return Interrupted.code
    if stopped:
        print(f"{stopped} of {len(todo)} runs were told to stop; the same command goes on", file=sys.stderr)
    stops, elsewhere = " or told to stop" * bool(stopped), " or worked on elsewhere" * bool(held)
    if failed:
        count = f"{failed} of {len(todo)} runs failed; the others are done{stops}{elsewhere}"
        print(f"{count}. python -m benchmarks.status {quoted(root)} says why", file=sys.stderr)
    elif held:
        count = f"other processes work on {held} of {len(todo)} runs, the others are done{stops}"
        print(f"{count}. python -m benchmarks.status {quoted(root)} says how they go", file=sys.stderr)
    return 1 if failed else Interrupted.code if stopped else Held.code if held else 0


class Launcher:
    """Starts runs as processes, and stops all of them when it is told to."""

    def __init__(self) -> None:
        shorten_temporary_folder()
        self.context: ForkServerContext = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(list(PRELOADED))  # imports once; each run is a fork of that clean state
        self.lock, self.stopping, self.processes = threading.Lock(), False, set[BaseProcess]()

    def run(self, overrides: list[str], folder: Path) -> tuple[int, float]:
        """One run in a process of its own -> (exit code, seconds)."""
        since = time.monotonic()
        process = self.context.Process(target=child, args=(overrides, str(folder)))
        process.start()
        with self.lock:
            self.processes.add(process)
            if self.stopping:
                process.terminate()
        process.join()
        with self.lock:
            self.processes.discard(process)
        return process.exitcode or 0, time.monotonic() - since

    def stop(self) -> None:
        """Tell every run, also one that is just starting, to end at its next yield."""
        with self.lock:
            self.stopping = True
            for process in self.processes:
                process.terminate()


def shorten_temporary_folder() -> None:
    """The fork server listens at a socket, whose path the system limits: where TMPDIR is long, take another folder."""
    if len(tempfile.gettempdir()) <= LONGEST_TEMPORARY:
        return
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        if os.access(folder, os.W_OK | os.X_OK):
            tempfile.tempdir = folder
            return
    allowed = f"a path of at most {LONGEST_TEMPORARY} characters, for sockets"
    raise BadInput("TMPDIR", tempfile.gettempdir(), allowed)


def child(overrides: list[str], folder: str) -> None:
    """In the new process: its output to log.txt, its errors to its exit code."""
    started = time.perf_counter()
    from benchmarks.run import stop_on_signals

    stop = stop_on_signals()
    os.environ["OMP_NUM_THREADS"] = "1"
    Path(folder).mkdir(parents=True, exist_ok=True)
    log = open(Path(folder) / "log.txt", "a", buffering=1)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    from dp_common.config.resolve import resolve
    from dp_common.lab.runner import execute

    try:
        execute(resolve(overrides), stop=stop, started=started)
    except Problem as problem:
        print(said(problem), file=sys.stderr)
        sys.exit(problem.code)
