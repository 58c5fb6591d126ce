"""Making many candidates and keeping some by a selection rule.

Candidates are never stored: they stream past a top-k on every rank, or, for a rule that looks at all scores, leave
their scores only, and the chosen ones are made again. What a rank holds is put away now and then, as a ``partial``
file with the spans it has seen, so that memory does not grow with what is kept, and an interrupted scan goes on from
there, with however many ranks; see scan.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.parquet as pq

from dp_common.arrays import DecodedImages, EncodedImages, Indices, Labels, Scores
from dp_common.contracts import SelectionRule
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.lab.addition_writer import AdditionWriter, Cancelled, Stored, as_added, blocks
from dp_common.lab.generate import covered
from dp_common.lab.rule_sources import RuleSources
from dp_common.lab.scan import Scan
from dp_common.lab.selection_rule import Keys, chosen_rows, groups_of, nothing_more
from dp_common.lab.state import AddedImages
from dp_common.lab.top_k import AWAY, Pool, TopK, best_rows
from dp_common.training_data import shards

Columns = tuple[Scores, Indices, Labels]


@dataclass
class SelectedAddition:
    """The images of one call of ``select``: those that ``rule`` keeps by their ``score``, ``balance``d or overall."""

    writer: AdditionWriter
    score: str
    balance: str
    rule: SelectionRule
    with_present: bool = False  # does the present training set join the candidates?
    scorer: Any = None  # of a score that looks at more than logits
    guidance: GuidanceStep | None = None  # steers the candidates; None: the plain sampler
    looks: RuleSources | None = None  # what the rule looks at beside scores

    def make(self, first: int, pool: int, keep: int) -> AddedImages:
        """``keep`` of candidates first .. first+pool-1, and of the present set where that joins.

        Raises:
            Interrupted: The attempt is to end; the scan goes on from its saved states, and of the chosen ones those
                that are stored are found again.
        """
        writer, rule = self.writer, self.rule
        self.decoded: dict[str, DecodedImages] = {}
        keys = Keys(rule, writer.run.spec.seed) if rule.streams else None
        best = TopK(keep, len(writer.run.data.classes), self.balance, keys) if keys else None
        held = Pool(best) if best is None or rule.measures else best
        with writer.shared("guided" if self.guidance else "generate"):
            scan = Scan(writer, held, self.score, self.scorer, self.guidance, self.looks)
            states = scan.run(first, pool, self.with_present)
        with writer.shared("generate" if held.made_again else "write"):
            chosen, measured = self.chosen(held, best, keep, states)
            # the price of a scan is told with what streamed out of it
            there = writer.shards() if held.made_again else {}
            done, todo = writer.run.group.broadcast(covered(there, 0, keep, writer.part_size(keep)))
            stored = sum(record["rows"] for record in done)
            writer.run_parts("keep", keep, stored, len(todo), lambda number: self.shard(chosen, *todo[number]))
        added = [as_added(record) for record in covered(writer.shards(), 0, keep, keep)[0]]
        states = [
            record["file"]
            for record in writer.run.io.ledger.records
            if record["kind"] == "partial"
            and record["key"] == f"{writer.call.key}-0"  # whether it is still there or not
        ]
        measured = {"score_at_birth": float(chosen.scores.mean())} | measured
        return AddedImages(added, [shard["file"] for shard in added] + states, measured, self.decoded)

    def shard(self, chosen: "Chosen", start: int, stop: int) -> Stored:
        """Have the chosen images at places start .. stop-1 written.

        Raises:
            Cancelled: Those that were made again and end where files may be cut are handed in before.
        """
        try:
            return self.store(start, chosen.stored(start, stop))
        except BrokenOff as broken:
            n = len(broken.made.indices) // self.writer.unit * self.writer.unit
            if n:
                self.writer.submit(self.store(start, first_of(broken.made, n)))
            raise

    def store(self, start: int, stored: EncodedImages) -> Stored:
        """Have these images written, as those at places ``start`` and after."""
        run, writer = self.writer.run, self.writer
        writing = writer.store("shard", start, stored.indices, lambda: (stored, 0.0), measured={})
        if run.data.training_set.in_memory:
            with run.io.meter.phase("write"):
                images = shards.decode_all(stored.encoded)
            self.decoded[writing.line["file"]] = DecodedImages(images, stored.labels, stored.indices)
        return writing

    def chosen(
        self, held: TopK | Pool, best: TopK | None, keep: int, states: list[str]
    ) -> tuple["Chosen", dict[str, float]]:
        """What is kept of all ranks' candidates, and what the rule measures: of what this rank holds, the only one, or
        of the files that hold each rank's.
        """
        run = self.writer.run
        files = [StateFile(run.io.folder / state) for state in states]
        measured = {}
        if self.rule.measures:
            measured = self.measured(in_order(files) if files else held_in_order(held), keep)
        if best is not None:
            if not files:
                return ChosenHere(best), measured
            return ChosenInFiles(files, lambda *columns: rows_of(best, *columns)), measured

        def choose(scores: Scores, indices: Indices, labels: Labels) -> np.ndarray:
            """On the first rank, for all: another device may round features otherwise, and choose otherwise."""
            rows = None
            if run.group.first:
                needed = self.looks.needed([file.columns[1] for file in files]) if self.looks else nothing_more
                seed = run.spec.seed
                rows = chosen_rows(self.rule, scores, indices, labels, keep, self.balance, seed, needed).tolist()
            return np.asarray(run.group.broadcast(rows), np.int64)

        return ChosenAgain(files, choose, self.writer, self.guidance), measured

    def measured(self, columns: Columns, keep: int) -> dict[str, float]:
        """What the rule says of a pool; the first rank shows its note."""
        scores, _, labels = columns
        found, note = self.rule.measure(scores, groups_of(labels, self.balance), keep)
        if note and self.writer.run.group.first:
            self.writer.run.io.progress.say(f"note: {note}")
        return {name: float(value) for name, value in found.items()}


class BrokenOff(Cancelled):
    """Cancelled while chosen images were made again; ``made`` are those that are."""

    def __init__(self, made: EncodedImages) -> None:
        super().__init__()
        self.made = made


class Chosen(Protocol):
    """The images that are kept, in order of index."""

    scores: Scores

    def stored(self, start: int, stop: int) -> EncodedImages:
        """Those at places start .. stop-1."""


class ChosenHere:
    """Held in memory by the one rank there is."""

    def __init__(self, best: TopK) -> None:
        self.encoded, self.indices, self.labels, scores = best.by_index()
        self.scores = np.asarray(scores)

    def stored(self, start: int, stop: int) -> EncodedImages:
        """Those at places start .. stop-1."""
        part = slice(start, stop)
        return EncodedImages(self.encoded[part], self.indices[part], self.labels[part], self.scores[part])


class StateFile:
    """A rank's saved state: the columns of its candidates, and their images when they are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        table = pq.read_table(path, columns=["index", "label", "score_at_birth"])
        names = ("score_at_birth", "index", "label")
        self.columns: Columns = tuple(table[name].to_numpy() for name in names)


