"""One run of the benchmark.

    python -m benchmarks.run strategy=dp scale=640k
    python -m benchmarks.run strategy=dp scale=4k seed=1 dp.omega=0.05 root=results/runs
    python -m benchmarks.run --list [--check]          what there is to choose from
    python -m benchmarks.run --dry-run key=value ...   the resolved configuration, the run id, an estimate
    python -m benchmarks.run --help                    every key; with strategy=./idea.py its keys too

The same command again resumes, or prints the finished result. ``ranks=2`` does the run with two processes of this
machine, a device each; so does torchrun, or a SLURM step of several tasks. With how many is no part of what a run is,
and may differ from attempt to attempt. In Python: ``from benchmarks import run; run(strategy="dp", scale="4k")``
returns the summary.
"""

import time

STARTED = time.perf_counter()

import json  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

from benchmarks import api, cli, estimates  # noqa: E402
from benchmarks.short_runs import why_short  # noqa: E402
from dp_common.config.options import option  # noqa: E402
from dp_common.errors import BadInput  # noqa: E402
from dp_common.progress import hours_text  # noqa: E402

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

ADDITION_COLUMNS = (  # key of an addition, label, factor, format
    ("score_at_birth", "score at birth", 1, ".2f"),
    ("true_label", "true label %", 100, ".2f"),
    ("log_density", "log-density", 1, ".1f"),
)


@dataclass
class Options:
    """Keys of this application; those of the run follow below."""

    list: bool = option(False, "print what there is to choose from, and end")
    check: bool = option(False, "with --list: import each plugin too, and say which are broken")
    dry_run: bool = option(False, "print the resolved configuration, the run id and an estimate, and end")
    ranks: int = option(1, "processes of this machine that work on the run together, a device each", low=1, high=1024)
    prices: str = option("", estimates.ABOUT, unset="what fits best")
    quiet: bool = option(False, "print the result only")
    json: bool = option(False, "print the result as JSON")
    overrides: tuple[str, ...] = option((), "keys of the run, below", rest=True)


def main(argv: Sequence[str]) -> int:
    """Do one run, or say what it would be; returns the exit code."""
    options = cli.parse(argv, Options, __doc__, keys_text)
    if options.list:
        from benchmarks.catalogue import list_text

        print(list_text(options.check))
        return 0
    if options.dry_run:
        from benchmarks.cheap_checks import refuse_typed
        from dp_common.config.resolve import resolve

        resolved = resolve(list(options.overrides))
        missing = refuse_typed(resolved, planned=True)
        print("\n".join([dry_text(resolved, options.prices), *missing]))
        return 0
    if options.prices:
        raise BadInput("prices", options.prices, "only with dry_run=yes; benchmarks.table re-prices what is done")
    if options.ranks == 1:
        return run(list(options.overrides), options.quiet, options.json)
    from benchmarks import local_ranks

    ended = begin(list(options.overrides), quiet=True, as_json=options.json, alone=True)[1]
    words = [*cli.as_words(options, ("quiet", "json")), *options.overrides]
    return 0 if ended else local_ranks.launch(options.ranks, words)


def run(overrides: list[str], quiet: bool = False, as_json: bool = False) -> int:
    """One run by this process, or by all ranks of which it is one; returns the exit code.

    The first failure of any rank is shown, once, by that rank.
    """
    from dp_common.distributed import rendezvous
    from dp_common.progress import doing, pulse

    if rendezvous.read_launcher_env(os.environ) is None:
        with pulse(quiet=quiet):
            resolved, ended = begin(overrides, quiet, as_json, alone=True)
            if ended:
                return 0
    group = rendezvous.join()
    try:
        with pulse(quiet=quiet or not group.first):
            if group.size > 1:
                resolved, _ = begin(overrides, quiet or not group.first, as_json, alone=False)
            with doing("importing torch"):
                from dp_common.lab.runner import execute

            stop = stop_on_signals()
            summary = execute(resolved, stop=stop, quiet=quiet or not group.first, started=STARTED, group=group)
        if group.first:
            show(resolved, summary, as_json)
        return 0
    except Exception as error:
        if group.report_failure(error):
            raise
        return getattr(error, "code", 1)
    finally:
        group.shutdown()


def begin(overrides: list[str], quiet: bool, as_json: bool, alone: bool) -> "tuple[Resolved, bool]":
    """All that takes no torch: what the run is, what is wrong with it, whether it is done or held already.

    Args:
        overrides: keys of the run.
        quiet: do not say what it is.
        as_json: of a result that is shown.
        alone: no rank of several, which find out together whether it is done.

    Returns:
        (the run, whether it is done and its result has been shown).

    Raises:
        BadInput: a cheap mistake.
        Held: a live process of this machine has it.
    """
    from benchmarks.cheap_checks import refuse
    from dp_common.config.resolve import resolve
    from dp_common.persistence import finished, lease
    from dp_common.progress import doing

    with doing("finding out what the run is: plugins, data, weights"):
        resolved = resolve(overrides)
    folder = Path(resolved.runtime.root) / resolved.run_id
    if alone and (summary := finished.finished(folder)):
        show(resolved, summary, as_json)
        return resolved, True
    refuse(resolved)
    if alone:
        lease.refuse_held(folder)
    if not quiet:
        print("\n".join([resolved.run_id, *resolved.notes]), file=sys.stderr, flush=True)
    return resolved, False


