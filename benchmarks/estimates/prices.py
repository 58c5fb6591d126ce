"""What a unit of work costs, in seconds of a device: from a file of measured costs, or from counted operations."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import unit_costs
from benchmarks.estimates import operations
from benchmarks.estimates.operations import Cost, Network, Unknown
from dp_common.config.specification import Sampler
from dp_common.errors import BadInput
from results.analysis.method_costs import RELATIVE, Missing, Units

if TYPE_CHECKING:
    from benchmarks.estimates.work import Work
    from dp_common.config.resolve import Resolved

# TFLOP/s without sparsity that makers state, by arithmetic, and the share of it that an H100 reached, uncompiled
# (results/measured/gpu: a plain image 26 %, a guided one 22, training 25, looking 28); of an A100 the same is assumed.
PEAKS = {
    "h100": {"half": 989.0, "tf32": 494.5, "fp32": 66.9},
    "a100": {"half": 312.0, "tf32": 156.0, "fp32": 19.5},
}
SHARES = {"half": 0.25, "tf32": 0.28, "fp32": 0.65}
NOT_MEASURED = "a reckoning: what is waited for, and small networks' launches, come on top"
HERE = "here"  # prices=here: measured now
FITS = {  # the files of this package: teacher and learner that they were measured with
    "digits": ("mixture", "cnn-digits"),
    "cpu": ("mixture", "vit-digits"),
    "digits-unet": ("unet", "vit-digits"),
}
TASKS = ("digits", "digits-1797")
SAMPLER = Sampler(steps=20)  # with which those were measured,
COMPONENTS = {"digits": 12, "cpu": 6}  # and of the mixture
UNET_ON_CPU = Network("denoiser", "unet digits-1797", "1x8x8")
LEARNER_ON_CPU = Network("learner", "vit-digits", "1x8x8")


@dataclass(frozen=True)
class Prices:
    """Seconds of one device for each unit of a run's work, and where they are from."""

    device: str  # as hours are called: H100, or one thread of a CPU
    source: str  # for people
    measured: bool
    plain: float  # an image
    guided: float  # an image
    score: float  # an image, by the learner
    train: float  # an image seen
    monitor: float  # an image looked at
    gradient: float = 0.0  # an image through a classifier and back, in a guided step
    write: float = 0.0  # an image stored
    units: Units | None = None  # by method, where a file has them


# ---------------------------------------------------------------------- from operations


def by_operations(resolved: "Resolved", work: "Work", gpu: str = "h100") -> Prices:
    """On a GPU of this kind, at a stated share of its peak. Raises Unknown."""
    spec, teacher = resolved.spec, resolved.teacher
    half, tf32, fp32 = (SHARES[kind] * PEAKS[gpu][kind] for kind in ("half", "tf32", "fp32"))
    rate = {"bf16": half, "fp16": half, "tf32": tf32, "fp32": fp32}
    of_teacher = rate[getattr(teacher, "dtype", "fp32")]
    peak = PEAKS[gpu]
    source = (
        f"counted operations at {100 * SHARES['half']:.0f} % of {peak['half']:.0f} TFLOP/s in half precision and "
        f"{100 * SHARES['fp32']:.0f} % of {peak['fp32']:.0f} in fp32; {NOT_MEASURED}"
    )
    training, looking = rate[spec.precision], rate[spec.guide_precision]
    return from_rates(resolved, work, of_teacher, training, looking, gpu.upper(), source)


def by_thread(resolved: "Resolved", work: "Work") -> Prices:
    """On one thread of a CPU, at the rates that small networks had there. Raises Unknown."""
    unet, learner, cpu = operations.table()[UNET_ON_CPU], operations.table()[LEARNER_ON_CPU], seconds_of("cpu")
    of_teacher = unet.forward * SAMPLER.steps / seconds_of("digits-unet")["unet.plain"]
    if resolved.spec.teacher == "mixture":
        of_teacher = operations.mixture(64, COMPONENTS["cpu"]).forward * SAMPLER.steps / cpu["sample.plain"]
    training, looking = learner.training / cpu["learner.train"], learner.forward / cpu["learner.forward"]
    rates = f"{1000 * of_teacher:.0f} GFLOP/s a teacher, {1000 * training:.0f} a learner"
    source = f"counted operations at the rates that the digits recipes had on a CPU ({rates}); {NOT_MEASURED}"
    return from_rates(resolved, work, of_teacher, training, looking, "thread", source)


def from_rates(
    resolved: "Resolved", work: "Work", of_teacher: float, training: float, looking: float, device: str, source: str
) -> Prices:
    """Prices where operations are done at these rates, in TFLOP/s: of teacher, training, and the learner's looks."""
    sampler = resolved.spec.sampler
    rows = 2 if sampler.cfg_scale != 1 else 1
    teacher, learner = operations.teacher_cost(resolved), operations.learner_cost(resolved)
    plain = (sampler.steps * rows * teacher.denoise.forward + teacher.decode.forward) / of_teacher
    exact = getattr(resolved.strategy, "through", "denoiser") == "denoiser"
    network = rows * teacher.denoise.backward if exact else 0.0
    of_gradient = (network + both(teacher.guide)) / of_teacher + both(learner) / looking
    look = learner.forward / looking
    guided, training_one = plain + work.gradients * of_gradient, learner.training / training
    gradient = both(learner) / looking
    return Prices(device, source, False, plain, guided, look, training_one, look, gradient)


