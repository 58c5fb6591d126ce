"""Streaming the candidates of a selection past a top-k, with a state that survives an interruption.

A state is a ``partial`` file of what this rank keeps, with the spans of candidates that it has seen. A later attempt
shares the states among its ranks, and goes on with the blocks that none of them has seen.
"""

import json
from typing import Any

import numpy as np

from dp_common.arrays import DecodedImages, Images, Indices, Labels, Scores
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.lab.addition_writer import AdditionWriter, Result, blocks
from dp_common.lab.scoring import score_images
from dp_common.lab.top_k import Pool, TopK
from dp_common.persistence.records import Partial
from dp_common.seeds import label_of
from dp_common.training_data import shards

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
    ) -> None:
        self.writer, self.best, self.score, self.context = writer, best, score, writer.run
        self.scorer, self.guidance = scorer, guidance
        self.spans: list[Span] = []  # candidates that ``best`` has seen
        self.present = False  # has it seen the training set too?
        self.replaces: list[str] = []  # files of states that the next one stands for
        self.saved_file: str | None = None  # of the last state,
        self.saved_spans: list[Span] = []  # and what that had seen
        self.saved_present = False

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
            self.offer_present()
            self.present = True
        seen = [span for record in saved for span in record["spans"]]
        todo = uncovered(first, first + pool, seen, self.context.spec.sampler.block)
        done = pool - sum(stop - start for start, stop in todo)
        self.writer.run_parts("select", pool, done, len(todo), lambda number: self.block(*todo[number]), self.submit)
        return [] if group.size == 1 and not self.best.made_again else self.states_of_all()

    def states_of_all(self) -> list[str]:
        """Save this rank's state, let the first rank record all, and return the files."""
        results = self.unsaved()
        gathered = self.context.group.all_gather(json.dumps([self.saved_file, results]).encode())
        by_rank = [json.loads(data) for data in gathered]
        if self.context.group.first:
            self.writer.record([result for _, results in by_rank for result in results])
        return [file for file, _ in by_rank if file]

    # ------------------------------------------------------------------ candidates

    def block(self, start: int, stop: int) -> Result:
        """Make, score and offer candidates start .. stop-1. Raises Cancelled."""
        context, indices = self.context, np.arange(start, stop)
        labels = label_of(indices, len(context.data.classes))
        with context.io.meter.phase("guided" if self.guidance else "generate"):
            images, _ = context.models.sampler.pixels(indices, labels, self.guidance)
        scores = self.scored(DecodedImages(images, labels, indices))
        with context.io.meter.phase("write"):
            self.offer(scores, images, labels, indices, made_again=self.best.made_again)
        self.spans = joined([*self.spans, [start, stop]])
        if context.timer.due():
            self.submit()
        self.writer.advance(stop - start)
        return self.writer.result(stop - start)

    def offer_present(self) -> None:
        """The present training set as candidates."""
        for encoded, decoded in self.context.data.training_set.chunks():
            scores = self.scored(decoded)
            if encoded is None:
                self.offer(scores, *decoded)
            else:
                self.best.offer(scores, decoded.indices, decoded.labels, encoded.__getitem__)

    def offer(self, scores: Scores, images: Images, labels: Labels, indices: Indices, made_again: bool = False) -> None:
        """Candidates that are encoded only if they enter, or not at all where the chosen are made again."""
        self.best.offer(scores, indices, labels, lambda row: b"" if made_again else self.writer.encode(images[row]))

    def scored(self, decoded: DecodedImages) -> Scores:
        """By the learner as it is, at the price of the method."""
        context = self.context
        with context.io.meter.phase("score"):
            learner, seed, meter = context.models.learner, context.spec.seed, context.io.meter
            return score_images(self.score, learner, decoded, seed, meter, scorer=self.scorer)

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
        return [r for r in records if r["file"] not in replaced and (folder / r["file"]).exists()]

    def restore(self, states: list[Partial]) -> None:
        """Go on from these states."""
        for record in states:
            table = shards.read_checked(self.context.io.folder / record["file"], record["digest"])
            scores, indices, labels = (table[name].to_numpy() for name in ("score_at_birth", "index", "label"))
            self.best.offer(scores, indices, labels, shards.encoded_of(table).__getitem__)
            self.spans = joined(self.spans + record["spans"])
        self.replaces = [record["file"] for record in states]
        self.present = any(record["present"] for record in states)
        if len(states) == 1:
            self.saved_file, self.saved_spans = states[0]["file"], self.spans
            self.saved_present = self.present

    def unsaved(self) -> list[Result]:
        """Write the state; returns its result to hand in, none if the last one still holds."""
        nothing_new = self.saved_spans == self.spans and self.saved_present == self.present
        if nothing_new or not len(self.best.indices):
            return []
        content: dict[str, Any] = {"spans": self.spans, "replaces": self.replaces, "present": self.present}
        result = self.writer.write("partial", 0, self.best.by_index(), **content)
        self.saved_file, self.saved_spans = result["line"]["file"], self.spans
        self.saved_present = self.present
        self.replaces = [result["line"]["file"]]
        return [result]

    def submit(self) -> None:
        """Hand in the state, where it is news."""
        for result in self.unsaved():
            self.writer.submit(result)


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
