"""What networks cost in floating-point operations. Imports torch only to count.

``operations.csv`` holds the networks of the presets and of the digits recipes, as ``python -m benchmarks.flops``
counted them on meta tensors; others are counted when they are asked for.
"""

import csv
from functools import cache
from importlib.resources import files
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks import random_teachers

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

TABLE = "operations.csv"
SD_1 = "sd-1.5"  # sd-1.4 has its architecture
SIDES = {SD_1: 64, "sd-2.1": 96, "sd-xl": 128}  # of the latents that they were trained on
VAE_PIXELS = 8  # of a latent


class Cost(NamedTuple):
    """Of one image, or of one row of a batch, in TFLOP."""

    forward: float
    backward: float  # to the input alone, weights being frozen
    training: float = 0.0  # forward and backward to the weights; 0: it is not trained
    parameters: float = 0.0  # of a network that is trained


class Network(NamedTuple):
    """What a row of the table is of."""

    part: str  # denoiser, vae, tiny-vae or learner
    name: str
    at: str  # side of the latents, or the shape of an image as 3x224x224


class Teacher(NamedTuple):
    """What one image costs where it comes from, in TFLOP."""

    denoise: Cost  # a row through the denoiser
    decode: Cost  # of the final image
    guide: Cost  # of the image that guidance looks at


class Unknown(Exception):
    """Nobody knows what this costs; the message says what, for people."""


@cache
def table() -> dict[Network, Cost]:
    """The networks that were counted."""
    with (files("benchmarks.estimates") / TABLE).open() as file:
        return {
            Network(row["part"], row["name"], row["at"]): Cost(
                *(float(row[key]) for key in ("forward", "backward", "training", "parameters"))
            )
            for row in csv.DictReader(file)
        }


def shape_text(shape: tuple[int, ...]) -> str:
    """(3, 224, 224) -> 3x224x224."""
    return "x".join(map(str, shape))


# ---------------------------------------------------------------------- of a run


def learner_cost(resolved: "Resolved") -> Cost:
    """Of the run's classifier, for one image. Raises BadInput where it cannot be built."""
    spec, task = resolved.spec, resolved.task
    known = table().get(Network("learner", spec.learner, shape_text(task.shape)))
    if known and not spec.train.model_args:
        return known
    return counted_learner(spec.learner, repr(spec.train.model_args), tuple(task.shape), len(task.classes))


@cache
def counted_learner(name: str, arguments: str, shape: tuple[int, ...], classes: int) -> Cost:
    """Counted now; ``arguments`` as ``repr`` shows them."""
    from ast import literal_eval

    from benchmarks.estimates import meta

    return meta.learner_cost(name, literal_eval(arguments), shape, classes)


def teacher_cost(resolved: "Resolved") -> Teacher:
    """Of the run's teacher. Raises Unknown for a plugin that is not this package's."""
    nothing, teacher = Cost(0.0, 0.0), resolved.teacher
    if teacher.holds_images:
        return Teacher(nothing, nothing, nothing)
    plugin = resolved.plugins["teacher"]
    if plugin.built_in and plugin.name == "mixture":
        return Teacher(mixture(prod(resolved.task.shape), resolved.values["mixture.components"]), nothing, nothing)
    if plugin.built_in and plugin.name == "unet":
        return Teacher(pixel_unet(resolved), nothing, nothing)
    if plugin.built_in and plugin.name == "stable-diffusion":
        return stable_diffusion(teacher)
    raise Unknown(f"what an image of teacher={resolved.spec.teacher} costs")


def mixture(values: int, components: int) -> Cost:
    """Of the mixture's denoiser for images of so many values: two rotations, distances and weighted means."""
    forward = (4 * values**2 + 8 * components * values) / 1e12
    return Cost(forward, 2 * forward)


def pixel_unet(resolved: "Resolved") -> Cost:
    """Of a row through the network of a weights file. Raises Unknown where there is none."""
    from dp_common.teachers import unet

    teacher: Any = resolved.teacher
    path = teacher.path_of(resolved.task)
    known = table().get(Network("denoiser", f"unet {path.stem}", shape_text(resolved.task.shape)))
    if known and path.parent == unet.PACKAGED:
        return known
    if not path.is_file():
        raise Unknown(f"what an image of teacher=unet costs: {path} is not there yet")
    return counted_unet(str(path), tuple(resolved.task.shape))


@cache
def counted_unet(path: str, shape: tuple[int, ...]) -> Cost:
    """Counted now, for the network of this weights file."""
    from benchmarks.estimates import meta
    from dp_common.teachers import unet

    return meta.pixel_unet_cost(unet.read(path)[0]["architecture"], shape)


def stable_diffusion(teacher: Any) -> Teacher:
    """Of a Stable Diffusion: as published, or of a local folder by its configurations."""
    from dp_common.teachers._stable_diffusion_files import locate

    name = {"sd-1.4": SD_1}.get(teacher.weights, teacher.weights)
    folder, _ = locate(teacher.weights)
    local = str(folder) if folder and name not in SIDES else ""
    if name not in SIDES and not local:
        raise Unknown(f"what an image of stable_diffusion.weights={teacher.weights} costs: it is not here")
    side = teacher.resolution // VAE_PIXELS or SIDES.get(name, 0)
    if local:
        return counted_folder(local, side, teacher.guide_decode, teacher.guide_reduce)
    decoder = "tiny-vae" if teacher.guide_decode == "tiny" else "vae"
    reduced = side // teacher.guide_reduce if teacher.guide_decode == "reduced" else side
    return Teacher(part("denoiser", name, side), part("vae", "sd", side), part(decoder, "sd", reduced))


def part(kind: str, name: str, side: int) -> Cost:
    """Of a published part at latents of this side, counted now if the table lacks it."""
    return table().get(Network(kind, name, str(side))) or counted_part(kind, name, side)


@cache
def counted_part(kind: str, name: str, side: int) -> Cost:
    """Counted now."""
    from benchmarks.estimates import meta

    if kind == "denoiser":
        return meta.sd_denoise_cost(random_teachers.UNETS[name], side)
    return meta.tiny_decode_cost(side) if kind == "tiny-vae" else meta.sd_decode_cost(side)


@cache
def counted_folder(folder: str, side: int, decode: str, reduce: int) -> Teacher:
    """Counted now, by the configurations in a folder."""
    from benchmarks.estimates import meta

    unet, vae = (meta.config_in(Path(folder), part) for part in ("unet", "vae"))
    side = side or unet["sample_size"]
    final = meta.sd_decode_cost(side, vae)
    reduced = meta.sd_decode_cost(side // reduce, vae) if decode == "reduced" else final
    guide = meta.tiny_decode_cost(side) if decode == "tiny" else reduced
    return Teacher(meta.sd_denoise_cost(unet, side), final, guide)
