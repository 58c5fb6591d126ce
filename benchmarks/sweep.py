"""A grid of runs: side by side on this machine, or as job arrays on a SLURM cluster.

    python -m benchmarks.sweep strategy=static,prune,dp scale=500,1k,2k,4k seed=0..4 launcher=local
    python -m benchmarks.sweep strategy=dp dp.omega=0,0.02,0.05 scale=2k seed=0..4 workers=2
    python -m benchmarks.sweep grid=digits launcher=slurm profile=cpu slurm.partition=batch root=/shared/runs
    python -m benchmarks.sweep --dry-run ...         what would run

Commas and first..last make the grid; a strategy's own parameters multiply that strategy only; grid=NAME reads one from
benchmarks/grids (or a .yaml file), and words beside it replace its keys. Give the same command again and only what is
missing runs. launcher=local: each run is a process of its own, as many at a time as cores allow at ``threads`` each; one that
fails touches no other; exit code 1 if any run failed. launcher=slurm: submits what is missing and not queued already, with the
code as it is now, and returns; profile= says with which resources, slurm.KEY=value changes one of its keys.
python -m benchmarks.status tells how it goes, python -m benchmarks.cancel ends it.
"""

import hashlib
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks import grid_files
from benchmarks.cli import guarded
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Problem, did_you_mean
from dp_common.files import write_atomic

LAUNCHERS = ("local", "slurm")


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__)
        return 0
    dry = "--dry-run" in words
    words = [word for word in words if word != "--dry-run"]
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise BadInput(
            "WORLD_SIZE",
            os.environ["WORLD_SIZE"],
            "a sweep is started once, not by every rank of a torchrun; launcher=slurm gives each run its ranks",
        )
    own, words = own_words(words)
    runs = resolve_all(grid_files.expand(words))
    root = Path(runs[0].runtime.root)
    todo = [run for run in runs if not done(root / run.run_id)]
    print(f"{len(runs)} runs, {len(runs) - len(todo)} done already, {len(todo)} to do", file=sys.stderr)
    if dry:
        for run in todo:
            print(run.run_id, *run.words)
        return 0
    if own["launcher"] == "slurm":
        return launch_slurm(todo, runs, root, words, own)
    remember(root, words, runs)
    return launch(todo, workers_for(own.get("workers", "0"), todo), root) if todo else 0


def own_words(words):
    """(this command's own keys, the other words). Raises BadInput."""
    own, rest = {"launcher": "local", "slurm": {}}, []
    for word in words:
        key, _, value = word.partition("=")
        if key.startswith("slurm."):
            own["slurm"][key.removeprefix("slurm.")] = value
        elif key in ("launcher", "workers", "profile"):
            own[key] = value
        else:
            rest.append(word)
    if own["launcher"] not in LAUNCHERS:
        raise BadInput(
            "launcher", own["launcher"], f"one of {', '.join(LAUNCHERS)}.{did_you_mean(own['launcher'], LAUNCHERS)}"
        )
    if own["launcher"] == "local" and ("profile" in own or own["slurm"]):
        raise BadInput(
            "profile" if "profile" in own else "slurm." + next(iter(own["slurm"])), None, "only with launcher=slurm"
        )
    if own["launcher"] == "slurm":
        from slurm import profiles

        if "workers" in own:
            raise BadInput(
                "workers", own["workers"], "only with launcher=local; slurm.parallel says how many jobs run at a time"
            )
        if "profile" not in own:
            raise BadInput(
                "profile", None, f"launcher=slurm needs one of {', '.join(profiles.names())}, or a path to a .yaml file"
            )
        own["profile"] = profiles.load(own["profile"], own["slurm"])
    return own, rest


