"""One run of the benchmark.

    python -m benchmarks.run strategy=dp scale=640k
    python -m benchmarks.run strategy=dp scale=4k seed=1 dp.omega=0.05 root=results/runs
    python -m benchmarks.run --list [--check]        what there is to choose from
    python -m benchmarks.run --dry-run key=value ... the resolved configuration, the run id, an estimate
    python -m benchmarks.run --help                  every key

The same command again resumes, or prints the finished result. Under torchrun, or in a SLURM step of several tasks, the ranks work on
the run together, a device each; with how many is no part of what a run is, and may differ from attempt to attempt. Exit codes: 0 done, 2 bad input, 3 held by a live run,
1 anything else.
"""

import time

STARTED = time.perf_counter()

import json  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from dataclasses import MISSING  # noqa: E402

from benchmarks.cli import guarded  # noqa: E402
from dp_common.config import registry  # noqa: E402
from dp_common.config.resolve import resolve, sections  # noqa: E402
from dp_common.config.typed import known_keys  # noqa: E402
from dp_common.distributed import rendezvous as joining
from dp_common.errors import BadInput, did_you_mean  # noqa: E402

FLAGS = ("--help", "--list", "--check", "--dry-run", "--quiet", "--json")


def main(words):
    flags = {word for word in words if word.startswith("-")}
    for flag in flags - set(FLAGS) - {"-h"}:
        raise BadInput(flag, None, f"one of {', '.join(FLAGS)}.{did_you_mean(flag, FLAGS)}")
    words = [word for word in words if not word.startswith("-")]
    if flags & {"--help", "-h"}:
        print(__doc__ + "\nKeys:\n\n" + keys_text(words))
    elif "--list" in flags:
        print(list_text("--check" in flags))
    elif "--dry-run" in flags:
        print(dry_text(resolve(words)))
    else:
        return run(words, quiet="--quiet" in flags, as_json="--json" in flags)


def run(words, quiet=False, as_json=False):
    """One run by this process, or by all ranks of which it is one. The first failure of any rank is shown, once, by that rank."""
    group = joining.join()
    try:
        resolved = resolve(words)
        quiet = quiet or not group.first
        if not quiet:
            print(resolved.run_id, file=sys.stderr)
            for note in resolved.notes:
                print(note, file=sys.stderr)
        from dp_common.lab.runner import execute, folder_of

        summary = execute(resolved, stop=stop_on_signals(), quiet=quiet, started=STARTED, group=group)
        if group.first:
            print(json.dumps(summary, indent=1) if as_json else result_text(summary, folder_of(resolved)))
    except Exception as error:
        if group.report_failure(error):
            raise
        return getattr(error, "code", 1)
    finally:
        group.shutdown()


def stop_on_signals():
    """Install handlers that only set a flag; returns the function that reads it. A second Ctrl-C ends at once."""
    asked = []

    def handler(number, frame):
        if asked and number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, handler)
    return lambda: bool(asked)


def result_text(s, folder):
    low, high = s["accuracy_interval"]
    shifted = "  ".join(f"{name} {100 * value:.1f}" for name, value in s["shifted"].items())
    phases = "  ".join(f"{phase} {3600 * h:.1f}" for phase, h in s["gpu_hours"].items() if phase != "total" and h)
    total = s["gpu_hours"]["total"]
    rounds = [
        f"  {a['call']:9} {a['images']:>9,} images after {a['seen']:>9,} seen"
        + "".join(f"   {label} {scale * a[key]:{form}}" for key, label, scale, form in BIRTH if key in a)
        for a in s["additions"]
    ]
    return "\n".join(
        [
            f"test accuracy   {100 * s['accuracy']:.2f} %   [{100 * low:.2f}, {100 * high:.2f}] (95 % Wilson, this test set)",
            f"shifted sets    {shifted}" if shifted else "shifted sets    none",
            f"images          {s['images_generated']:,} generated, {s['images_kept']:,} kept, {s['images_seen']:,} seen in {s['iterations']:,} iterations"
            + ("" if s["scale_reached"] else f"; the scale of {s['scale']:,} was not reached"),
            f"seconds         {phases}  ({s['device']}, {s['threads']} thread(s))",
            f"hours           {f'{total:.4f}' if total is not None else 'mixed devices'} of the result, {s['gpu_hours_spent']:.4f} spent in {s['attempts']} attempt(s)",
            "additions",
            *rounds,
            f"folder          {folder}",
        ]
    )


BIRTH = (
    ("score_at_birth", "score at birth", 1, ".2f"),
    ("true_label", "true label %", 100, ".2f"),
    ("log_density", "log-density", 1, ".1f"),
)


def list_text(check):
    rows = registry.listing(check)
    lines = []
    for kind in dict.fromkeys(row[0] for row in rows):
        lines.append({"strategy": "strategies", "task": "tasks"}.get(kind, kind + "s"))
        width = max(len(name) for k, name, *_ in rows if k == kind)
        lines += [
            f"  {name:{width}}  {about if broken is None else 'BROKEN: ' + broken}"
            for k, name, about, broken in rows
            if k == kind
        ]
    return "\n".join(lines)


def keys_text(words):
    """Every key with its default, allowed values and meaning."""
    lines = []
    for section, cls in sections():
        lines.append(section)
        for key, (_, _, f) in known_keys(
            {section if section not in ("specification", "runtime") else "": cls}
        ).items():
            rules = f.metadata
            default = f.default if f.default is not MISSING else {}
            allowed = f" one of {', '.join(map(str, rules['choices']))};" if rules.get("choices") else ""
            lines.append(f"  {key + '=' + str(default):34}{allowed} {rules.get('about', '')}")
    return "\n".join(lines)


def dry_text(resolved):
    from benchmarks.estimate import estimate

    lines = [f"{key + ' = ' + str(value):44} {resolved.sources[key]}" for key, value in resolved.values.items()]
    lines += [
        f"{key + ' = ' + str(value):44} {resolved.sources[key]}; not hashed, what is there has a fingerprint"
        for key, value in resolved.places.items()
    ]
    lines += [f"note: {note}" for note in resolved.notes]
    return "\n".join(
        [
            *lines,
            "",
            f"run id    {resolved.run_id}",
            f"folder    {resolved.runtime.root}/{resolved.run_id}",
            *estimate(resolved),
        ]
    )


if __name__ == "__main__":
    guarded(main)
