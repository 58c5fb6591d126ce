"""What a run will do, if its plateaus come: counts of images made, guided, scored, trained on and looked at."""

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from benchmarks.estimates.looks import Looks, looks_of
from dp_common.lab.patience import planned_training
from dp_common.real_images.image_files import IN_MEMORY
from dp_common.real_images.kept_pixels import DIGEST, folder_of

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

KEPT_CHECKPOINTS = 2
# What an image file has beside its pixels, and bytes for each value of a pixel. Of png fitted to shards of 8x8 digits
# (250 bytes an image, Parquet's own included); of photographs assumed, at quality 95.
FILE_BYTES = {"png": (200, 0.8), "jpeg": (600, 0.2), "webp": (100, 0.15)}


@dataclass(frozen=True)
class Work:
    """Counts of a whole run, in images where nothing else is said."""

    plain: float  # made without guidance, those that are pruned away included
    guided: float
    gradients: float  # guided steps of a guided image
    scored: float
    seen: float  # in training
    evaluations: float  # times that monitor is looked at
    monitor: float  # images of monitor
    sized: bool  # is that known, and not assumed?
    evaluated: float  # looked at outside of the price: test, shifted sets, the population
    kept: float  # stored in the end
    image_bytes: float  # of one that is stored
    decoded_bytes: float = 0.0  # of real images that are kept decoded, once for all runs
    candidates: float = 0.0  # of ``plain``, scored and mostly thrown away
    shared: float = 0.0  # of ``plain``, those before: what any run of these images makes
    share: float = 1.0  # of a sampler's steps that an addition takes, which may start from images
    looks: Looks = Looks()  # beside the learner's logits

    @property
    def monitored(self) -> float:
        """Images of monitor looked at in all."""
        return self.evaluations * self.monitor


def work_of(resolved: "Resolved") -> Work:
    """The counts of a run. A strategy says them by ``planned_work``; of what it does not say, what ``static`` does."""
    spec, budget, teacher = resolved.spec, resolved.budget, resolved.teacher
    said = {"generated": float(budget.scale), "guided": 0.0, "scored": 0.0, "gradients_per_image": 0.0}
    planned = said | planned_training(budget.seen // 50, budget) | dict(resolved.strategy.planned_work(budget))
    sizes = dict(resolved.task.sizes())
    if spec.data.limit:
        sizes = {name: min(size, spec.data.limit) for name, size in sizes.items()}
    sized = {"monitor", "test"} <= set(sizes)
    sizes = {"monitor": 1000, "test": 1000, "shifted": 0} | sizes
    monitor = sizes["test"] if spec.data.monitor == "paper" else sizes["monitor"]
    looks = 1 + (planned["evaluations"] if spec.evaluate == "curve" else 0)
    candidates, unshared = planned.get("candidates", 0.0), planned.get("unshared", 0.0)
    return Work(
        plain=planned["generated"],
        guided=planned["guided"],
        gradients=planned["gradients_per_image"] * spec.sampler.steps,
        scored=planned["scored"],
        seen=planned["seen"],
        evaluations=planned["evaluations"],
        monitor=monitor,
        sized=sized,
        evaluated=looks * (sizes["test"] + sizes["shifted"] + monitor) + population_of(resolved),
        kept=0 if not planned["generated"] + planned["guided"] else budget.scale,
        image_bytes=bytes_of(spec.images.format, prod(resolved.task.shape)) if not teacher.holds_images else 0.0,
        decoded_bytes=decoded_of(resolved, sizes, monitor),
        candidates=candidates,
        shared=0.0 if teacher.holds_images else max(0.0, planned["generated"] - candidates - unshared),
        share=planned.get("share", 1.0),
        looks=looks_of(resolved, planned, sizes if sized else {}),
    )


def decoded_of(resolved: "Resolved", sizes: dict[str, int], monitor: int) -> float:
    """Bytes of the splits that are looked at again and again, are too large for memory, and so are kept decoded."""
    spec, each = resolved.spec, prod(resolved.task.shape)
    often = [monitor]
    if spec.evaluate == "curve":
        often += [sizes["shifted"]] + [sizes["test"]] * (spec.data.monitor != "paper")
    if folder_of(resolved.runtime.decoded) is None:
        return 0.0
    return float(sum(size * (each + DIGEST) for size in often if size * each > IN_MEMORY))


def population_of(resolved: "Resolved") -> int:
    """Images of the population; looking at it is in no price."""
    asked = resolved.spec.population.images
    return asked if asked >= 0 else 20_000 * resolved.teacher.knows_density


def bytes_of(format: str, values: int) -> float:
    """Of a stored image of so many values."""
    overhead, each = FILE_BYTES[format]
    return overhead + each * values
