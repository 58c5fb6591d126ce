"""Unit costs on this machine: what an image sampled, guided, scored, trained on or read costs.

    python -m benchmarks.speed                                  the digits recipe and a small UNet
    python -m benchmarks.speed suite=teacher teacher=unet block=256 repeat=5 out=unet.csv
    python -m benchmarks.speed suite=loader,ranks threads=1

Everything is timed in turn, ``repeat`` times, so that drift of the machine meets all alike; medians are shown, and
ratios of medians to the item each is compared with. The file is what ``--dry-run`` and ``prices=`` of the tables
read.
"""

import csv
import io
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatch
from functools import cache, partial
from importlib import import_module
from statistics import median
from types import ModuleType
from typing import Any

from benchmarks import cli, folders
from benchmarks.new_places import new_file, to_write
from benchmarks.speed_suites import Item, Setting
from dp_common import device as devices
from dp_common.config.options import option
from dp_common.errors import BadInput
from dp_common.files import write_atomic

Row = dict[str, Any]
CLOSE = 5  # names shown where none was meant
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
COLUMNS = (
    "item unit seconds_per_unit units_per_second compared_with ratio tflop_per_second peak_gib repeats threads device "
    "clock"
).split()


def suites() -> list[str]:
    """What ``suite=`` may be: the files of speed_suites/."""
    return folders.names("benchmarks.speed_suites")


@dataclass
class Options:
    """Keys of this application."""

    suite: tuple[str, ...] = option(("digits", "unet"), "what is timed", many=True, choices=suites)
    items: tuple[str, ...] = option((), "patterns, such as *.plain: of the suites only what they match", many=True)
    out: str = option("", "CSV file to write, which must not be there yet", place=True)
    repeat: int = option(7, "times that everything is timed, after one round to warm up", low=1)
    block: int = option(512, "images sampled at once", low=1)
    threads: int = option(1, "CPU threads", low=1, high=1024)
    clock: str = option(
        "wall",
        "cpu: CPU seconds of this process, on a machine that others use too; for threads=1",
        choices=tuple(CLOCKS),
    )
    workers: int = option(2, "processes that read images", low=0)
    device: str = option("auto", devices.NAMES, pattern=devices.PATTERN)
    overrides: tuple[str, ...] = option((), "keys of a run, for the suites that time one", rest=True)


def main(argv: list[str]) -> int:
    """Time the suites, print and write the costs; returns the exit code."""
    options = cli.parse(argv, Options, __doc__, suites_text)
    modules = [module_of(suite) for suite in options.suite]
    if options.overrides and not any(module.RUN_KEYS for module in modules):
        takers = [suite for suite in suites() if module_of(suite).RUN_KEYS]
        raise BadInput(options.overrides[0], None, f"keys of a run go with suite={' or '.join(takers)}")
    if options.items:
        names = [name for module in modules for name in getattr(module, "NAMES", ("*",))]
        refuse_strangers(options.items, names, [p for p in options.items if any(map(partial(overlap, p), names))])
    if options.out:
        new_file("out", options.out)
    from dp_common.persistence.provenance import fix_arithmetic

    fix_arithmetic(options.threads)
    setting = Setting(devices.named(options.device), options.block, options.workers, options.overrides)
    items: dict[str, Item] = {}
    for module in modules:
        items |= module.items(setting)
    if options.items:
        known = list(items)
        items = {name: item for name, item in items.items() if any(fnmatch(name, p) for p in options.items)}
        refuse_strangers(options.items, known, list(items))
    if options.clock == "cpu" and (setting.device.type != "cpu" or options.threads > 1):
        raise BadInput("clock", options.clock, "only with device=cpu threads=1: a device's time is no CPU's")
    seconds, peaks = measure(items, options.repeat, setting.device, CLOCKS[options.clock])
    rows = cost_rows(items, seconds, peaks, options, setting.device)
    if options.out:
        write_atomic(to_write(options.out), as_csv(rows).encode())
    print("\n".join(map(row_text, rows)))
    return 0


