"""What is done, running, failed (and why) or missing under a root, and the hours spent and to go.

    python -m benchmarks.status [root ...] [--all]
    python -m benchmarks.status results/runs json=yes          every run with its state, for scripts

Runs lie at any depth under a root, as for ``table``. Missing runs are those of a remembered sweep that never started.
Reads ledgers and leases, and where a sweep was submitted to SLURM also squeue, and sacct if the cluster has
accounting. pending: its job waits for its first start; unknown: SLURM did not answer; preempted: its job was requeued
and will go on by itself; interrupted: nothing works on it any more, the same command (run or sweep) resumes it. Whether
a run on another machine is alive is listened for, which takes six seconds. Hours to go are those of runs of the
same strategy and scale, done or under way; where there is none, as ``--dry-run`` estimates them.
"""

import json
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import cli
from benchmarks.survey import ORDER, Plan, Row, Survey, survey
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.errors import Problem
from dp_common.progress import hours_text
from slurm import state as slurm_state


@dataclass
class Options:
    """Keys of this application."""

    root: tuple[str, ...] = option(
        (Runtime.root,), "folder of runs, at any depth; several may be given", positional=True, place=True, several=True
    )
    all: bool = option(False, "list done runs too; json=yes does so always")
    json: bool = option(False, "print every run as JSON instead")


def main(argv: Sequence[str]) -> int:
    """Print the survey; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    found = survey(options.root)
    for note in found.notes:
        print(note, file=sys.stderr)
    rows = sorted(found.rows, key=lambda row: (ORDER.index(row["state"]), row["run_id"]))
    if options.json:
        print(json.dumps(rows, indent=1))
        return 0
    counts = Counter(row["state"] for row in rows)
    print("  ".join(f"{counts[state]} {state}" for state in ORDER if counts[state]) or "no runs")
    listed = [row for row in rows if row["state"] != "done" or options.all]
    print("\n".join(lines_of(listed, found)))
    return 0


def lines_of(listed: Sequence[Row], found: Survey) -> list[str]:
    """The runs; what a sweep has not begun is one command for all of it; hours."""
    plans = {run_id: plan for plan in found.plans for run_id in plan.runs}
    lines, sweeps = [], Counter[tuple[str, str]]()
    for row in listed:
        plan, detail = plans.get(row["run_id"]), row["detail"]
        if row["state"] == "missing" and plan and plan.words:
            sweeps[plan.file.stem, command(plan)] += 1
            detail = f"of sweep {plan.file.stem}" + "".join(detail.partition("; ")[1:])
        lines.append(f"{row['state']:12} {row['run_id']}  {detail}".rstrip())
    lines += [f"{n} missing of sweep {name}: {typed}" for (name, typed), n in sweeps.items()]
    return [*lines, hours_line(found.rows, found.jobs)]


def command(plan: Plan) -> str:
    """The sweep as one would give it again, at the root where it lies now."""
    kept = [word for word in plan.words if not word.startswith(("root=", "runtime.root="))]
    root = plan.file.parent.parent
    return shlex.join(
        ["python", "-m", "benchmarks.sweep", *kept, *([] if str(root) == Runtime.root else [f"root={root}"])]
    )


def hours_line(rows: Sequence[Row], jobs: Sequence[slurm_state.Job]) -> str:
    """Device hours spent, an estimate of those to go, and what SLURM has allocated."""
    spent = sum(row["hours"] for row in rows)
    parts = [f"{hours_text(spent)} device hours spent"]
    known = {row["run_id"]: row["whole"] for row in rows if row["whole"]}
    unfinished = [row for row in rows if row["state"] != "done"]
    to_go, estimated, unknown, guesses = 0.0, 0, 0, dict[str, float | None]()
    for row in unfinished:
        alike = [whole for run_id, whole in known.items() if kind(run_id) == kind(row["run_id"])]
        if not alike and kind(row["run_id"]) not in guesses:  # once for runs that differ in their seed alone
            guesses[kind(row["run_id"])] = estimated_hours(row["words"])
        expected = None if alike else guesses[kind(row["run_id"])]
        estimated += expected is not None
        if expected is None and known:
            alike = alike or list(known.values())
            expected = sum(alike) / len(alike)
        unknown += expected is None
        to_go += max(0.0, (expected or 0.0) - row["hours"])
    if len(unfinished) > unknown:
        how = f" ({estimated} run{'s' * (estimated > 1)} as --dry-run estimates)" if estimated else ""
        parts.append(f"about {hours_text(to_go)} to go{how}")
    if unknown:
        parts.append("no estimate of those to go yet" if unknown == len(unfinished) else f"{unknown} not estimated")
    allocated = sum(job.allocated for job in jobs)
    parts += [f"{hours_text(allocated)} allocated by SLURM (sacct)"] if allocated else []
    return "; ".join(parts)


def estimated_hours(words: list[str]) -> float | None:
    """Device hours of a run of which nothing alike has been seen, as ``--dry-run`` estimates them; None: it cannot."""
    from benchmarks.estimates import estimate
    from dp_common.config.resolve import resolve

    try:
        found = estimate(resolve(words)) if words else None
    except (Problem, OSError):
        return None
    return found.total if found and found.prices else None


def kind(run_id: str) -> str:
    """Task, strategy and scale, which a run id begins with."""
    return run_id.rsplit("-", 2)[0]


if __name__ == "__main__":
    cli.guarded(main)
