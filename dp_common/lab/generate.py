"""Making one addition to the training set: shard by shard, each committed with its cost and found again."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dp_common.arrays import DecodedImages, EncodedImages, Images, Indices, Labels
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.diffusion.image_sampler import Start
from dp_common.lab.addition_writer import AdditionWriter, Result, as_added, blocks
from dp_common.lab.choices import Choices
from dp_common.lab.context import Models
from dp_common.lab.scoring import score_images
from dp_common.lab.state import AddedImages
from dp_common.persistence.meter import Meter
from dp_common.persistence.records import Shard
from dp_common.seeds import label_of
from dp_common.training_data import shards

Means = dict[str, float]


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
            Interrupted: The attempt is to end; finished shards are found again.
        """
        writer, self.first = self.writer, first
        decoded: dict[str, DecodedImages] = {}
        done, todo = writer.run.group.broadcast(covered(writer.shards(), first, n, writer.part_size(n)))

        def work(number: int) -> Result:
            result, images = self.shard(*todo[number])
            decoded[result["line"]["file"]] = images
            return result

        name = "guided" if self.guidance else "generate"
        writer.run_parts(name, n, sum(record["rows"] for record in done), len(todo), work)
        lines = [record for start, record in sorted(writer.shards().items()) if first <= start < first + n]
        measured = weighted_mean([(record["rows"], record["measured"]) for record in lines])
        added = [as_added(record) for record in lines]
        return AddedImages(added, [shard["file"] for shard in added], measured, decoded)

    def shard(self, start: int, stop: int) -> tuple[Result, DecodedImages]:
        """Sample, encode and write images start .. stop-1. Raises Cancelled."""
        run = self.writer.run
        indices = np.arange(start, stop)
        chosen = self.chosen.part(start - self.first, stop - self.first).labels
        labels = label_of(indices, len(run.data.classes)) if chosen is None else chosen
        images, measured = self.sample(indices, labels)
        scores = None
        if self.scored_by:
            with run.io.meter.phase("evaluate"):  # a measurement, not a part of any method: not in the price
                decoded = DecodedImages(images, labels, indices)
                scores = score_images(
                    self.scored_by,
                    self.models.learner,
                    decoded,
                    run.spec.seed,
                    Meter(),
                    self.frozen,
                    self.scorer,
                )
            measured["score_at_birth"] = float(scores.mean())
        with run.io.meter.phase("write"):
            encoded = [self.writer.encode(image) for image in images]
            if run.spec.images.format != "png":  # trained on is what was stored
                images = np.stack([shards.decode(data) for data in encoded])
        result = self.writer.write("shard", start, EncodedImages(encoded, indices, labels, scores), measured=measured)
        return result, DecodedImages(images, labels, indices)

    def sample(self, indices: Indices, labels: Labels) -> tuple[Images, Means]:
        """uint8 images, and means of what a known density says of them, block by block. Raises Cancelled."""
        run, sampler = self.writer.run, self.models.sampler
        first, images, means = int(indices[0]), [], []
        for block in blocks(first, first + len(indices), run.spec.sampler.block):
            rows = slice(block.start - first, block.stop - first)
            with run.io.meter.phase("guided" if self.guidance else "generate"):
                pixels, floats = sampler.pixels(indices[rows], labels[rows], self.guidance, self.start_of(block))
                images.append(pixels)
            means.append((len(block), sampler.density_means(floats, labels[rows])))
            self.writer.advance(len(block))
        return np.concatenate(images), weighted_mean(means)

    def start_of(self, block: range) -> Start | None:
        """What the images of a block start from; None: noise alone."""
        chosen = self.chosen.part(block.start - self.first, block.stop - self.first)
        images = chosen.images(self.writer.run.data.real)
        return None if images is None else Start(images, chosen.strength)


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


def weighted_mean(groups: list[tuple[int, Means]]) -> Means:
    """Means over all of groups of so many, [(n, {name: mean})]; each name over the groups that have it."""
    means = {}
    for name in sorted({name for _, values in groups for name in values}):
        having = [(n, values[name]) for n, values in groups if name in values]
        means[name] = sum(n * value for n, value in having) / sum(n for n, _ in having)
    return means
