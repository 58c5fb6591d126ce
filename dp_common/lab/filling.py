"""Filling a pool of plain images ahead of the runs that will take them.

Any number of fillers may work on one pool, on one machine or on many: each passes over the ranges of images, makes
those that nobody makes, and comes back to the others when it is through. Where it begins is its own, so that fillers
seldom meet; nobody tells them what to do, and one that is killed leaves its range to the others.
"""

from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from dp_common import device as devices
from dp_common.config.resolve import Resolved
from dp_common.diffusion.image_sampler import ImageSampler
from dp_common.errors import BadInput
from dp_common.lab.addition_writer import blocks
from dp_common.lab.pooled import Made, PooledImages, encoded, pool_of
from dp_common.persistence.meter import Meter
from dp_common.seeds import label_of


class Filled(NamedTuple):
    """What a filler made."""

    images: int
    seconds: float  # of making them


def fill(
    resolved: Resolved,
    n: int,
    device: Any,
    show: Callable[[int], object],
    pause: Callable[[], object],
    turn: float = 0.0,
) -> Filled:
    """Make the plain images of a run that its pool lacks, ``n`` in all, ahead of any run.

    Args:
        resolved: with ``pool=yes``, its teacher prepared.
        n: images, from the first on.
        device: the teacher's.
        show: called with how many more are there.
        pause: called between blocks, and while it waits for another process; may raise: what is made is kept.
        turn: where of all ranges it begins, in [0, 1).
    """
    spec, pool, meter = resolved.spec, pool_of(resolved, device), Meter(synchronise=devices.synchroniser(device))
    if pool is None:
        raise BadInput("teacher", spec.teacher, "one that samples: this one's images are made already")
    sampler = ImageSampler(spec, resolved.teacher, device, meter)
    ranges = [
        (number, list(group))
        for number, group in groupby(blocks(0, n, spec.sampler.block), lambda block: block.start // pool.range)
    ]
    first, later, made = int(turn * len(ranges)), [], 0
    with PooledImages(pool, meter, pause) as images:
        for number, todo in ranges[first:] + ranges[:first]:
            pause()
            if {(block.start, block.stop) for block in todo} <= pool.said(number):
                show(sum(map(len, todo)))
            elif pool.lock(number):
                made += make(images, sampler, todo, show)
                pool.unlock(number)
            else:
                later.append(todo)
        for todo in later:
            made += make(images, sampler, todo, show)
    return Filled(made, meter.seconds.get("generate", 0.0) - meter.pooled.get("generate", 0.0))


def make(images: PooledImages, sampler: ImageSampler, todo: list[range], show: Callable[[int], object]) -> int:
    """Make the blocks of a range that are not there; returns how many images."""
    made, pool = 0, images.pool
    for block in todo:
        images.pause()
        if images.take(block.start, block.stop) is None:
            indices = np.arange(block.start, block.stop)
            labels = label_of(indices, pool.classes)
            with images.meter.measured("generate") as spent:
                pixels, floats = sampler.pixels(indices, labels)
            means = sampler.density_means(floats, labels)
            images.keep(Made(block.start, block.stop, partial(encoded, pool, pixels), means, spent))
            made += len(block)
        show(len(block))
    images.leave()
    return made
