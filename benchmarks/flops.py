"""Floating-point operations of teachers and learners, counted on meta tensors; and what guidance costs by them.

    python -m benchmarks.flops                     a guided image beside a plain one, Stable Diffusion 1.5 and ViT-B
    python -m benchmarks.flops units=yes           also what each network costs
    python -m benchmarks.flops units=yes out=benchmarks/estimates/operations.csv

No weights, no device, half a minute: networks are built from their configurations, and what is counted is what this
project's own sampler and guidance ask of them. ``--dry-run`` reads the file.
"""

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import cli, random_teachers
from benchmarks.estimates.operations import SIDES, Cost, Network, shape_text
from benchmarks.new_places import to_write
from dp_common.config.options import option
from dp_common.errors import BadInput
from dp_common.files import write_atomic

LEARNERS: dict[str, tuple[tuple[int, int, int], int]] = {  # shape and classes of the tasks they are learners of
    "vit_base_patch16_224": ((3, 224, 224), 1000),
    "vit-digits": ((1, 8, 8), 10),
    "vit-digits-fine": ((1, 8, 8), 10),
    "cnn-digits": ((1, 8, 8), 10),
    "mlp-plane": ((1, 1, 2), 3),
    "resnet-small": ((3, 32, 32), 10),
}
DECODES = ("full", "reduced", "tiny")


@dataclass
class Options:
    """Keys of this application."""

    every: tuple[int, ...] = option((1, 2, 5, 10), "one step in so many is guided", many=True, low=1)
    steps: int = option(30, "of the sampler", low=1, high=1000)
    units: bool = option(False, "count each network by itself too")
    out: str = option("", "with units=yes: CSV file to write", place=True)


def main(argv: Sequence[str]) -> int:
    """Count, print, write; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    if options.out and not options.units:
        raise BadInput("out", options.out, "only with units=yes")
    if options.out:
        cli.creatable_file("out", options.out)
    if options.units:
        costs = units()
        print("\n".join(unit_text(network, cost) for network, cost in costs.items()))
        if options.out:
            write_atomic(to_write(options.out), as_csv(costs).encode())
        print()
    print("\n".join(ratio_lines(options.every, options.steps)))
    return 0


def units() -> dict[Network, Cost]:
    """Each network that the presets and the recipes without a download need."""
    from benchmarks.estimates import meta
    from dp_common.teachers import unet

    found = {}
    for name, side in SIDES.items():
        print(f"counting {name}", file=sys.stderr)
        found[Network("denoiser", name, str(side))] = meta.sd_denoise_cost(random_teachers.UNETS[name], side)
    sides = sorted({size for side in SIDES.values() for size in (side // 2, side)})
    found |= {Network("vae", "sd", str(side)): meta.sd_decode_cost(side) for side in sides}
    found |= {Network("tiny-vae", "sd", str(side)): meta.tiny_decode_cost(side) for side in SIDES.values()}
    for path in sorted(unet.PACKAGED.glob("*.safetensors")):
        about = unet.read(path)[0]
        shape = tuple(about["shape"])
        found[Network("denoiser", f"unet {path.stem}", shape_text(shape))] = meta.pixel_unet_cost(
            about["architecture"], shape
        )
    for name, (size, classes) in LEARNERS.items():
        found[Network("learner", name, shape_text(size))] = meta.learner_cost(name, {}, size, classes)
    return found


def ratio_lines(every: Sequence[int], steps: int) -> list[str]:
    """A guided image beside a plain one, by decode, path and frequency."""
    import torch

    from benchmarks.estimates import meta
    from dp_common.diffusion.guidance import THROUGH
    from dp_common.learner.build import build

    with meta.META:
        learner = random_teachers.frozen(build("vit_base_patch16_224", {}, (3, 224, 224), 1000), torch.float32)
    setting = meta.setting(learner, random_teachers.stable_diffusion(meta.META, tiny_config={}))
    head = "".join(f"{f'every {n}':>10}" for n in every)
    shown = [f"operations of a guided image over those of a plain one, {steps} steps"]
    shown.append(f"{'decode':10}{'path':10}{head}")
    for decode in DECODES:
        for through in THROUGH:
            ratios = [meta.guided_to_plain(setting, through, decode, n, steps) for n in every]
            shown.append(f"{decode:10}{through:10}" + "".join(f"{ratio:>10.3f}" for ratio in ratios))
    return shown


def unit_text(network: Network, cost: Cost) -> str:
    """One network as the terminal shows it, in TFLOP."""
    training = f"   training {cost.training:.4g}" if cost.training else ""
    return (
        f"{network.part:9} {network.name:22} {network.at:10} forward {cost.forward:.4g}   backward to the input "
        f"{cost.backward:.4g}{training} TFLOP"
    )


def as_csv(costs: dict[Network, Cost]) -> str:
    """The file that estimates read, in TFLOP."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*Network._fields, *Cost._fields])
    writer.writerows([*network, *(f"{value:.6g}" for value in cost)] for network, cost in costs.items())
    return buffer.getvalue()


if __name__ == "__main__":
    cli.guarded(main)