def show(resolved: "Resolved", summary: dict[str, Any], as_json: bool) -> None:
    """Print a result."""
    folder = Path(resolved.runtime.root) / resolved.run_id
    print(json.dumps(summary, indent=1) if as_json else result_text(summary, folder))


def stop_on_signals() -> Callable[[], bool]:
    """Install handlers that only set a flag; returns the function that reads it. A second Ctrl-C ends at once."""
    received: list[int] = []

    def handler(number: int, frame: Any) -> None:
        if received and number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        received.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, handler)
    return lambda: bool(received)


def result_text(summary: dict[str, Any], folder: Path) -> str:
    """What a person reads of a finished run."""
    s = summary
    low, high = s["accuracy_interval"]
    shifted = "  ".join(f"{name} {100 * value:.1f}" for name, value in s["shifted"].items())
    phases = "  ".join(f"{phase} {3600 * h:.1f}" for phase, h in s["gpu_hours"].items() if phase != "total" and h)
    total = s["gpu_hours"]["total"]
    of_result = hours_text(total) if total is not None else "mixed devices"
    short = "" if s["scale_reached"] else f"; the scale of {s['scale']:,} was not reached"
    counts = f"{s['images_generated']:,} generated, {s['images_kept']:,} kept, {s['images_seen']:,} seen"
    spent = f"{hours_text(s['gpu_hours_spent'])} spent in {s['attempts']} attempt(s)"
    interval = f"[{100 * low:.2f}, {100 * high:.2f}]"
    return "\n".join(
        [
            f"test accuracy   {100 * s['accuracy']:.2f} %   {interval} (95 % Wilson, this test set)",
            f"shifted sets    {shifted}" if shifted else "shifted sets    none",
            *([population_text(s)] if s.get("population") is not None else []),  # runs of before have none
            f"images          {counts} in {s['iterations']:,} iterations{short}",
            f"seconds         {phases}  ({s['device']}, {s['threads']} thread(s))",
            f"hours           {of_result} of the result, {spent}",
            "additions",
            *map(addition_text, s["additions"]),
            f"folder          {folder.absolute()}",
            *([f"short           {why_short(s)}"] if short else []),
            f"next            python -m benchmarks.table {cli.quoted(folder.parent)}",
        ]
    )


def population_text(summary: dict[str, Any]) -> str:
    """One line of the result: accuracy in the teacher's own world."""
    n = summary["population_images"]
    return f"teacher's world {100 * summary['population']:.2f} % of {n:,} held-out images of its own"


def addition_text(addition: dict[str, Any]) -> str:
    """One line of the result: an addition to the training set."""
    measured = [
        f"   {label} {factor * addition[key]:{form}}"
        for key, label, factor, form in ADDITION_COLUMNS
        if key in addition
    ]
    return f"  {addition['call']:9} {addition['images']:>9,} images after {addition['seen']:>9,} seen" + "".join(
        measured
    )


def keys_text(overrides: list[str]) -> str:
    """Every key of a run with its default, allowed values and meaning; plugins given by path in ``overrides`` too."""
    from benchmarks.cli_help import row, table
    from dp_common.config.resolve import sections
    from dp_common.config.typed import known_keys

    lines = ["Keys of a run:"]
    for section, cls in sections(overrides):
        part = "" if section in ("specification", "runtime") else section
        lines += ["", section, ""]
        lines += table([row(known.field, key) for key, known in known_keys({part: cls}).items()])
    return "\n".join(lines)


def dry_text(resolved: "Resolved", prices: str = "") -> str:
    """The resolved configuration with the source of each value, the run id, and an estimate."""
    lines = [f"{key + ' = ' + typed_as(value):44} {resolved.sources[key]}" for key, value in resolved.values.items()]
    lines += [
        f"{key + ' = ' + typed_as(value):44} {resolved.sources[key]}; not hashed, what is there has a fingerprint"
        for key, value in resolved.places.items()
    ]
    lines += [f"note: {note}" for note in resolved.notes]
    lines += ["", f"run id    {resolved.run_id}", f"folder    {resolved.runtime.root}/{resolved.run_id}"]
    return "\n".join([*lines, *estimates.lines(resolved, prices)])


def typed_as(value: Any) -> str:
    """A value as one would type it: yes, no, 0.05."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    cli.guarded(main)
else:
    sys.modules[__name__].__class__ = api.CallableModule
