"""End the SLURM jobs of a sweep, and only those.

    python -m benchmarks.cancel grid=digits seed=0..4 root=/shared/runs      the words the sweep was given
    python -m benchmarks.cancel sweep=1f0c2a9b31 root=/shared/runs           or its name
    python -m benchmarks.cancel root=/shared/runs                            if only one sweep has jobs there

What is done stays done; the same sweep again submits the rest, which goes on where it was.
"""

import sys
from pathlib import Path

from benchmarks.cli import guarded
from benchmarks.sweep import sweep_name
from dp_common.errors import BadInput
from slurm import state


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__)
        return 0
    rest = [word for word in words if not word.startswith(("launcher=", "profile=", "slurm.", "workers="))]
    for word in rest:
        if not word.partition("=")[1]:
            raise BadInput(word, None, "expected sweep=NAME, root=FOLDER or the words of a sweep")
    given = dict(word.split("=", 1) for word in rest if word.startswith(("root=", "sweep=")))
    root = Path(given.get("root", "results/runs"))
    if not root.is_dir():
        raise BadInput("root", root, "no such folder")
    jobs = [job for job in state.jobs(root)[0] if job.live]
    sweeps = list(dict.fromkeys(job.sweep for job in jobs))
    others = [word for word in rest if not word.startswith(("root=", "sweep="))]
    if "sweep" in given and others:
        raise BadInput("sweep", given["sweep"], "either the name of a sweep or its words")
    if "sweep" in given or others:
        name = given.get("sweep") or sweep_name(rest)
        known = [path.stem for path in (root / "sweeps").glob("*.json")]
        if name not in known:
            raise BadInput("sweep", name, f"no sweep of these words under {root}; it has {', '.join(known) or 'none'}")
    elif len(sweeps) > 1:
        raise BadInput("sweep", None, f"one of {', '.join(sweeps)}: all have jobs under {root}")
    else:
        name = sweeps[0] if sweeps else None
    chosen = [job for job in jobs if job.sweep == name]
    state.cancel(chosen)
    print(f"{len(chosen)} jobs of sweep {name} cancelled" if chosen else "no jobs to cancel", file=sys.stderr)
    return 0


if __name__ == "__main__":
    guarded(main)
