"""Making one addition to the training set: shard by shard, each committed with its cost, found again after an interruption."""

from dataclasses import dataclass

import numpy as np

from dp_common import files, store
from dp_common.generation import TopK, quantise, score_images
from dp_common.seeds import label_of


@dataclass
class Batch:
    """The images of one call of the lab. ``key`` names all that decides them; a shard in the ledger under this call and key is
    this shard. ``heed_stop`` is asked between blocks and raises if the attempt is to end."""

    bench: object
    call: int
    key: str
    round: int
    omega: float
    heed_stop: object

    def generate(self, first, n, hook, birth):
        """Images first .. first+n-1 -> (members of the training set, means measured). ``hook``: the guide or None; ``birth``:
        (score name, model) whose score of the new images is written down, or None."""
        bench, members, measured = self.bench, [], []
        with bench.progress.task("guided" if hook else "generate", n) as advance:
            for span in blocks(first, first + n, bench.shard):
                record = self.finished("shard", span.start)
                if record is None:
                    record, content = self.make(span, hook, birth, advance)
                else:
                    content = None
                    advance(len(span))
                bench.trainset.add_shard(bench.folder / record["file"], record["digest"], record["rows"], not members, content)
                members.append(member_of(record))
                measured.append((record["rows"], record["measured"]))
        return members, weighted(measured)

    def make(self, span, hook, birth, advance):
        """Sample, encode and commit one shard -> (its line, (images, labels, indices))."""
        bench, clock, images, truth = self.bench, self.bench.clock, [], []
        indices = np.arange(span.start, span.stop)
        labels = label_of(indices, len(bench.classes))
        for block in blocks(span.start, span.stop, bench.spec.sampler.block):
            self.heed_stop()
            rows = slice(block.start - span.start, block.stop - span.start)
            with clock.phase("guided" if hook else "generate"):
                floats = bench.studio.sample(indices[rows], labels[rows], hook)
                images.append(quantise(floats))
            truth.append((len(block), bench.truth(floats, labels[rows])))
            advance(len(block))
        images, scores, measured = np.concatenate(images), None, weighted(truth)
        if birth:
            with clock.phase("evaluate"):  # a measurement, not a part of any method: not in the price
                scores = score_images(birth[0], bench.learner, birth[1], images, labels, indices, bench.spec.seed, bench.unpriced)
            measured["score_at_birth"] = float(scores.mean())
        with clock.phase("write"):
            encoded = [self.encode(image) for image in images]
            if bench.spec.images.format != "png":  # trained on is what was stored
                images = np.stack([store.decode(data) for data in encoded])
        return self.commit("shard", span.start, encoded, indices, labels, scores, measured=measured), (images, labels, indices)

    def select(self, first, pool, keep, score, balance, with_present):
        """The ``keep`` best of candidates first .. first+pool-1, and of the present set if ``with_present``, which they then
        replace -> (members, files of the scan's saved states, mean score)."""
        bench = self.bench
        encoded, indices, labels, scores = self.scan(first, pool, TopK(keep, len(bench.classes), balance), score, with_present)
        if with_present:
            bench.trainset.clear()
        members = []
        for start in range(0, keep, bench.shard):
            part = slice(start, start + bench.shard)
            record = self.commit("shard", start, encoded[part], indices[part], labels[part], scores[part], measured={})
            with bench.clock.phase("write"):
                images = np.stack([store.decode(data) for data in encoded[part]])
            bench.trainset.add_shard(bench.folder / record["file"], record["digest"], record["rows"], start == 0,
                                     (images, labels[part], indices[part]))
            members.append(member_of(record))
        scans = [r["file"] for r in bench.ledger.records if r["kind"] == "partial" and r["key"] == f"{self.key}-0"]
        return members, scans, float(scores.mean())

    def scan(self, first, pool, best, score, with_present):
        """Stream the candidates past ``best``; its state is saved now and then, and an interrupted scan goes on from there."""
        bench, clock, scanned = self.bench, self.bench.clock, 0
        scores_of = lambda *images: score_images(score, bench.learner, None, *images, bench.spec.seed, clock)
        saved = self.finished("partial", 0)
        if saved:
            best.restore(store.read_checked(bench.folder / saved["file"], saved["digest"]))
            scanned = saved["scanned"]
        elif with_present:
            for encoded, images, labels, indices in bench.trainset.chunks():
                with clock.phase("score"):
                    scores = scores_of(images, labels, indices)
                best.offer(scores, indices, labels, lambda row: encoded[row] if encoded else self.encode(images[row]))
        with bench.progress.task("select", pool) as advance:
            advance(scanned)
            for block in blocks(first + scanned, first + pool, bench.spec.sampler.block):
                self.heed_stop()
                indices = np.arange(block.start, block.stop)
                labels = label_of(indices, len(bench.classes))
                with clock.phase("generate"):
                    images = quantise(bench.studio.sample(indices, labels))
                with clock.phase("score"):
                    scores = scores_of(images, labels, indices)
                with clock.phase("write"):
                    best.offer(scores, indices, labels, lambda row: self.encode(images[row]))
                advance(len(block))
                if bench.due():
                    before, saved = saved, self.commit("partial", 0, *best.by_index(), scanned=block.stop - first)
                    if before:
                        (bench.folder / before["file"]).unlink(missing_ok=True)
        return best.by_index()

    def commit(self, kind, start, encoded, indices, labels, scores, **content):
        """Write a shard and its line, which is what makes it exist; returns the line."""
        bench, key = self.bench, f"{self.key}-{start}"
        with bench.clock.phase("write"):
            bench.ledger.holds()  # a stale holder's file must not replace its successor's
            name = files.digest(f"{key}-{content.get('scanned', '')}".encode())[:8]  # nor a saved state the one before it
            file = f"{kind}-{self.call:06d}-{indices[0]:09d}-{name}.parquet"
            mark = store.write(bench.folder / file, bench.classes, encoded, indices, labels, scores, seed=bench.spec.seed,
                               round=self.round, strategy=bench.spec.strategy, omega=self.omega, format=bench.spec.images.format)
            return bench.ledger.append(kind, call=self.call, key=key, file=file, digest=mark, rows=len(indices), **content)

    def encode(self, image):
        return store.encode(image, self.bench.spec.images.format, self.bench.spec.images.quality)

    def finished(self, kind, start):
        """The last line of a shard that an earlier attempt made with just this call and key, if its file is there."""
        for record in reversed(self.bench.ledger.records):
            if record["kind"] == kind and record["call"] == self.call and record["key"] == f"{self.key}-{start}":
                return record if (self.bench.folder / record["file"]).exists() else None
        return None


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