def launch_slurm(todo, runs, root, words, own):
    """Submit what neither is done, nor queued, nor running; returns the exit code."""
    from slurm import launch as slurm_launch
    from slurm import state

    for run in todo:
        slurm_launch.cpus_of(own["profile"], run)
    slurm_launch.check_cluster(own["profile"])
    jobs, rows = state.jobs(root)
    queued = {run_id for run_id, job in state.latest(jobs).items() if job.live}
    waiting = [run for run in todo if run.run_id not in queued and not state.held(root / run.run_id, rows)]
    if len(waiting) < len(todo):
        print(f"{len(todo) - len(waiting)} of them are queued or running already", file=sys.stderr)
    plan = plan_of(root, words)
    known = plan.exists()
    name = remember(root, words, runs)
    try:
        taken, left = slurm_launch.submit(waiting, root, name, own["profile"]) if waiting else ({}, [])
    except Problem:
        if not known and not any(root.glob(f".slurm/{name}/*/jobs.json")):
            plan.unlink()  # refused as a whole: nothing of it is missing
        raise
    if left:
        print(
            f"{len(taken)} runs submitted; {len(left)} are left, the cluster allows no more jobs now: "
            "give the same command again when some have ended",
            file=sys.stderr,
        )
    print(f"sweep {name}: python -m benchmarks.status {root}", file=sys.stderr)
    return 0


def resolve_all(points):
    """Check every point before the first one runs."""
    runs = {}
    for words in points:
        run = resolve(words)
        runs.setdefault(run.run_id, run)
    return list(runs.values())


def done(folder):
    path = folder / "summary.json"
    return path.exists() and json.loads(path.read_text()).get("state") == "done"


def sweep_name(words):
    """A sweep is called by its words, whichever their order; where it lies and how it is launched is no part of it."""
    return hashlib.sha256(
        " ".join(sorted(word for word in words if not word.startswith("root="))).encode()
    ).hexdigest()[:10]


def plan_of(root, words):
    """Path of the file that says what this sweep consists of."""
    return root / "sweeps" / f"{sweep_name(words)}.json"


def remember(root, words, runs):
    """Write what this sweep consists of, so that status can say what is missing; returns its name."""
    path = plan_of(root, words)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"words": words, "runs": {run.run_id: run.words for run in runs}}
        write_atomic(path, json.dumps(content, indent=1).encode())
        return path.stem
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
    context = multiprocessing.get_context(
        "forkserver"
    )  # imports torch and timm once; each run is a fork of that clean state
    context.set_forkserver_preload(
        [
            "dp_common.lab.runner",
            "timm",
            "sklearn.cluster",
            "sklearn.covariance",
            "sklearn.model_selection",
            "sklearn.datasets",
            "scipy.ndimage",
            "scipy.stats",
        ]
    )
    started, failed, seconds = time.monotonic(), [], 0.0
    with ThreadPoolExecutor(workers) as pool:
        jobs = {pool.submit(one, context, run.words, root / run.run_id): run for run in todo}
        try:
            for number, job in enumerate(as_completed(jobs), 1):
                run, (code, took) = jobs[job], job.result()
                seconds += took
                left = (time.monotonic() - started) / number * (len(todo) - number)
                outcome = "done" if code == 0 else f"FAILED (exit {code}), see {root / run.run_id}/log.txt"
                print(
                    f"{number}/{len(todo)}  {run.run_id}  {outcome}  {took:.0f} s   about {left / 60:.0f} min to go",
                    file=sys.stderr,
                    flush=True,
                )
                failed += [run] if code else []
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            print("interrupted: runs in progress stop at their next mark; the same command goes on", file=sys.stderr)
            return 1
    if failed:
        print(
            f"{len(failed)} of {len(todo)} runs failed; the others are done. python -m benchmarks.status {root} says why",
            file=sys.stderr,
        )
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
    from dp_common.lab.runner import execute

    stop = stop_on_signals()
    try:
        execute(resolve(words), stop=stop, started=started)
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        sys.exit(problem.code)


if __name__ == "__main__":
    guarded(main)
