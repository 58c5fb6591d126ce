"""Making one addition to the training set: part by part, each committed with its cost, found again after an interruption.

Parts are dealt to the ranks (one or many): whoever takes a part makes it, writes its shard and hands in what the ledger is to say
of it; the first rank appends the line, which is what makes a shard exist. Parts are cut at multiples of ``sampler.block``, the images
sampled at once, so that what comes out never depends on who made it.
"""

from dataclasses import dataclass, field
from math import ceil, lcm

import numpy as np

from dp_common import files
from dp_common.config.specification import ROW_GROUP
from dp_common.diffusion.image_sampler import quantise
from dp_common.lab.scoring import score_images
from dp_common.seeds import label_of
from dp_common.training_data import shards as store


class Halted(Exception):
    """Between two blocks of images: the attempt is to end."""


@dataclass
class Batch:
    """The images of one call of the lab. ``key`` names all that decides them; a shard in the ledger under this call and key is
    this shard. ``break_off`` ends the attempt, and raises.
    """

    bench: object
    call: int
    key: str
    round: int
    omega: float
    break_off: object
    deal: object = field(default=None, init=False)
    bar: object = field(default=None, init=False)

    def generate(self, first, n, hook, birth):
        """Images first .. first+n-1 -> (members of the training set, means measured, {file: its content} of what was made here).

        ``hook``: the guide or None; ``birth``: (score name, model) whose score of the new images is written down, or None. Members and
        means are the first rank's to know.
        """
        found, todo = self.bench.group.broadcast(self.cover(first, n))
        contents = {}

        def part(number):
            result, content = self.make(range(*todo[number]), hook, birth)
            contents[result["line"]["file"]] = content
            return result

        self.share("guided" if hook else "generate", n, sum(record["rows"] for record in found), len(todo), part)
        lines = sorted(self.shards().items())
        measured = weighted(
            [(record["rows"], record["measured"]) for start, record in lines if first <= start < first + n]
        )
        return [member_of(record) for start, record in lines if first <= start < first + n], measured, contents

    def share(self, name, total, had, parts, work, halted=lambda: None):
        """Do ``work(number) -> result`` for the numbers that fall to this rank, and take up the results of all. ``halted()``: what is
        still to be done where work is broken off.
        """
        bench = self.bench
        self.work_queue = deal = bench.group.work_queue(parts, bench.stop)
        with bench.progress.task(name, total) as self.bar:
            self.bar(had)
            for number in deal:
                try:
                    deal.submit(work(number), number)
                except Halted:
                    halted()
                    deal.abandon(number)
                if bench.group.first:
                    self.record_results(deal.collect())
            if bench.group.first:
                for results in deal.drain():
                    self.record_results(results)
        if deal.stopped:
            self.break_off()

    def between(self, images):
        """Between two blocks: ``images`` more are there. Raises Halted."""
        self.bar(images)
        if self.work_queue.cancelled():
            raise Halted

    def record_results(self, results):
        """On the first rank: the lines of what was handed in, with the counts of those who made it."""
        for result in results:
            self.bench.meter.count(**result.get("counts", {}))
            self.bar(result.get("images", 0))
            if "line" in result:
                self.bench.ledger.append(result["kind"], **result["line"])
                for file in result["line"].get("replaces", []):
                    (self.bench.folder / file).unlink(missing_ok=True)

    def result(self, images=0, **line):
        """What is handed in: the counts of another rank than the first, whose clock has its own."""
        if self.bench.group.first:
            return line
        return line | {"images": images, "counts": self.bench.meter.snapshot_and_reset()["counts"]}

    def cover(self, first, n):
        """(lines of shards that are there, [start, stop) of those to be made) of images first .. first+n-1. An earlier attempt may
        have cut its shards otherwise.
        """
        there, found, todo, at, end = self.shards(), [], [], first, first + n
        while at < end:
            if at in there:
                found.append(there[at])
                at += there[at]["rows"]
            else:
                stop = min([start for start in there if start > at] + [end])
                todo += [[part.start, part.stop] for part in blocks(at, stop, self.part_size(n))]
                at = stop
        return found, todo

    def part_size(self, n):
        """Images of a shard: ``shard``, or with several ranks so few that each gets about four parts."""
        group, unit = self.bench.group, lcm(self.bench.spec.sampler.block, ROW_GROUP)
        if group.size == 1:
            return self.bench.shard
        return min(self.bench.shard, unit * ceil(n / (4 * group.size * unit)))

    def make(self, span, hook, birth):
        """Sample, encode and write one shard -> (its result, (images, labels, indices))."""
        bench, meter, images, truth = self.bench, self.bench.meter, [], []
        indices = np.arange(span.start, span.stop)
        labels = label_of(indices, len(bench.classes))
        for block in blocks(span.start, span.stop, bench.spec.sampler.block):
            rows = slice(block.start - span.start, block.stop - span.start)
            with meter.phase("guided" if hook else "generate"):
                floats = bench.studio.sample(indices[rows], labels[rows], hook)
                images.append(quantise(floats))
            truth.append((len(block), bench.studio.density_means(floats, labels[rows])))
            self.between(len(block))
        images, scores, measured = np.concatenate(images), None, weighted(truth)
        if birth:
            with meter.phase("evaluate"):  # a measurement, not a part of any method: not in the price
                scores = score_images(
                    birth[0], bench.learner, birth[1], images, labels, indices, bench.spec.seed, bench.unpriced
                )
            measured["score_at_birth"] = float(scores.mean())
        with meter.phase("write"):
            encoded = [self.encode(image) for image in images]
            if bench.spec.images.format != "png":  # trained on is what was stored
                images = np.stack([store.decode(data) for data in encoded])
        return self.write("shard", span.start, encoded, indices, labels, scores, measured=measured), (
            images,
            labels,
            indices,
        )

    def write(self, kind, start, encoded, indices, labels, scores, **content):
        """Write a file of images; returns the result that names it."""
        bench, key = self.bench, f"{self.key}-{start}"
        with bench.meter.phase("write"):
            bench.ledger.holds()  # a stale holder's file must not replace its successor's
            name = files.digest(f"{key}-{content.get('spans', '')}".encode())[:8]  # nor a saved state the one before it
            file = f"{kind}-{self.call:06d}-{indices[0]:09d}-{name}.parquet"
            mark = store.write(
                bench.folder / file,
                bench.classes,
                encoded,
                indices,
                labels,
                scores,
                seed=bench.spec.seed,
                round=self.round,
                strategy=bench.spec.strategy,
                omega=self.omega,
                format=bench.spec.images.format,
            )
        line = dict(call=self.call, key=key, file=file, digest=mark, rows=len(indices), **content)
        return self.result(len(indices), kind=kind, line=line)

    def encode(self, image):
        return store.encode(image, self.bench.spec.images.format, self.bench.spec.images.quality)

    def shards(self):
        """{first image (of a selection: place): last line} of the shards made for just this call and key whose files are there."""
        return {
            int(record["key"].rpartition("-")[2]): record
            for record in self.bench.ledger.records
            if record["kind"] == "shard"
            and record["call"] == self.call
            and record["key"].startswith(f"{self.key}-")
            and (self.bench.folder / record["file"]).exists()
        }


def blocks(start, stop, size):
    """Ranges covering start .. stop-1, cut at multiples of ``size``: whoever makes a block, it holds the same indices."""
    edges = [start, *range((start // size + 1) * size, stop, size), stop]
    return [range(a, b) for a, b in zip(edges, edges[1:]) if a < b]


def member_of(record):
    return {"file": record["file"], "digest": record["digest"], "rows": record["rows"]}


def files_of(members):
    return [member["file"] for member in members]


def weighted(parts):
    """Mean of dicts of numbers, weighted by their counts: [(n, {name: value})] -> {name: value}."""
    names = {name for _, values in parts for name in values}
    means = {}
    for name in sorted(names):
        have = [(n, values[name]) for n, values in parts if name in values]
        means[name] = sum(n * value for n, value in have) / sum(n for n, _ in have)
    return means
