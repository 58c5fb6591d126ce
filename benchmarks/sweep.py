"""A grid of runs: side by side on this machine, or as job arrays on a SLURM cluster.

    python -m benchmarks.sweep strategy=static,prune,dp scale=500,1k,2k,4k seed=0..4 launcher=local
    python -m benchmarks.sweep strategy=dp dp.omega=0,0.02,0.05 scale=2k seed=0..4 workers=2
    python -m benchmarks.sweep grid=digits launcher=slurm profile=cpu slurm.partition=batch root=/shared/runs
    python -m benchmarks.sweep --dry-run ...         every run and its state, and about how long those to do will take

Commas and first..last make the grid; a strategy's own parameters multiply that strategy only; grid=NAME reads one from
benchmarks/grids (or a .yaml file), and keys beside it replace its keys. Give the same command again and only what is
missing runs. launcher=local: each run is a process of its own; one that fails touches no other; exit code 1 if any run
failed, 3 if others work on the rest. Several machines may be given one sweep at one root: each takes what no other
works on. launcher=slurm: submits what is missing and not queued already, with the code as it is now, and returns.
python -m benchmarks.status tells how it goes, python -m benchmarks.cancel ends it. In Python:
``from benchmarks import sweep; sweep(strategy=["static", "dp"], seed=range(5))`` returns a DataFrame.
"""

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import api, cli, estimates
from benchmarks.short_runs import short_line
from dp_common.config.options import option
from dp_common.errors import BadInput, Damaged, Problem

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved
    from slurm.profiles import Profile


@dataclass
class Options:
    """Keys of this application."""

    launcher: str = option("local", "where runs run: processes here, or jobs of a cluster", choices=("local", "slurm"))
    workers: int = option(
        0, "runs at a time with launcher=local; 0: as many as the cores allow at ``threads`` each", low=0
    )
    profile: str = option("", "with launcher=slurm: the resources of a job, a name of slurm/profiles or a .yaml file")
    slurm: dict[str, str] = field(
        default_factory=dict, metadata={"about": "with launcher=slurm: a key of the profile, changed", "prefix": True}
    )
    dry_run: bool = option(False, "print every run with its state and an estimate of it all, and end")
    prices: str = option("", estimates.ABOUT, unset="what fits best")
    overrides: tuple[str, ...] = option(
        (), "grid=NAME and keys of the runs (python -m benchmarks.run --help), values by commas", rest=True
    )


