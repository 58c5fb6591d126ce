"""Making many candidates and keeping the best: an addition whose images stream past a top-k on every rank.

Candidates are never stored. What a rank keeps is saved now and then, as a ``partial`` file with the spans it has
seen, so that an interrupted scan goes on from there, with however many ranks; see scan.py.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow.parquet as pq

from dp_common.arrays import DecodedImages, EncodedImages, Indices, Labels, Scores
from dp_common.lab.addition_writer import AdditionWriter, Result, as_added, blocks
from dp_common.lab.scan import Scan
from dp_common.lab.state import AddedImages
from dp_common.lab.top_k import TopK, best_rows
from dp_common.training_data import shards


@dataclass
class SelectedAddition:
    """The images of one call of ``select``: the highest by ``score``, ``balance``d or overall."""

    writer: AdditionWriter
    score: str
    balance: str
    with_present: bool = False  # does the present training set join the candidates?

    def make(self, first: int, pool: int, keep: int) -> AddedImages:
        """The ``keep`` best of candidates first .. first+pool-1, and of the present set where that joins.

        Raises:
            Interrupted: The attempt is to end; the scan goes on from its saved states.
        """
        writer = self.writer
        decoded: dict[str, DecodedImages] = {}
        best = TopK(keep, len(writer.run.data.classes), self.balance)
        states = Scan(writer, best, self.score).run(first, pool, self.with_present)
        chosen = self.chosen(best, states)
        parts = blocks(0, keep, writer.part_size(keep))

        def work(number: int) -> Result:
            start, stop = parts[number].start, parts[number].stop
            stored = chosen.stored(start, stop)
            with writer.run.io.meter.phase("write"):
                images = np.stack([shards.decode(data) for data in stored.encoded])
            result = writer.write("shard", start, stored, measured={})
            decoded[result["line"]["file"]] = DecodedImages(images, stored.labels, stored.indices)
            return result

        writer.run_parts("keep", keep, 0, len(parts), work)
        added = [as_added(record) for _, record in sorted(writer.shards().items())]
        states = [
            record["file"]
            for record in writer.run.io.ledger.records
            if record["kind"] == "partial"
            and record["key"] == f"{writer.call.key}-0"  # whether it is still there or not
        ]
        measured = {"score_at_birth": float(chosen.scores.mean())}
        return AddedImages(added, [shard["file"] for shard in added] + states, measured, decoded)

    def chosen(self, best: TopK, states: list[str]) -> "Chosen":
        """The best of all ranks: this one's own, or of the files that hold each rank's."""
        if not states:
            return ChosenHere(best)
        folder = self.writer.run.io.folder
        return ChosenInFiles([folder / state for state in states], best.keep, best.classes, best.balance)


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
    """The best of what the ranks have saved; images are read when they are asked for."""

    def __init__(self, paths: list[Path], keep: int, classes: int, balance: str) -> None:
        tables = [pq.read_table(path, columns=["index", "label", "score_at_birth"]) for path in paths]
        indices: Indices = np.concatenate([table["index"].to_numpy() for table in tables])
        labels: Labels = np.concatenate([table["label"].to_numpy() for table in tables])
        scores: Scores = np.concatenate([table["score_at_birth"].to_numpy() for table in tables])
        file_of_row = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        rows = best_rows(scores, indices, labels, keep, classes, balance)
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