class ChosenInFiles:
    """Chosen by ``choose(scores, indices, labels) -> rows`` of what the ranks have saved; images are read when they are
    asked for.
    """

    def __init__(self, files: list[StateFile], choose: Callable[[Scores, Indices, Labels], np.ndarray]) -> None:
        scores, indices, labels = (np.concatenate(column) for column in zip(*(file.columns for file in files)))
        sizes = [len(file.columns[0]) for file in files]
        rows = choose(scores, indices, labels)
        rows = rows[np.argsort(indices[rows], kind="stable")]
        self.files = [file.path for file in files]
        self.file_of_row = np.repeat(np.arange(len(files)), sizes)[rows]
        self.row_in_file = np.concatenate([np.arange(size) for size in sizes])[rows]
        self.indices, self.labels, self.scores = indices[rows], labels[rows], scores[rows]

    def stored(self, start: int, stop: int) -> EncodedImages:
        """Those at places start .. stop-1."""
        part = slice(start, stop)
        file_of_row, row_in_file = self.file_of_row[part], self.row_in_file[part]
        encoded = [AWAY] * len(file_of_row)
        for number in np.unique(file_of_row):
            places = np.flatnonzero(file_of_row == number)
            for place, data in zip(places, shards.encoded_rows(self.files[number], row_in_file[places])):
                encoded[place] = data
        return EncodedImages(encoded, self.indices[part], self.labels[part], self.scores[part])


class ChosenAgain(ChosenInFiles):
    """Chosen when all had been scored: candidates are made once more, in batches of ``sampler.block`` at places that
    do not depend on who makes them; the present set's are in the files.
    """

    def __init__(
        self,
        files: list[StateFile],
        choose: Callable[[Scores, Indices, Labels], np.ndarray],
        writer: AdditionWriter,
        guidance: GuidanceStep | None = None,
    ) -> None:
        super().__init__(files, choose)
        self.writer, self.guidance = writer, guidance

    def stored(self, start: int, stop: int) -> EncodedImages:
        """Those at places start .. stop-1. Raises BrokenOff."""
        run = self.writer.run
        encoded, indices, labels, scores = super().stored(start, stop)
        for block in blocks(start, stop, run.spec.sampler.block):
            rows = np.array([place - start for place in block if encoded[place - start] == AWAY], np.int64)
            if len(rows):
                with run.io.meter.phase("guided" if self.guidance else "generate"):
                    images, _ = run.models.sampler.pixels(indices[rows], labels[rows], self.guidance)
                with run.io.meter.phase("write"):
                    for row, image in zip(rows, images):
                        encoded[row] = self.writer.encode(image)
            try:
                self.writer.advance(len(block))
            except Cancelled:
                done = slice(0, block.stop - start)
                made = EncodedImages(encoded[done], indices[done], labels[done], np.asarray(scores)[done])
                raise BrokenOff(made) from None
        return EncodedImages(encoded, indices, labels, scores)


def rows_of(best: TopK, scores: Scores, indices: Indices, labels: Labels) -> np.ndarray:
    """The rows that ``best`` would keep of these."""
    return best_rows(best.keys(scores, labels, indices), indices, labels, best.keep, best.classes, best.balance)


def first_of(stored: EncodedImages, n: int) -> EncodedImages:
    """The first ``n`` of images that have scores."""
    return EncodedImages(stored.encoded[:n], stored.indices[:n], stored.labels[:n], np.asarray(stored.scores)[:n])


def in_order(files: list[StateFile]) -> Columns:
    """What saved states hold together, in order of index."""
    scores, indices, labels = (np.concatenate(column) for column in zip(*(file.columns for file in files)))
    order = np.argsort(indices, kind="stable")
    return scores[order], indices[order], labels[order]


def held_in_order(held: TopK | Pool) -> Columns:
    """What this rank holds, in order of index."""
    _, indices, labels, scores = held.by_index()
    return np.asarray(scores), indices, labels
