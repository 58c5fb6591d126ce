"""Unit costs on this machine: what one image sampled, guided, scored, trained on, read or written costs.

    python -m benchmarks.speed [suite=digits,unet] [out=FILE.csv] [repeat=7] [block=512] [threads=1] [workers=2] [device=auto]
                               [key=value of a run ...]

Everything is timed in turn, ``repeat`` times, so that drift of the machine meets all alike; medians are told, and ratios of
medians to the item each is compared with. The file is what ``--dry-run`` and re-pricing read. Suites, one file each in costs/:

    digits            the mixture teacher with the digits recipe, plain and guided by each rule, path and frequency; the learner
    unet              a small pixel UNet (random weights), where the network is what costs; beside it diffusers' DDIMPipeline
    teacher           the teacher, sampler and learner of a run (teacher=unet, task=imagenet1k, ...): plain, guided, trained
    ranks             generation by 1 and by 2 processes of one thread each (teacher=unet on digits, or a run's)
    loader            training images from this suite's shards in block order, beside torchvision's ImageFolder
    stable-diffusion  the full-size architecture of Stable Diffusion 1.5 with random weights, and ViT-B/16; wants a GPU
"""

import csv
import io
import platform
import sys
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import median

from benchmarks.cli import guarded
from dp_common.config.resolve import parse
from dp_common.config.typed import count
from dp_common.errors import BadInput
from dp_common.files import write_atomic

SUITES = ("digits", "unet", "teacher", "ranks", "loader", "stable-diffusion")
FIELDS = (
    "item",
    "unit",
    "seconds_per_unit",
    "units_per_second",
    "compared_with",
    "ratio",
    "tflop_per_second",
    "peak_gib",
    "repeats",
    "threads",
    "device",
)


@dataclass
class Options:
    suite: str = "digits,unet"
    out: str = ""
    repeat: int = 7
    block: int = 512  # images sampled at once
    threads: int = 1
    workers: int = 2
    device: str = "auto"
    words: list = field(default_factory=list)  # key=value of a run, for the suites that measure one


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__)
        return 0
    options = Options()
    for key, value in parse(words).items():
        if key in Options.__dataclass_fields__ and key != "words":
            setattr(options, key, count(key, value) if isinstance(getattr(options, key), int) else value)
        else:
            options.words.append(f"{key}={value}")
    suites = options.suite.split(",")
    for suite in suites:
        if suite not in SUITES:
            raise BadInput("suite", suite, f"one or more of {', '.join(SUITES)}, by commas")
    if options.words and not {"teacher", "ranks", "stable-diffusion"} & set(suites):
        raise BadInput(options.words[0], None, "keys of a run go with suite=teacher, ranks or stable-diffusion")
    from dp_common.persistence.provenance import device_named, fix_threads

    fix_threads(options.threads)
    options.device = device_named(options.device)
    items = {}
    for suite in suites:
        items |= import_module(f"benchmarks.costs.{suite.replace('-', '_')}").items(options)
    rows = table(*measure(items, options), items, options)
    if options.out:
        Path(options.out).parent.mkdir(parents=True, exist_ok=True)
        write_atomic(options.out, as_csv(rows).encode())
    for row in rows:
        beside = f"{row['ratio']:.2f} x {row['compared_with']}" if row["compared_with"] else ""
        told = [
            f"{row['tflop_per_second']:.3g} TFLOP/s" if row["tflop_per_second"] else "",
            f"peak {row['peak_gib']:.1f} GiB" if row["peak_gib"] else "",
        ]
        print(
            f"{row['item']:42} {row['units_per_second']:>12,.4g} {row['unit']}/s   "
            + "   ".join(filter(None, [beside, *told]))
        )
    return 0


def measure(items, options):
    """({name: [seconds per unit] * repeat}, {name: peak GiB of device memory}); one warm-up round, all items in turn in each."""
    import torch

    cuda = options.device.type == "cuda"
    wait = (lambda: torch.cuda.synchronize(options.device)) if cuda else (lambda: None)
    seconds, peak = {name: [] for name in items}, {}
    for turn in range(options.repeat + 1):
        for name, item in items.items():
            if cuda:
                torch.cuda.reset_peak_memory_stats(options.device)
            wait()
            since = time.perf_counter()
            item.call()
            wait()
            if turn:
                seconds[name].append((time.perf_counter() - since) / item.n)
            peak[name] = torch.cuda.max_memory_allocated(options.device) / 2**30 if cuda else None
        print(f"round {turn} of {options.repeat}", file=sys.stderr)
    return seconds, peak


def table(seconds, peak, items, options):
    """Rows of FIELDS: medians, and ratios of medians within this one run."""
    from dp_common.persistence.provenance import device_label

    label = device_label(options.device) + (f" ({platform.machine()})" if options.device.type == "cpu" else "")
    medians = {name: median(values) for name, values in seconds.items()}
    return [
        {
            "item": name,
            "unit": item.unit,
            "seconds_per_unit": medians[name],
            "units_per_second": 1 / medians[name],
            "compared_with": item.beside or "",
            "ratio": medians[name] / medians[item.beside] if item.beside else None,
            "tflop_per_second": item.flops / item.n / medians[name] / 1e12 if item.flops else None,
            "peak_gib": peak[name],
            "repeats": options.repeat,
            "threads": options.threads,
            "device": label,
        }
        for name, item in items.items()
    ]


def as_csv(rows):
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
    return buffer.getvalue()


if __name__ == "__main__":
    guarded(main)
