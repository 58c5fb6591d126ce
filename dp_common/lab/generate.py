"""Making one addition to the training set: shard by shard, each committed with its cost and found again.

What is held are the files of one shard (of two where one is written beside the device), however many images a call
makes; images themselves only where the training set is in memory.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any

import numpy as np

from dp_common.arrays import DecodedImages, EncodedImages, Images, Indices, Labels, Scores
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.diffusion.image_sampler import Start
from dp_common.lab.addition_writer import AdditionWriter, Encoded, Stored, as_added, blocks
from dp_common.lab.choices import Choices
from dp_common.lab.context import Models
from dp_common.lab.pooled import Made, decoded, encoded, way_through
from dp_common.lab.scoring import score_images
from dp_common.lab.state import AddedImages
from dp_common.persistence.meter import Meter
from dp_common.persistence.records import Shard, Spent
from dp_common.pool.store import Block, ImagePool
from dp_common.seeds import label_of

Means = dict[str, float]


@dataclass
class ShardInMaking:
    """The blocks of one shard that are there, from image ``start`` on."""

    start: int
    sizes: list[int] = field(default_factory=list)
    encoded: "list[Future[Encoded]]" = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    means: list[Means] = field(default_factory=list)

    @property
    def stop(self) -> int:
        """The image after the last one."""
        return self.start + sum(self.sizes)

    def until(self, stop: int) -> "ShardInMaking":
        """Its blocks before image ``stop``, which is where one ends."""
        n = int(np.searchsorted(np.cumsum(self.sizes), stop - self.start, "right"))
        return ShardInMaking(self.start, self.sizes[:n], self.encoded[:n], self.scores[:n], self.means[:n])


@dataclass
class GeneratedAddition:
    """The images of one call of ``generate``."""

    writer: AdditionWriter
    models: Models
    guidance: GuidanceStep | None = None  # None: the plain sampler
    scored_by: str | None = None  # the score of the new images that is written down; None: none is
    frozen: Any = None  # the model that guides and scores; None: the learner as it is
    scorer: Any = None  # of a score that looks at more than logits
    chosen: Choices = Choices()  # labels and starts that the strategy chose
    first: int = 0  # index of the first image of the call

    def make(self, first: int, n: int) -> AddedImages:
        """Make images first .. first+n-1. What was added and measured is the first rank's to know.

        Raises:
            Interrupted: The attempt is to end; finished shards are found again, and so is what was finished of the
                one in the making.
        """
        writer, self.first = self.writer, first
        self.decoded: dict[str, DecodedImages] = {}
        done, todo = covered(writer.shards(), first, n, writer.part_size(n))
        done, todo = writer.run.group.broadcast([done, tapered(todo, writer.run.group.size, writer.part_unit)])
        name = "guided" if self.guidance else "generate"
        with writer.shared(name):
            there = sum(record["rows"] for record in done)
            writer.run_parts(name, n, there, len(todo), lambda number: self.shard(*todo[number]), self.rescue)
        lines = [record for start, record in sorted(writer.shards().items()) if first <= start < first + n]
        measured = weighted_mean([(record["rows"], record["measured"]) for record in lines])
        added = [as_added(record) for record in lines]
        return AddedImages(added, [shard["file"] for shard in added], measured, self.decoded)

    def shard(self, start: int, stop: int) -> Stored:
        """Make images start .. stop-1 and have them written. Raises Cancelled."""
        self.making = ShardInMaking(start)
        run, chosen = self.writer.run, self.chosen
        own = self.guidance is not None or chosen.labels is not None or chosen.rows is not None
        way = way_through(run, own, bool(self.scored_by), lambda: self.writer.advance(0))
        with way or nullcontext() as pooled:
            for block in blocks(start, stop, run.spec.sampler.block):
                indices = np.arange(block.start, block.stop)
                if not pooled:
                    self.block(indices)
                elif there := pooled.take(block.start, block.stop):
                    self.taken(there, indices)
                else:
                    pixels, spent = self.block(indices)
                    files, means = self.files_for(pooled.pool, pixels), self.making.means[-1]
                    pooled.keep(Made(block.start, block.stop, files, means, spent))
                self.writer.advance(len(block))
        return self.store(self.making)

    def block(self, indices: Indices) -> tuple[Images, Spent]:
        """Sample a block and have it encoded; of a teacher with a known density measure what that says, and score it
        where that is asked for. Returns its pixels and what sampling it took.
        """
        run, sampler, making = self.writer.run, self.models.sampler, self.making
        labels = self.labels_of(indices)
        with run.io.meter.measured("guided" if self.guidance else "generate") as spent:
            pixels, floats = sampler.pixels(indices, labels, self.guidance, self.start_of(indices))
        making.encoded.append(self.writer.encode_block(pixels))
        making.means.append(sampler.density_means(floats, labels))
        if self.scored_by:
            making.scores.append(self.scored(pixels, labels, indices))
        making.sizes.append(len(indices))
        return pixels, spent

    def files_for(self, pool: ImagePool, pixels: Images) -> Callable[[], list[bytes]]:
        """What waits for the files of the block that was made last, as the pool keeps them."""
        run = self.writer.run
        if pool.format == run.spec.images.format:
            return partial(files_of, self.making.encoded[-1])
        with run.io.meter.phase("write"):
            return run.io.background.do(partial(encoded, pool, pixels)).result

    def taken(self, block: Block, indices: Indices) -> None:
        """Take in a block that is there already, as ``block`` does one that it makes."""
        run, making, labels = self.writer.run, self.making, self.labels_of(indices)
        alike = run.pool is not None and run.pool.format == run.spec.images.format
        images = None
        if self.scored_by or run.data.training_set.in_memory or not alike:
            with run.io.meter.phase("write"):
                images = decoded(block)
        if alike or images is None:
            making.encoded.append(self.writer.block_of(block.encoded, images))
        else:
            making.encoded.append(self.writer.encode_block(images))
        making.means.append(block.means)
        if self.scored_by and images is not None:
            making.scores.append(self.scored(images, labels, indices))
        making.sizes.append(len(indices))

    def scored(self, images: Images, labels: Labels, indices: Indices) -> Scores:
        """By the model that guides: a measurement, not a part of any method, and not in the price."""
        run, decoded = self.writer.run, DecodedImages(images, labels, indices)
        with run.io.meter.phase("evaluate"):
            learner, seed, score = self.models.learner, run.spec.seed, str(self.scored_by)
            return score_images(score, learner, decoded, seed, Meter(), self.frozen, self.scorer)

    def labels_of(self, indices: Indices) -> Labels:
        """The classes of consecutive images: in turns, unless the strategy chose."""
        chosen = self.chosen_of(indices).labels
        return label_of(indices, len(self.writer.run.data.classes)) if chosen is None else chosen

    def start_of(self, indices: Indices) -> Start | None:
        """What consecutive images start from; None: noise alone."""
        chosen = self.chosen_of(indices)
        images = chosen.images(self.writer.run.data.real)
        return None if images is None else Start(images, chosen.strength)

    def chosen_of(self, indices: Indices) -> Choices:
        """What the strategy chose of consecutive images."""
        return self.chosen.part(int(indices[0]) - self.first, int(indices[-1]) + 1 - self.first)

    def store(self, made: ShardInMaking) -> Stored:
        """Have a shard written."""
        run = self.writer.run
        indices = np.arange(made.start, made.stop)
        labels = self.labels_of(indices)
        measured = weighted_mean(list(zip(made.sizes, made.means)))
        scores = np.concatenate(made.scores) if made.scores else None
        if scores is not None:
            measured["score_at_birth"] = float(scores.mean())

        def content() -> tuple[EncodedImages, float]:
            parts = [future.result() for future in made.encoded]
            encoded = [data for part in parts for data in part.files]
            return EncodedImages(encoded, indices, labels, scores), sum(part.seconds for part in parts)

        stored = self.writer.store("shard", made.start, indices, content, measured=measured)
        if run.data.training_set.in_memory:
            images = np.concatenate([future.result().decoded for future in made.encoded])
            self.decoded[stored.line["file"]] = DecodedImages(images, labels, indices)
        return stored

    def rescue(self) -> None:
        """Of a shard that is broken off, hand in what ends where files may be cut: at most ``unit`` images are lost."""
        unit, made = self.writer.unit, self.making
        stop = made.stop // unit * unit
        if stop > made.start:
            self.writer.submit(self.store(made.until(stop)))


def files_of(encoded: "Future[Encoded]") -> list[bytes]:
    """The files of a block, when they are there."""
    return encoded.result().files


def covered(there: dict[int, Shard], first: int, n: int, size: int) -> tuple[list[Shard], list[list[int]]]:
    """Of images first .. first+n-1: the lines of shards that are there, and [start, stop) of those to be made.

    An earlier attempt may have cut its shards otherwise.

    Args:
        there: {first image: line} of shards.
        first: Index of the first image.
        n: How many.
        size: Images of a shard to be made, which is cut at multiples of it.
    """
    done, todo, start, end = [], [], first, first + n
    while start < end:
        if start in there:
            done.append(there[start])
            start += there[start]["rows"]
        else:
            stop = min([other for other in there if other > start] + [end])
            todo += [[part.start, part.stop] for part in blocks(start, stop, size)]
            start = stop
    return done, todo


def tapered(parts: list[list[int]], ranks: int, unit: int) -> list[list[int]]:
    """Parts [start, stop) for several ranks, the last ones smaller: else all wait at the end for whoever took the last,
    half a part's time on average. Those of the last round are cut in four, those of the one before in two.

    Args:
        parts: In order.
        ranks: How many take them.
        unit: Images at whose multiples they may be cut.
    """
    cut = []
    for left, (start, stop) in zip(range(len(parts), 0, -1), parts):
        pieces = 1 if ranks == 1 or left > 2 * ranks else 2 if left > ranks else 4
        size = unit * ceil((stop - start) / (pieces * unit))
        cut += [[part.start, part.stop] for part in blocks(start, stop, size)] if pieces > 1 else [[start, stop]]
    return cut


def weighted_mean(groups: list[tuple[int, Means]]) -> Means:
    """Means over all of groups of so many, [(n, {name: mean})]; each name over the groups that have it."""
    means = {}
    for name in sorted({name for _, values in groups for name in values}):
        having = [(n, values[name]) for n, values in groups if name in values]
        means[name] = sum(n * value for n, value in having) / sum(n for n, _ in having)
    return means
