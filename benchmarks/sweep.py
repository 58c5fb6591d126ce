"""A grid of runs, side by side on this machine.

    python -m benchmarks.sweep strategy=static,prune,dp scale=500,1k,2k,4k seed=0..4 launcher=local
    python -m benchmarks.sweep strategy=dp dp.omega=0,0.02,0.05 scale=2k seed=0..4 workers=2
    python -m benchmarks.sweep --dry-run ...         what would run

Commas and first..last make the grid; a strategy's own parameters multiply that strategy only. Give the same command again
and only what is missing runs. Each run is a process of its own, as many at a time as cores allow at ``threads`` each: one
that fails touches no other. Exit code 1 if any run failed.
"""

import hashlib
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks.cli import guarded
from dp_common import config, grid
from dp_common.errors import BadInput, Problem
from dp_common.files import write_atomic

LAUNCHERS = ("local",)


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__)
        return 0
    dry = "--dry-run" in words
    words = [word for word in words if word != "--dry-run"]
    own = {"launcher": "local", "workers": "0"}
    for word in [w for w in words if w.partition("=")[0] in own]:
        key, _, own[key] = word.partition("=")
        words.remove(word)
    if own["launcher"] not in LAUNCHERS:
        raise BadInput("launcher", own["launcher"], f"one of {', '.join(LAUNCHERS)}")
    runs = resolve_all(grid.expand(words))
    root = Path(runs[0].runtime.root)
    todo = [run for run in runs if not done(root / run.run_id)]
    print(f"{len(runs)} runs, {len(runs) - len(todo)} done already, {len(todo)} to do", file=sys.stderr)
    if dry:
        for run in todo:
            print(run.run_id, *run.words)
        return 0
    remember(root, words, runs)
    return launch(todo, workers_for(own["workers"], todo), root) if todo else 0


def resolve_all(points):
    """Check every point before the first one runs."""
    runs = {}
    for words in points:
        run = config.resolve(words)
        runs.setdefault(run.run_id, run)
    return list(runs.values())


def done(folder):
    path = folder / "summary.json"
    return path.exists() and json.loads(path.read_text()).get("state") == "done"


def remember(root, words, runs):
    """Write what this sweep consists of, so that status can say what is missing."""
    folder = root / "sweeps"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(" ".join(sorted(words)).encode()).hexdigest()[:10]
        content = {"words": words, "runs": {run.run_id: run.words for run in runs}}
        write_atomic(folder / f"{name}.json", json.dumps(content, indent=1).encode())
    except OSError as error:
        raise BadInput("root", root, f"cannot write there: {error.strerror}") from error


def workers_for(asked, todo):
    """How many runs at a time: cores over threads, or what was asked."""
    if asked.isdigit() and int(asked):
        return int(asked)
    if asked != "0":
        raise BadInput("workers", asked, "a whole number, 0 for as many as the cores allow")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, cores // max(run.spec.threads for run in todo))


def launch(todo, workers, root):
    """Run all, ``workers`` at a time; returns the exit code."""
    context = multiprocessing.get_context("forkserver")  # imports torch and timm once; each run is a fork of that clean state
    context.set_forkserver_preload(["dp_common.runner", "timm", "sklearn.cluster", "sklearn.covariance", "sklearn.model_selection",
                                    "sklearn.datasets", "scipy.ndimage", "scipy.stats"])
    started, failed, seconds = time.monotonic(), [], 0.0
    with ThreadPoolExecutor(workers) as pool:
        jobs = {pool.submit(one, context, run.words, root / run.run_id): run for run in todo}
        try:
            for number, job in enumerate(as_completed(jobs), 1):
                run, (code, took) = jobs[job], job.result()
                seconds += took
                left = (time.monotonic() - started) / number * (len(todo) - number)
                outcome = "done" if code == 0 else f"FAILED (exit {code}), see {root / run.run_id}/log.txt"
                print(f"{number}/{len(todo)}  {run.run_id}  {outcome}  {took:.0f} s   about {left / 60:.0f} min to go", file=sys.stderr, flush=True)
                failed += [run] if code else []
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            print("interrupted: runs in progress stop at their next mark; the same command goes on", file=sys.stderr)
            return 1
    if failed:
        print(f"{len(failed)} of {len(todo)} runs failed; the others are done. python -m benchmarks.status {root} says why", file=sys.stderr)
    return 1 if failed else 0


def one(context, words, folder):
    """One run in a process of its own -> (exit code, seconds)."""
    since = time.monotonic()
    process = context.Process(target=child, args=(words, str(folder)))
    process.start()
    process.join()
    return process.exitcode, time.monotonic() - since


def child(words, folder):
    """In the new process: its output to log.txt, its errors to its exit code."""
    started = time.perf_counter()
    os.environ["OMP_NUM_THREADS"] = "1"
    Path(folder).mkdir(parents=True, exist_ok=True)
    log = open(Path(folder) / "log.txt", "a", buffering=1)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    from benchmarks.run import stop_on_signals
    from dp_common.runner import execute

    stop = stop_on_signals()
    try:
        execute(config.resolve(words), stop=stop, started=started)
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(problem.code)


if __name__ == "__main__":
    guarded(main)
