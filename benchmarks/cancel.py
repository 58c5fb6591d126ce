"""End the SLURM jobs of a sweep, and only those.

    python -m benchmarks.cancel grid=digits seed=0..4 root=/shared/runs      the keys the sweep was given
    python -m benchmarks.cancel sweep=1f0c2a9b31 root=/shared/runs           or its name
    python -m benchmarks.cancel /shared/runs                                 if only one sweep has jobs there

Jobs that fill a pool have a name of their own too, which begins with fill-. What is done stays done; the same sweep
again submits the rest, which goes on where it was.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import cli
from benchmarks.sweep import sweep_name
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput
from slurm import state


@dataclass
class Options:
    """Keys of this application; launcher, profile, workers and slurm.KEY of the sweep may stand and change nothing."""

    root: str = option(Runtime.root, "folder of runs", positional=True, place=True)
    sweep: str = option("", "the name of a sweep, as it was said when it was submitted")
    launcher: str = option("", "of the sweep; changes nothing here")
    profile: str = option("", "of the sweep; changes nothing here")
    workers: str = option("", "of the sweep; changes nothing here")
    slurm: dict[str, str] = field(
        default_factory=dict, metadata={"about": "of the sweep; changes nothing here", "prefix": True}
    )
    overrides: tuple[str, ...] = option((), "the keys that the sweep was given", rest=True)


def main(argv: list[str]) -> int:
    """Cancel the jobs; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    root = cli.existing_folder("root", options.root)
    if options.sweep and options.overrides:
        raise BadInput("sweep", options.sweep, "either the name of a sweep or its keys")
    jobs = [job for job in state.jobs(root)[0] if job.live]
    name = name_of(options, root, list(dict.fromkeys(job.sweep for job in jobs)))
    chosen = [job for job in jobs if job.sweep == name]
    state.cancel(chosen)
    print(f"{len(chosen)} jobs of sweep {name} cancelled" if chosen else "no jobs to cancel", file=sys.stderr)
    return 0


def name_of(options: Options, root: Path, sweeps: list[str]) -> str | None:
    """The sweep that is meant: by its name, by its keys, or the only one of ``sweeps``. Raises BadInput."""
    if options.sweep or options.overrides:
        name = options.sweep or sweep_name(list(options.overrides))
        known = [path.stem for path in (root / "sweeps").glob("*.json")] + sweeps
        if name not in known:
            raise BadInput("sweep", name, f"no sweep of these keys under {root}; it has {', '.join(known) or 'none'}")
        return name
    if len(sweeps) > 1:
        raise BadInput("sweep", None, f"one of {', '.join(sweeps)}: all have jobs under {root}")
    return sweeps[0] if sweeps else None


if __name__ == "__main__":
    cli.guarded(main)
