"""Filling a pool of plain images ahead of the runs that will take them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dp_common import device as devices
from dp_common.config.resolve import Resolved
from dp_common.diffusion.image_sampler import ImageSampler
from dp_common.errors import BadInput
from dp_common.lab.addition_writer import blocks
from dp_common.lab.pooled import Made, PooledImages, pool_of
from dp_common.persistence.meter import Meter
from dp_common.seeds import label_of
from dp_common.training_data import shards


def fill(resolved: Resolved, device: Any, show: Callable[[int], object], pause: Callable[[], object]) -> Meter:
    """Make the plain images of a run that its pool lacks, ``scale`` of them in all, ahead of any run.

    Args:
        resolved: with ``pool=yes``, its teacher prepared.
        device: the teacher's.
        show: called with how many more are there.
        pause: called while it waits for another process.

    Returns:
        What was spent: its ``generate`` is this process's own.
    """
    spec, pool, meter = resolved.spec, pool_of(resolved, device), Meter(synchronise=devices.synchroniser(device))
    if pool is None:
        raise BadInput("teacher", spec.teacher, "one that samples: this one's images are made already")
    sampler = ImageSampler(spec, resolved.teacher, device, meter)
    with PooledImages(pool, meter, pause) as images:
        for block in blocks(0, spec.scale, spec.sampler.block):
            indices = np.arange(block.start, block.stop)
            labels = label_of(indices, pool.classes)
            if images.take(block.start, block.stop) is None:
                with meter.measured("generate") as spent:
                    pixels, floats = sampler.pixels(indices, labels)
                with meter.phase("write"):
                    files = [shards.encode(image, spec.images.format, spec.images.quality) for image in pixels]
                means = sampler.density_means(floats, labels)
                images.keep(Made(block.start, block.stop, lambda files=files: files, means, spent))  # type: ignore[misc]
            show(len(block))
    return meter