def refuse_strangers(patterns: Sequence[str], names: Sequence[str], found: Sequence[str]) -> None:
    """Raise BadInput, with the names that are closest, where nothing was found of what ``patterns`` ask for."""
    if found:
        return
    alike = [name for text in patterns for name in get_close_matches(text, names, n=CLOSE, cutoff=0.3)]
    close = list(dict.fromkeys([*alike, *names]))[:CLOSE]
    raise BadInput("items", ",".join(patterns), f"matches none of {len(names)} items, such as {', '.join(close)}")


@cache
def overlap(one: str, other: str) -> bool:
    """Is there a name that both patterns of ``*`` and ``?`` match? Where one has a set, [ab], that is not denied."""
    if not one or not other:
        return not (one or other).strip("*")
    if "[" in (one[0], other[0]):
        return True
    if one[0] == "*":
        return overlap(one[1:], other) or overlap(one, other[1:])
    if other[0] == "*":
        return overlap(other, one)
    return (one[0] == other[0] or "?" in (one[0], other[0])) and overlap(one[1:], other[1:])


def module_of(suite: str) -> ModuleType:
    """The module of a suite."""
    return import_module(f"benchmarks.speed_suites.{suite.replace('-', '_')}")


def suites_text(overrides: list[str]) -> str:
    """The suites, for ``--help``."""
    from benchmarks.cli_help import table

    found = folders.files("benchmarks.speed_suites")
    return "\n".join(["Suites:", "", *table([(name, folders.about(path)) for name, path in found.items()])])


def measure(
    items: dict[str, Item], repeat: int, device: Any, clock: Callable[[], float] = time.perf_counter
) -> tuple[dict[str, list[float]], dict[str, float | None]]:
    """Time all items in turn, ``repeat`` rounds after one to warm up.

    Returns:
        {name: seconds per unit, one per round}, {name: peak GiB of device memory, None on a CPU}.
    """
    synchronise = devices.synchroniser(device)
    seconds: dict[str, list[float]] = {name: [] for name in items}
    peaks: dict[str, float | None] = {}
    for turn in range(repeat + 1):
        for name, item in items.items():
            devices.reset_peak(device)
            synchronise()
            since = clock()
            item.call()
            synchronise()
            if turn:
                seconds[name].append((clock() - since) / item.n)
            peak = devices.peak(device)
            peaks[name] = None if peak is None else peak / 2**30
        print(f"round {turn} of {repeat}", file=sys.stderr)
    return seconds, peaks


def cost_rows(
    items: dict[str, Item],
    seconds: dict[str, list[float]],
    peaks: dict[str, float | None],
    options: Options,
    device: Any,
) -> list[Row]:
    """Rows of COLUMNS: medians, and ratios of medians within this one command."""
    label = devices.label(device) + (f" ({platform.machine()})" if device.type == "cpu" else "")
    medians = {name: median(values) for name, values in seconds.items()}
    return [
        {
            "item": name,
            "unit": item.unit,
            "seconds_per_unit": medians[name],
            "units_per_second": 1 / medians[name],
            "compared_with": item.reference if item.reference in medians else "",
            "ratio": medians[name] / medians[item.reference] if item.reference in medians else None,
            "tflop_per_second": item.flops / item.n / medians[name] / 1e12 if item.flops else None,
            "peak_gib": peaks[name],
            "repeats": options.repeat,
            "threads": options.threads,
            "device": label,
            "clock": options.clock,
        }
        for name, item in items.items()
    ]


def row_text(row: Row) -> str:
    """One item as the terminal shows it."""
    details = [
        f"{row['ratio']:.2f} x {row['compared_with']}" if row["compared_with"] else "",
        f"{row['tflop_per_second']:.3g} TFLOP/s" if row["tflop_per_second"] else "",
        f"peak {row['peak_gib']:.1f} GiB" if row["peak_gib"] else "",
    ]
    rate = f"{row['item']:42} {row['units_per_second']:>12,.4g} {row['unit']}/s   "
    return rate + "   ".join(filter(None, details))


def as_csv(rows: list[Row]) -> str:
    """The rows as a CSV file."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
    return buffer.getvalue()


if __name__ == "__main__":
    cli.guarded(main)
