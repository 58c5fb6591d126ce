"""Streaming the candidates of a selection past a top-k, in memory that does not grow with them.

Now and then, and where the images that are held come to more than ``HELD`` bytes, what was found since the last time
is put away in a ``partial`` file, whose line says which candidates had been seen. A later attempt shares these states
among its ranks, and goes on with the blocks that none of them has seen.
"""

import json
from contextlib import nullcontext
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from dp_common import files
from dp_common.arrays import DecodedImages, Images, Indices, Labels, Scores
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.lab.addition_writer import AdditionWriter, Result, Stored, blocks
from dp_common.lab.pooled import Made, decoded, encoded, way_through
from dp_common.lab.rule_sources import RuleSources
from dp_common.lab.scoring import score_images
from dp_common.lab.top_k import AWAY, Pool, TopK
from dp_common.persistence.records import Partial
from dp_common.seeds import label_of
from dp_common.training_data import shards

HELD = 2**28  # bytes of image files that a rank holds before it puts them away
Span = list[int]  # [start, stop) of candidates


class Scan:
    """The scan on one rank. ``best`` is filled by it; ``score`` names what the candidates are ranked by."""

    def __init__(
        self,
        writer: AdditionWriter,
        best: TopK | Pool,
        score: str,
        scorer: Any = None,
        guidance: GuidanceStep | None = None,
        looks: RuleSources | None = None,
    ) -> None:
        self.writer, self.best, self.score, self.context = writer, best, score, writer.run
        self.scorer, self.guidance, self.looks = scorer, guidance, looks
        own, pause = guidance is not None, lambda: writer.advance(0)
        self.way = way_through(writer.run, own, True, pause, candidates=True)  # through the pool
        self.spans: list[Span] = []  # candidates that ``best`` has seen since its state was saved last
        self.present, self.present_rows = False, 0  # has it seen the training set too? How much of it?
        self.files: list[str] = []  # of the states that together are this rank's

    def run(self, first: int, pool: int, with_present: bool) -> list[str]:
        """Look at candidates first .. first+pool-1, and at the present set where that joins.

        Returns:
            The files of all ranks' states; none if there is but one rank, which holds the best itself. Before
            images are made again the state is always saved: the scan is not paid for again if that is interrupted.
        """
        group = self.context.group
        saved = group.broadcast(self.saved_states())
        self.restore(saved[group.rank :: group.size])
        if with_present and group.first and not any(record["present"] for record in saved):
            self.offer_present(max([0, *(record.get("present_rows", 0) for record in saved)]))
            self.present = True
        seen = [span for record in saved for span in record["spans"]]
        todo = uncovered(first, first + pool, seen, self.context.spec.sampler.block)
        done = pool - sum(stop - start for start, stop in todo)
        parts = of_one_rank(todo, self.way.pool.range if self.way else 0)
        self.writer.run_parts("select", pool, done, len(parts), lambda number: self.part(parts[number]), self.submit)
        held_here = group.size == 1 and not self.best.made_again and not self.files
        return [] if held_here else self.states_of_all()

    def states_of_all(self) -> list[str]:
        """Save what this rank holds, let the first rank record all, and return the files."""
        results = [stored.result() for stored in self.unsaved()]
        gathered = self.context.group.all_gather(json.dumps([self.files, results]).encode())
        by_rank = [json.loads(data) for data in gathered]
        if self.context.group.first:
            self.writer.record([result for _, results in by_rank for result in results])
        return [file for files_of_rank, _ in by_rank for file in files_of_rank]

    # ------------------------------------------------------------------ candidates

    def part(self, todo: list[tuple[int, int]]) -> Result:
        """Make, score and offer some blocks of candidates. Raises Cancelled."""
        with self.way or nullcontext():
            for start, stop in todo:
                self.block(start, stop)
        return self.writer.result(sum(stop - start for start, stop in todo))

    def block(self, start: int, stop: int) -> None:
        """Make, score and offer candidates start .. stop-1. Raises Cancelled."""
        context, indices = self.context, np.arange(start, stop)
        labels = label_of(indices, len(context.data.classes))
        images, files = self.pixels(start, stop, labels)
        scores = self.scored(DecodedImages(images, labels, indices))
        with context.io.meter.phase("write"):
            self.offer(scores, images, labels, indices, [AWAY] * len(images) if self.best.made_again else files)
        self.spans = joined([*self.spans, [start, stop]])
        if context.timer.due() or self.best.held_bytes > HELD:
            self.submit()
        self.writer.advance(stop - start)

    def pixels(self, start: int, stop: int, labels: Labels) -> tuple[Images, list[bytes] | None]:
        """Candidates start .. stop-1, from the pool where they are; and their files, where these are there already."""
        context, way, indices = self.context, self.way, np.arange(start, stop)
        if way and (there := way.take(start, stop)):
            with context.io.meter.phase("write"):
                return decoded(there), there.encoded if way.pool.format == context.spec.images.format else None
        with context.io.meter.measured("guided" if self.guidance else "generate") as spent:
            images, floats = context.models.sampler.pixels(indices, labels, self.guidance)
        if way and way.keeps:
            means = context.models.sampler.density_means(floats, labels)
            with context.io.meter.phase("write"):
                files = context.io.background.do(partial(encoded, way.pool, images)).result
            way.keep(Made(start, stop, files, means, spent))
        return images, None

    def offer_present(self, seen: int) -> None:
        """The present training set as candidates, but for its first ``seen`` images."""
        for stored, images in self.context.data.training_set.chunks():
            self.present_rows += len(images.indices)
            if self.present_rows <= seen:
                continue
            self.offer(self.scored(images), *images, stored)
            if self.best.held_bytes > HELD:
                self.writer.record([stored.result() for stored in self.unsaved()])

    def offer(
        self, scores: Scores, images: Images, labels: Labels, indices: Indices, files: list[bytes] | None = None
    ) -> None:
        """Images that are encoded only if they enter, where their ``files`` are not there."""
        ready = files.__getitem__ if files else lambda row: self.writer.encode(images[row])
        self.best.offer(scores, indices, labels, ready)

    def scored(self, images: DecodedImages) -> Scores:
        """By the learner as it is, at the price of the method."""
        context = self.context
        with context.io.meter.phase("score"):
            if self.looks:
                self.looks.look(images)
            learner, seed, meter = context.models.learner, context.spec.seed, context.io.meter
            return score_images(self.score, learner, images, seed, meter, scorer=self.scorer)

    # ------------------------------------------------------------------ state

    def saved_states(self) -> list[Partial]:
        """The lines of this scan's states that count: not replaced by later ones, and there."""
        records = [
            record
            for record in self.context.io.ledger.records
            if record["kind"] == "partial"
            and record["call"] == self.writer.call.number
            and record["key"] == f"{self.writer.call.key}-0"
        ]
        replaced = {file for record in records for file in record["replaces"]}
        folder = self.context.io.folder
        there = {r["file"]: r for r in records if r["file"] not in replaced and (folder / r["file"]).exists()}
        return list(there.values())

    def restore(self, states: list[Partial]) -> None:
        """Go on from these states, whose images stay where they are."""
        for record in states:
            table = shards.read_checked(self.context.io.folder / record["file"], record["digest"])
            scores, indices, labels = (table[name].to_numpy() for name in ("score_at_birth", "index", "label"))
            self.best.offer(scores, indices, labels, lambda row: AWAY)
            self.files.append(record["file"])
        self.best.put_away()
        self.present = any(record["present"] for record in states)

    def unsaved(self) -> list[Stored]:
        """Put away what was found since the last time; returns the file, none where nothing was."""
        found = self.best.unsaved()
        if not len(found.indices):
            return []
        if self.looks:
            self.looks.put_away(found.indices)
        spans, self.spans = self.spans, []
        said: dict[str, Any] = {"spans": spans, "replaces": [], "present": self.present}
        said["present_rows"] = self.present_rows
        tag = files.digest(found.indices.tobytes())
        stored = self.writer.store("partial", 0, found.indices, lambda: (found, 0.0), tag, **said)
        self.best.put_away()
        self.files.append(stored.line["file"])
        return [stored]

    def submit(self) -> None:
        """Hand in what was found, where anything was."""
        for stored in self.unsaved():
            self.writer.submit(stored)


def of_one_rank(todo: list[tuple[int, int]], size: int) -> list[list[tuple[int, int]]]:
    """Blocks as they are dealt to the ranks: together those of a range of a pool, ``size`` images, since no two ranks
    make those; for 0, without a pool, each for itself.
    """
    if not size:
        return [[block] for block in todo]
    return [list(group) for _, group in groupby(todo, lambda block: block[0] // size)]


def joined(spans: list[Span]) -> list[Span]:
    """[start, stop) spans, sorted, with neighbours made one."""
    whole: list[Span] = []
    for start, stop in sorted(spans):
        if whole and whole[-1][1] == start:
            whole[-1][1] = stop
        else:
            whole.append([start, stop])
    return whole


def uncovered(first: int, end: int, done: list[Span], size: int) -> list[tuple[int, int]]:
    """(start, stop) of the blocks of first .. end-1 that lie in none of the spans ``done``, made of such blocks."""
    edges = [first, *(edge for span in joined(done) for edge in span), end]
    return [
        (block.start, block.stop) for start, stop in zip(edges[::2], edges[1::2]) for block in blocks(start, stop, size)
    ]
