"""Making many candidates and keeping the best: an addition whose images stream past a top-k on every rank.

Candidates are never stored. What a rank keeps is saved now and then, as a ``partial`` file with the spans it has seen, so that an
interrupted scan goes on from there, with however many ranks.
"""

import json

import numpy as np
import pyarrow.parquet as pq

from dp_common.diffusion.image_sampler import quantise
from dp_common.lab.generate import Batch, blocks, member_of
from dp_common.lab.scoring import score_images
from dp_common.lab.top_k import TopK, best_rows
from dp_common.seeds import label_of
from dp_common.training_data import shards


class Selection(Batch):
    """The ``keep`` best of many candidates."""

    def select(self, first, pool, keep, score, balance, with_present):
        """The best of candidates first .. first+pool-1, and of the present set if ``with_present``, which they then replace ->
        (members, files of the scan's saved states, mean score, {file: its content} of what was made here).
        """
        bench, contents = self.bench, {}
        best = TopK(keep, len(bench.classes), balance)
        states = self.scan(first, pool, best, score, with_present)
        fetch, indices, labels, scores = self.chosen(best, states, keep, balance)
        todo = [(part.start, part.stop) for part in blocks(0, keep, self.part_size(keep))]

        def part(number):
            start, stop = todo[number]
            encoded = fetch(start, stop)
            with bench.meter.phase("write"):
                images = np.stack([shards.decode(data) for data in encoded])
            result = self.write(
                "shard", start, encoded, indices[start:stop], labels[start:stop], scores[start:stop], measured={}
            )
            contents[result["line"]["file"]] = images, labels[start:stop], indices[start:stop]
            return result

        self.share("keep", keep, 0, len(todo), part)
        members = [member_of(record) for _, record in sorted(self.shards().items())]
        scans = [r["file"] for r in bench.ledger.records if r["kind"] == "partial" and r["key"] == f"{self.key}-0"]
        return members, scans, float(scores.mean()), contents

    def scan(self, first, pool, best, score, with_present):
        """Stream the candidates that fall to this rank past ``best``; returns the files of all ranks' states, [] if there is but one."""
        bench, group = self.bench, self.bench.group
        saved = group.broadcast(self.saved())
        mine, spans = saved[group.rank :: group.size], []
        for record in mine:
            table = shards.read_checked(bench.folder / record["file"], record["digest"])
            encoded = shards.encoded_of(table)
            best.offer(
                table["score_at_birth"].to_numpy(),
                table["index"].to_numpy(),
                table["label"].to_numpy(),
                encoded.__getitem__,
            )
            spans = joined(spans + record["spans"])
        state = {"replaces": [record["file"] for record in mine], "present": any(record["present"] for record in mine)}
        written = (mine[0]["file"], spans) if len(mine) == 1 else (None, [])
        if with_present and group.first and not any(record["present"] for record in saved):
            self.offer_present(best, score)
            state["present"] = True
        todo = uncovered(
            first, first + pool, [span for record in saved for span in record["spans"]], bench.spec.sampler.block
        )

        def save():
            """Results to hand in: none if the last state is this one."""
            nonlocal written
            if written[1] == spans or not len(best.indices):
                return []
            result = self.write("partial", 0, *best.by_index(), spans=spans, **state)
            written = result["line"]["file"], spans
            state["replaces"] = [written[0]]
            return [result]

        def hand_in_state():
            for result in save():
                self.work_queue.submit(result)

        def part(number):
            nonlocal spans
            start, stop = todo[number]
            self.offer_candidates(best, score, np.arange(start, stop))
            spans = joined(spans + [[start, stop]])
            if bench.due():
                hand_in_state()
            self.between(stop - start)
            return self.result(stop - start)

        left = sum(stop - start for start, stop in todo)
        self.share("select", pool, pool - left, len(todo), part, halted=hand_in_state)
        if group.size == 1:
            return []
        results = save()
        told = [json.loads(data) for data in group.all_gather(json.dumps([written[0], results]).encode())]
        if group.first:
            self.record_results([result for _, results in told for result in results])
        return [file for file, _ in told if file]

    def saved(self):
        """The lines of this scan's states that count: not replaced by later ones, and there."""
        lines = [
            r
            for r in self.bench.ledger.records
            if r["kind"] == "partial" and r["call"] == self.call and r["key"] == f"{self.key}-0"
        ]
        gone = {file for line in lines for file in line["replaces"]}
        return [line for line in lines if line["file"] not in gone and (self.bench.folder / line["file"]).exists()]

    def offer_present(self, best, score):
        """The present training set as candidates."""
        for encoded, images, labels, indices in self.bench.trainset.chunks():
            scores = self.scored(score, images, labels, indices)
            best.offer(scores, indices, labels, lambda row: encoded[row] if encoded else self.encode(images[row]))

    def offer_candidates(self, best, score, indices):
        bench, labels = self.bench, label_of(indices, len(self.bench.classes))
        with bench.meter.phase("generate"):
            images = quantise(bench.studio.sample(indices, labels))
        scores = self.scored(score, images, labels, indices)
        with bench.meter.phase("write"):
            best.offer(scores, indices, labels, lambda row: self.encode(images[row]))

    def scored(self, score, images, labels, indices):
        bench = self.bench
        with bench.meter.phase("score"):
            return score_images(score, bench.learner, None, images, labels, indices, bench.spec.seed, bench.meter)

    def chosen(self, best, states, keep, balance):
        """(fetch(start, stop) -> encoded images, indices, labels, scores) of the best of all ranks, in order of index."""
        if not states:
            encoded, indices, labels, scores = best.by_index()
            return lambda start, stop: encoded[start:stop], indices, labels, scores
        paths = [self.bench.folder / state for state in states]
        tables = [pq.read_table(path, columns=["index", "label", "score_at_birth"]) for path in paths]
        indices, labels, scores = (
            np.concatenate([table[name].to_numpy() for table in tables])
            for name in ("index", "label", "score_at_birth")
        )
        held = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        rows = best_rows(scores, indices, labels, keep, len(self.bench.classes), balance)
        rows = rows[np.argsort(indices[rows], kind="stable")]

        def fetch(start, stop):
            found = {}
            for number in np.unique(held[rows[start:stop]]):
                wanted = indices[rows[start:stop]][held[rows[start:stop]] == number]
                table = pq.read_table(
                    paths[number], columns=["image", "index"], filters=[("index", "in", wanted.tolist())]
                )
                found |= {
                    (number, index): data for index, data in zip(table["index"].to_pylist(), shards.encoded_of(table))
                }
            return [found[held[row], indices[row]] for row in rows[start:stop]]

        return fetch, indices[rows], labels[rows], scores[rows]


def joined(spans):
    """[start, stop) spans, sorted, with neighbours made one."""
    whole = []
    for start, stop in sorted(spans):
        if whole and whole[-1][1] == start:
            whole[-1][1] = stop
        else:
            whole.append([start, stop])
    return whole


def uncovered(first, end, done, size):
    """[(start, stop)] of the blocks of first .. end-1 that lie in none of the spans ``done``, which are made of such blocks."""
    edges, left = [first, *(edge for span in joined(done) for edge in span), end], []
    for start, stop in zip(edges[::2], edges[1::2]):
        left += [(block.start, block.stop) for block in blocks(start, stop, size)]
    return left
