"""Is this GPU what the project expects? Correctness first, then rates and memory, one JSON line an item.

    python -m benchmarks.gpu_check out=gpu.jsonl            at most eight minutes
    python -m benchmarks.gpu_check items=machine,correctness
    python -m benchmarks.gpu_check device=cpu               a rehearsal: the same code on small networks

Nothing is downloaded: weights are random, made on the device. Each line has what was expected, what came, and a
verdict: as expected; not as expected; measured, where nothing is expected of this device; failed, with the error; out
of memory; left out. The exit code is 1 if anything failed, or differs that a device must not differ in. Rates are
expected of an H100 or H200.
"""

import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from benchmarks import cli
from benchmarks.gpu_checks import DIFFERS, FAILED, FULL, LEFT_OUT, Finding, Place
from benchmarks.new_places import new_file, to_write
from dp_common import device as devices
from dp_common.config.options import option
from dp_common.config.plugin import one_line
from dp_common.errors import Interrupted
from dp_common.persistence.provenance import fix_arithmetic

CHECKS = {  # name: its module and function; in this order
    "machine": "machine.machine",
    "correctness": "correctness.correctness",
    "digits": "digits_run.digits",
    "sampling": "sampling.sampling",
    "layouts": "layouts.layouts",
    "training": "training.training",
    "looking": "training.looking",
    "reading": "training.reading",
    "lab": "whole_lab.lab",
    "compiled": "compiled.compiled",
}
JUDGED = ("H100", "H200")


@dataclass
class Options:
    """Keys of this application."""

    device: str = option("auto", devices.NAMES, pattern=devices.PATTERN)
    items: tuple[str, ...] = option(tuple(CHECKS), "what is checked", many=True, choices=tuple(CHECKS), unset="all")
    seconds: float = option(480.0, "after so many no further item begins", above=0)
    out: str = option("", "file to write the lines to as well, which must not be there yet", place=True)


def main(argv: Sequence[str]) -> int:
    """Check, print and write; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    if options.out:
        new_file("out", options.out)
    import torch

    device = devices.named(options.device)
    small = device.type == "cpu"
    os.environ.setdefault(*devices.CUBLAS)
    fix_arithmetic(1 if small else torch.get_num_threads())
    judged = any(name in devices.label(device) for name in JUDGED)
    ends = time.monotonic() + options.seconds
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        with open(to_write(options.out) if options.out else "/dev/null", "w") as file:
            for number, name in enumerate(options.items):
                (mine := Path(folder) / name).mkdir()
                place = Place(device, mine, small, judged, devices.synchroniser(device), ends)
                try:
                    bad += look(name, place, file)
                except KeyboardInterrupt:
                    elsewhere = ", with another out=" if options.out else ""
                    left = ",".join(options.items[number:])
                    raise Interrupted(f"interrupted; items={left} is left{elsewhere}") from None
    return int(bad > 0)


def look(name: str, place: Place, file: IO[str]) -> int:
    """One check, line by line; returns how many of them are bad."""
    if time.monotonic() > place.ends:
        say(Finding(name, None, verdict=LEFT_OUT, note="the time is over"), LEFT_OUT, 0.0, file)
        return 0
    module, _, function = CHECKS[name].partition(".")
    since, bad = time.perf_counter(), 0
    try:
        check: Callable[[Place], Any] = getattr(import_module(f"benchmarks.gpu_checks.{module}"), function)
        for finding in check(place):
            verdict = finding.judge(place.judged)
            say(finding, verdict, time.perf_counter() - since, file)
            bad += verdict == FAILED or (verdict == DIFFERS and not finding.rate)
            since = time.perf_counter()
    except Exception as error:  # whatever it is: the other items are worth their time
        full = type(error).__name__ == "OutOfMemoryError"
        note = one_line(error)
        say(Finding(name, None, note=note), FULL if full else FAILED, time.perf_counter() - since, file)
        bad += not full
    gc.collect()
    return bad


def say(finding: Finding, verdict: str, seconds: float, file: IO[str]) -> None:
    """One JSON line, written through at once."""
    line = {
        "item": finding.item,
        "expected": finding.expected,
        "got": float(f"{finding.got:.4g}") if isinstance(finding.got, float) else finding.got,
        "unit": finding.unit,
        "verdict": verdict,
        "seconds": round(seconds, 2),
        "note": finding.note,
    }
    text = json.dumps({key: value for key, value in line.items() if value not in ("", None) or key == "got"})
    print(text, flush=True)
    file.write(text + "\n")
    file.flush()


if __name__ == "__main__":
    cli.guarded(main, sys.argv[1:])