def main(argv: Sequence[str]) -> int:
    """Run, submit or list what is missing; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        once = "a sweep is started once, not by every rank of a torchrun; launcher=slurm gives each run its ranks"
        raise BadInput("WORLD_SIZE", os.environ["WORLD_SIZE"], once)
    profile = profile_of(options, argv)
    overrides = list(options.overrides)
    runs = plan(overrides)
    root = Path(runs[0].runtime.root)
    todo = missing(runs, root)
    wanting = check_all(todo, root, bool(profile), options.dry_run)
    if options.dry_run:
        print("\n".join(preview(runs, root)))
    print(f"{count_text(len(runs))}, {len(runs) - len(todo)} done already, {len(todo)} to do", file=sys.stderr)
    if options.dry_run:
        print("\n".join(["", *estimates.grid_lines(todo, options.prices)] if todo else []))
        print("\n".join(wanting), end="\n" if wanting else "", file=sys.stderr)
        return 0
    if options.prices:
        raise BadInput("prices", options.prices, "only with dry_run=yes; benchmarks.table re-prices what is done")
    if profile:
        return launch_slurm(todo, runs, root, overrides, profile)
    from benchmarks.local_launcher import launch, workers_for

    remember(root, overrides, runs)
    code = launch(todo, workers_for(options.workers, todo), root) if todo else 0
    if line := short_line(summary for run in runs if (summary := finished(root / run.run_id))):
        print(line, file=sys.stderr)
    next_commands = [f"python -m benchmarks.{name} {cli.quoted(root)}" for name in ("table", "report")]
    print(f"next: {' or '.join(next_commands)}", file=sys.stderr)
    return code


def preview(runs: "Sequence[Resolved]", root: Path) -> list[str]:
    """A line for each run of a grid: its state under the root, and the words of those that are not finished."""
    from benchmarks.survey import survey

    known = {row["run_id"]: row for row in survey([root]).rows} if root.is_dir() else {}
    lines = []
    for run in runs:
        row = known.get(run.run_id)
        state = "new" if row is None or row["state"] == "missing" else row["state"]
        detail = f"  ({row['detail']})" if row and state not in ("new", "done") and row["detail"] else ""
        lines.append(f"{state:12} {run.run_id}  {'' if state == 'done' else shlex.join(run.words)}{detail}".rstrip())
    return lines


def profile_of(options: Options, argv: Sequence[str]) -> "Profile | None":
    """The profile of launcher=slurm, None for launcher=local. Raises BadInput where keys do not go together."""
    if options.launcher == "local":
        if options.profile or options.slurm:
            key = "profile" if options.profile else f"slurm.{next(iter(options.slurm))}"
            raise BadInput(key, None, "only with launcher=slurm")
        return None
    from slurm import profiles

    if any(word.startswith("workers=") for word in argv):
        only = "only with launcher=local; slurm.parallel says how many jobs run at a time"
        raise BadInput("workers", options.workers, only)
    if not options.profile:
        raise BadInput(
            "profile", None, f"launcher=slurm needs one of {', '.join(profiles.names())}, or a path to a .yaml file"
        )
    return profiles.load(options.profile, options.slurm)


def plan(overrides: Iterable[str]) -> "list[Resolved]":
    """Every run of a grid, checked before the first one begins; runs that come out equal are one. Raises BadInput."""
    from benchmarks import grid_files
    from dp_common.config.resolve import resolve

    runs: dict[str, Resolved] = {}
    for point in grid_files.expand(list(overrides)):
        try:
            run = resolve(point)
        except BadInput as fault:
            if not str(fault.value).startswith(" "):
                raise
            hint = f"commas part values here: what belongs together stands in quotes, {fault.key}='\"A, B\"'"
            raise BadInput(fault.key, fault.value, f"{fault.allowed}; {hint}") from fault
        runs.setdefault(run.run_id, run)
    return list(runs.values())


def check_all(runs: "Iterable[Resolved]", root: Path, elsewhere: bool, planned: bool) -> list[str]:
    """Refuse what is wrong with any of these runs and found without torch, before the first begins.

    Args:
        runs: those to do.
        root: where.
        elsewhere: they may run on another machine: what nobody named and is not here may be there.
        planned: they do not run now, and perhaps elsewhere.

    Returns:
        A line for each such thing.

    Raises:
        BadInput: the first fault.
    """
    from benchmarks.cheap_checks import refuse, refuse_counts, refuse_typed

    cli.creatable_folder("root", root)
    lines: dict[str, None] = {}
    for run in runs:
        if elsewhere or planned:
            lines |= dict.fromkeys(refuse_typed(run, planned))
        else:
            refuse(run)
            refuse_counts(run)
    return list(lines)


def missing(runs: "Iterable[Resolved]", root: Path) -> "list[Resolved]":
    """Those that are not done."""
    return [run for run in runs if not done(root / run.run_id)]


def done(folder: Path) -> bool:
    """Is the run in this folder finished?"""
    return finished(folder) is not None


def finished(folder: Path) -> dict[str, Any] | None:
    """The summary of the run in this folder, None where it is not finished, or damaged: its own run will say so."""
    from dp_common.persistence import finished as persistence

    try:
        return persistence.finished(folder)
    except Damaged:
        return None


def launch_slurm(
    todo: "list[Resolved]", runs: "list[Resolved]", root: Path, overrides: list[str], profile: "Profile"
) -> int:
    """Submit what neither is done, nor queued, nor running; returns the exit code."""
    from slurm import launch, state

    for run in todo:
        launch.cpus_of(profile, run)
    launch.check_cluster(profile)
    jobs, queue = state.jobs(root)
    queued = {run_id for run_id, job in state.latest(jobs).items() if job.live}
    held = state.held([root / run.run_id for run in todo], queue)
    waiting = [run for run in todo if run.run_id not in queued and root / run.run_id not in held]
    if len(waiting) < len(todo):
        print(f"{len(todo) - len(waiting)} of them are queued or running already", file=sys.stderr)
    path = plan_path(root, overrides)
    known = path.exists()
    name = remember(root, overrides, runs)
    try:
        taken, left = launch.submit(waiting, root, name, profile) if waiting else ({}, [])
    except Problem:
        if not known and not any(root.glob(f".slurm/{name}/*/jobs.json")):
            path.unlink()  # refused as a whole: nothing of it is missing
        raise
    if left:
        print(
            f"{len(taken)} runs submitted; {len(left)} are left, the cluster allows no more jobs now: "
            "give the same command again when some have ended",
            file=sys.stderr,
        )
    print(f"sweep {name}: python -m benchmarks.status {cli.quoted(root)}", file=sys.stderr)
    return 0


def count_text(runs: int) -> str:
    """1 run, 2 runs."""
    return f"{runs} run{'' if runs == 1 else 's'}"


def sweep_name(overrides: Iterable[str]) -> str:
    """A sweep is called by its keys, whatever their order; where it lies and how it is launched is no part of it."""
    decisive = sorted(word for word in overrides if not word.startswith("root="))
    return hashlib.sha256(" ".join(decisive).encode()).hexdigest()[:10]


def plan_path(root: Path, overrides: Iterable[str]) -> Path:
    """The file that says what this sweep consists of."""
    return root / "sweeps" / f"{sweep_name(overrides)}.json"


def remember(root: Path, overrides: Iterable[str], runs: "Iterable[Resolved]") -> str:
    """Write what this sweep consists of, so that status can say what is missing; returns its name. Raises BadInput."""
    from dp_common.files import write_atomic

    path = plan_path(root, overrides)
    content = {"words": list(overrides), "runs": {run.run_id: run.words for run in runs}}
    cli.writable_folder("root", path.parent, root)
    write_atomic(path, json.dumps(content, indent=1).encode())
    return path.stem


if __name__ == "__main__":
    cli.guarded(main)
else:
    sys.modules[__name__].__class__ = api.CallableModule
