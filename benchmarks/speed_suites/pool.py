"""A block of plain images made and encoded, and the same block taken from a pool, by a run's keys."""

from tempfile import TemporaryDirectory

from benchmarks.speed_suites import Item, Setting
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput

RUN_KEYS = True
NAMES = ("*.pool.made", "*.pool.taken")


def items(setting: Setting) -> dict[str, Item]:
    """Making a block, as a run does without a pool, and taking it, looked for, checked and decoded."""
    import numpy as np

    from dp_common.diffusion.image_sampler import ImageSampler
    from dp_common.lab.pooled import PooledImages, decoded, encoded, pool_of
    from dp_common.persistence.meter import Meter
    from dp_common.pool.store import Block
    from dp_common.seeds import label_of

    folder = TemporaryDirectory()
    run = resolve(["strategy=static", "pool=yes", *setting.overrides, f"root={folder.name}"])
    run.task.load(run.spec.data.split)
    run.teacher.prepare(run.task, setting.device)
    meter, name, block = Meter(), run.spec.teacher, min(setting.block, run.spec.sampler.block)
    sampler, indices = ImageSampler(run.spec, run.teacher, setting.device, meter), np.arange(block)
    pool = pool_of(run, setting.device)
    if pool is None:
        raise BadInput("teacher", name, "one that samples: this one's images are made already")

    def made() -> list[bytes]:
        return encoded(pool, sampler.pixels(indices, label_of(indices, pool.classes))[0])

    pool.write([Block(0, block, made(), seconds=1.0, counts={})])

    def taken() -> None:
        with PooledImages(pool, meter, lambda: folder) as images:
            found = images.take(0, block)
            assert found is not None
            decoded(found)

    reference = f"{name}.pool.made"
    return {reference: Item("images", block, made), f"{name}.pool.taken": Item("images", block, taken, reference)}
