"""Making many candidates and keeping some by a selection rule.

Candidates are never stored: they stream past a top-k on every rank, or, for a rule that looks at all scores, leave
their scores only, and the chosen ones are made again. What a rank holds is saved now and then, as a ``partial`` file
with the spans it has seen, so that an interrupted scan goes on from there, with however many ranks; see scan.py.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dp_common.arrays import DecodedImages, EncodedImages, Indices, Labels, Scores
from dp_common.contracts import SelectionRule
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.lab.addition_writer import AdditionWriter, Result, as_added, blocks
from dp_common.lab.generate import covered
from dp_common.lab.scan import Scan
from dp_common.lab.selection_rule import Keys, chosen_rows, groups_of
from dp_common.lab.state import AddedImages
from dp_common.lab.top_k import Pool, TopK, best_rows
from dp_common.training_data import shards


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

    def make(self, first: int, pool: int, keep: int) -> AddedImages:
        """``keep`` of candidates first .. first+pool-1, and of the present set where that joins.

        Raises:
            Interrupted: The attempt is to end; the scan goes on from its saved states, and of the chosen ones those
                that are stored are found again.
        """
        writer, rule = self.writer, self.rule
        decoded: dict[str, DecodedImages] = {}
        keys = Keys(rule, writer.run.spec.seed) if rule.streams else None
        best = TopK(keep, len(writer.run.data.classes), self.balance, keys) if keys else None
        held = Pool(best) if best is None or rule.measures else best
        states = Scan(writer, held, self.score, self.scorer, self.guidance).run(first, pool, self.with_present)
        chosen, measured = self.chosen(held, best, keep, states)
        there = writer.shards() if held.made_again else {}  # the price of a scan is told with what streamed out of it
        done, todo = writer.run.group.broadcast(covered(there, 0, keep, writer.part_size(keep)))

        def work(number: int) -> Result:
            start, stop = todo[number]
            stored = chosen.stored(start, stop)
            with writer.run.io.meter.phase("write"):
                images = np.stack([shards.decode(data) for data in stored.encoded])
            result = writer.write("shard", start, stored, measured={})
            decoded[result["line"]["file"]] = DecodedImages(images, stored.labels, stored.indices)
            return result

        writer.run_parts("keep", keep, sum(record["rows"] for record in done), len(todo), work)
        added = [as_added(record) for record in covered(writer.shards(), 0, keep, keep)[0]]
        states = [
            record["file"]
            for record in writer.run.io.ledger.records
            if record["kind"] == "partial"
            and record["key"] == f"{writer.call.key}-0"  # whether it is still there or not
        ]
        measured = {"score_at_birth": float(chosen.scores.mean())} | measured
        return AddedImages(added, [shard["file"] for shard in added] + states, measured, decoded)

    def chosen(
        self, held: TopK | Pool, best: TopK | None, keep: int, states: list[str]
    ) -> tuple["Chosen", dict[str, float]]:
        """What is kept of all ranks' candidates, and what the rule measures: of what this rank holds, the only one, or
        of the files that hold each rank's.
        """
        run = self.writer.run
        paths = [run.io.folder / state for state in states]
        pool: EncodedImages | None = None
        if isinstance(held, Pool):
            pool = by_index(paths, images=held.made_again) if paths else held.by_index()
        measured = self.measured(pool, keep) if pool else {}
        if best is not None:
            return (ChosenInFiles(paths, best) if paths else ChosenHere(best)), measured
        assert pool is not None  # what chooses holds all
        columns = (np.asarray(pool.scores), pool.indices, pool.labels)
        rows = chosen_rows(self.rule, *columns, keep, self.balance, run.spec.seed)
        return ChosenAgain(self.writer, pool, rows, self.guidance), measured

    def measured(self, pool: EncodedImages, keep: int) -> dict[str, float]:
        """What the rule says of a pool; the first rank shows its note."""
        if not self.rule.measures:
            return {}
        found, note = self.rule.measure(np.asarray(pool.scores), groups_of(pool.labels, self.balance), keep)
        if note and self.writer.run.group.first:
            self.writer.run.io.progress.say(f"note: {note}")
        return {name: float(value) for name, value in found.items()}


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


class ChosenInFiles:
    """The best of what the ranks have saved, as ``best`` would keep them; images are read when they are asked for."""

    def __init__(self, paths: list[Path], best: TopK) -> None:
        tables = [pq.read_table(path, columns=["index", "label", "score_at_birth"]) for path in paths]
        indices: Indices = np.concatenate([table["index"].to_numpy() for table in tables])
        labels: Labels = np.concatenate([table["label"].to_numpy() for table in tables])
        scores: Scores = np.concatenate([table["score_at_birth"].to_numpy() for table in tables])
        file_of_row = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        rows = best_rows(best.keys(scores, labels, indices), indices, labels, best.keep, best.classes, best.balance)
        rows = rows[np.argsort(indices[rows], kind="stable")]
        self.paths, self.file_of_row = paths, file_of_row[rows]
        self.indices, self.labels, self.scores = indices[rows], labels[rows], scores[rows]

    def stored(self, start: int, stop: int) -> EncodedImages:
        """Those at places start .. stop-1."""
        indices, file_of_row = self.indices[start:stop], self.file_of_row[start:stop]
        encoded: dict[tuple[int, int], bytes] = {}
        for number in np.unique(file_of_row):
            wanted = indices[file_of_row == number].tolist()
            table = pq.read_table(self.paths[number], columns=["image", "index"], filters=[("index", "in", wanted)])
            keys = [(number, index) for index in table["index"].to_pylist()]
            encoded |= dict(zip(keys, shards.encoded_of(table)))
        in_order = [encoded[key] for key in zip(file_of_row, indices)]
        return EncodedImages(in_order, indices, self.labels[start:stop], self.scores[start:stop])


class ChosenAgain:
    """Chosen when all had been scored: candidates are made once more, in batches of ``sampler.block`` at places that
    do not depend on who makes them; the present set's are at hand.
    """

    def __init__(
        self, writer: AdditionWriter, pool: EncodedImages, rows: np.ndarray, guidance: GuidanceStep | None = None
    ) -> None:
        self.writer, self.guidance = writer, guidance
        self.encoded = [pool.encoded[row] for row in rows]
        self.indices, self.labels, self.scores = pool.indices[rows], pool.labels[rows], np.asarray(pool.scores)[rows]

    def stored(self, start: int, stop: int) -> EncodedImages:
        """Those at places start .. stop-1. Raises Cancelled."""
        run, encoded = self.writer.run, self.encoded[start:stop]
        for block in blocks(start, stop, run.spec.sampler.block):
            places = np.array([place for place in block if not self.encoded[place]], np.int64)
            if len(places):
                with run.io.meter.phase("guided" if self.guidance else "generate"):
                    images, _ = run.models.sampler.pixels(self.indices[places], self.labels[places], self.guidance)
                with run.io.meter.phase("write"):
                    for place, image in zip(places, images):
                        encoded[place - start] = self.writer.encode(image)
            self.writer.advance(len(block))
        part = slice(start, stop)
        return EncodedImages(encoded, self.indices[part], self.labels[part], self.scores[part])


def by_index(paths: list[Path], images: bool) -> EncodedImages:
    """What saved states hold together, in order of index; ``b""`` for images unless they are asked for."""
    columns = ["index", "label", "score_at_birth"] + ["image"] * images
    table = pa.concat_tables([pq.read_table(path, columns=columns).replace_schema_metadata() for path in paths])
    encoded = shards.encoded_of(table) if images else [b""] * len(table)
    indices = table["index"].to_numpy()
    order = np.argsort(indices, kind="stable")
    labels, scores = table["label"].to_numpy()[order], table["score_at_birth"].to_numpy()[order]
    return EncodedImages([encoded[row] for row in order], indices[order], labels, scores)