def both(cost: Cost) -> float:
    """Forward, and backward to the input."""
    return cost.forward + cost.backward


# ---------------------------------------------------------------------- from measured unit costs


@cache
def seconds_of(name: str) -> dict[str, float]:
    """{item: seconds a unit} of a file of unit costs. Raises BadInput."""
    return seconds_in(unit_costs.path_of("prices", name))


def rows_of(path: str | Path) -> list[dict[str, str]]:
    """The rows of a file of ``benchmarks.speed``. Raises BadInput."""
    try:
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        assert rows and all(float(row["seconds_per_unit"]) > 0 and row["item"] and row["device"] for row in rows)
    except (OSError, KeyError, ValueError, TypeError, AssertionError) as error:
        columns = "item, seconds_per_unit, device"
        raise BadInput("prices", path, f"not a file of benchmarks.speed, with columns {columns}") from error
    return rows


def seconds_in(path: str | Path) -> dict[str, float]:
    """{item: seconds a unit}. Raises BadInput."""
    return {row["item"]: float(row["seconds_per_unit"]) for row in rows_of(path)}


def fitting(resolved: "Resolved") -> str:
    """The file of this package that was measured for such a run; empty: none."""
    spec = resolved.spec
    for name, parts in FITS.items():
        if spec.task in TASKS and (spec.teacher, spec.learner) == parts and not spec.train.model_args:
            return name
    return ""


def by_file(resolved: "Resolved", work: "Work", name: str) -> Prices:
    """At the unit costs of a file.

    The sampler is that of the file, but for files of this package, whose sampler is known: there the run's own counts.

    Raises:
        BadInput: it is no such file, or says nothing of this teacher.
    """
    path = unit_costs.path_of("prices", name)
    rows, seconds = rows_of(path), seconds_in(path)
    ours = name in FITS and Path(path).parent == unit_costs.FOLDER
    item = items_of(resolved, seconds, name)
    plain = seconds[item["plain"]]
    guided = guided_seconds(resolved, work, item["guided"], plain, seconds) if work.guided else plain
    scale = work_beside_measured(resolved, COMPONENTS.get(name, 0)) if ours else 1.0
    look = seconds[item["forward"]]
    device = rows[0]["device"]
    units = Units(seconds, f"{item['guided']}{RELATIVE}")
    threads = rows[0].get("threads", "1")
    where = "thread" if device.startswith("cpu") and threads in ("1", "") else device
    return Prices(
        where,
        f"unit costs of {Path(path).name}, measured on {device}",
        True,
        plain * scale,
        plain * scale + (guided - plain) * (resolved.spec.sampler.steps / SAMPLER.steps if ours else 1.0),
        look,
        seconds[item["train"]],
        look,
        gradient_of(units, 2 * look),
        seconds.get("store.encode", 0.0),
        units,
    )


def gradient_of(units: Units, otherwise: float) -> float:
    """A classifier more in a guided step of an image, where that was measured."""
    try:
        return units.classifier_pass()
    except Missing:
        return otherwise


def items_of(resolved: "Resolved", seconds: dict[str, float], name: str) -> dict[str, str]:
    """{part of the work: its item in a file}. Raises BadInput where it has none."""
    teacher = resolved.spec.teacher
    own = {part: f"{teacher}.learner.{part}" for part in ("train", "forward")}
    item = {"plain": f"{teacher}.plain", "guided": f"{teacher}.", **own}
    if teacher == "mixture" and "sample.plain" in seconds:  # the digits suite calls it ``sample``
        item = {"plain": "sample.plain", "guided": "sample.", "train": "learner.train", "forward": "learner.forward"}
    missing = [item[part] for part in ("plain", "train", "forward") if item[part] not in seconds]
    if missing:
        how = f"python -m benchmarks.speed suite=teacher teacher={teacher} out=FILE.csv measures it"
        raise BadInput("prices", name, f"says nothing of {', '.join(missing)}; {how}")
    return item


def guided_seconds(resolved: "Resolved", work: "Work", stem: str, plain: float, seconds: dict[str, float]) -> float:
    """A guided image of a run: linear in the share of guided steps, between plain and one that was measured.

    Raises Unknown where no image guided by this path was.
    """
    share = work.gradients / resolved.spec.sampler.steps
    through = getattr(resolved.strategy, "through", "denoiser")
    rule = getattr(resolved.strategy, "rule", "relative")
    decode = getattr(resolved.teacher, "guide_decode", "")
    found: dict[float, float] = {}
    for key, value in seconds.items():
        words = key.removeprefix(stem).split(".")
        if key.startswith(stem) and len(words) >= 3 and words[1] == through and words[2].startswith("every"):
            if (len(words) == 3 or words[3] == decode) and (words[0] == rule or words[0] == "relative"):
                found.setdefault(1 / int(words[2].removeprefix("every")), value)
    if not found:
        raise Unknown(f"what an image guided through the {through} costs")
    nearest = min(found, key=lambda known: (abs(known - share), known))
    return plain + share / nearest * (found[nearest] - plain)


def work_beside_measured(resolved: "Resolved", measured: int) -> float:
    """Work of one plain image of this run over that of the ones that were measured for this package, with so many
    components of a mixture.
    """
    sampler = resolved.spec.sampler
    work = sampler.steps / SAMPLER.steps * (2 if sampler.cfg_scale != 1 else 1)
    components = getattr(resolved.teacher, "components", measured)
    return work * operations.mixture(64, components).forward / operations.mixture(64, measured).forward
