"""What making and choosing images share: parts dealt to the ranks, files of images written and found again.

Parts are dealt to the ranks (one or many): whoever takes a part makes it, writes its shard and hands in what the
ledger is to say of it; the first rank appends the line, which is what makes a shard exist. Parts are cut at multiples
of ``sampler.block``, the images sampled at once, so that what comes out never depends on who made it.
"""

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import ceil, lcm
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dp_common import files
from dp_common.arrays import EncodedImages, Images, Indices
from dp_common.config.specification import ROW_GROUP
from dp_common.distributed.work_queue import WorkQueue
from dp_common.lab.context import RunContext
from dp_common.lab.state import PendingCall
from dp_common.persistence.records import Shard
from dp_common.training_data import shards
from dp_common.training_data.shards import Origin

Result = dict[str, Any]  # {"spent", "images"} of a part, and {"kind", "line"} of the ledger where it has one


class Cancelled(Exception):
    """Between two blocks of images: the attempt is to end."""


def nothing(*_: Any) -> None:
    """What is called where there is nothing to show or to hand in."""


class Encoded(NamedTuple):
    """A block of images as files."""

    files: list[bytes]
    decoded: Images | None  # as they are trained on, where that was asked for
    seconds: float


@dataclass
class Stored:
    """A file of images that is being written, perhaps beside the device: ``result()`` once it is there."""

    line: dict[str, Any]  # all of the ledger's line but the digest
    content: Result
    future: "Future[tuple[str, dict[str, float]]]"  # (digest, seconds beside the phases)

    def done(self) -> bool:
        """Is it there?"""
        return self.future.done()

    def result(self) -> Result:
        """What names it, to be handed in. Waits; raises what writing raised."""
        digest, beside = self.future.result()
        spent = self.content["spent"]
        for name, seconds in beside.items():
            spent.setdefault("beside", {})
            spent["beside"][name] = spent["beside"].get(name, 0.0) + round(seconds, 6)
        return self.content | {"line": self.line | {"digest": digest}}


class AdditionWriter:
    """Writes the images of one call of the lab; a shard in the ledger under this call and key is this shard.

    Args:
        run: What is worked with.
        call: Its key names all that decides the images.
        round: Additions before this one, the initial set among them.
        omega: Guidance weight, for the shards' column; 0: not guided.
        break_off: Ends the attempt, and raises.
    """

    def __init__(
        self, run: RunContext, call: PendingCall, round: int, omega: float, break_off: Callable[[], None]
    ) -> None:
        self.run, self.call, self.break_off = run, call, break_off
        self.origin = Origin(run.spec.seed, round, run.spec.strategy, omega)
        self.show: Callable[[int], Any] = nothing
        self.queue: WorkQueue  # of the parts that are worked on, once ``run_parts`` has begun

    # ------------------------------------------------------------------ work, shared by the ranks

    @contextmanager
    def shared(self, phase: str) -> Iterator[None]:
        """All that the ranks do for this call: each by its own clock, and all of it is paid, waiting included.

        At the end all wait for the last one; then the first has what all of them measured.

        Args:
            phase: Of what is in no other one, such as waiting for another rank.
        """
        group, meter = self.run.group, self.run.io.meter
        if not group.first:
            meter.snapshot_and_reset()  # of what came before, the first rank's clock speaks for all
        with meter.own_clock(), meter.phase(phase):
            yield
            group.all_gather(b"")
            mine = b"" if group.first else json.dumps(meter.snapshot_and_reset()).encode()
            for data in group.all_gather(mine):
                if data and group.first:
                    meter.absorb(json.loads(data))

    def run_parts(
        self,
        name: str,
        total: int,
        done: int,
        parts: int,
        work: Callable[[int], "Result | Stored"],
        on_cancel: Callable[[], None] = nothing,
    ) -> None:
        """Do the parts that fall to this rank; on the first one record the results of all. Within ``shared``.

        Args:
            name: Of the work, for people.
            total: Images in all.
            done: Images that are there already.
            parts: Their number.
            work: ``work(number)`` does a part and returns its result; may raise Cancelled.
            on_cancel: Where a part was cancelled, hands in what is to survive.

        Raises:
            Interrupted: This attempt is to end.
        """
        run = self.run
        self.queue = queue = run.group.work_queue(parts, run.io.stop)
        writing: deque[tuple[int, Stored]] = deque()  # one part behind, where files are written beside the device
        with run.io.progress.task(name, total, done) as self.show:
            for number in queue:
                try:
                    result = work(number)
                    if isinstance(result, Stored):
                        writing.append((number, result))
                    else:
                        queue.submit(result, number)
                except Cancelled:
                    on_cancel()
                    queue.abandon(number)
                self.settle(writing, at_most=1)
                if run.group.first:
                    self.record(queue.collect())
            self.settle(writing)
            if run.group.first:
                for results in queue.drain():
                    self.record(results)
        if queue.stopped:
            self.break_off()

    def settle(self, writing: "deque[tuple[int, Stored]]", at_most: int = 0) -> None:
        """Hand in the files that are there, and wait for the others until ``at_most`` are left."""
        while writing and (writing[0][1].done() or len(writing) > at_most):
            number, stored = writing.popleft()
            self.queue.submit(stored.result(), number)

    def advance(self, images: int) -> None:
        """Between two blocks: ``images`` more are there. Raises Cancelled."""
        self.show(images)
        if self.queue.cancelled():
            raise Cancelled

    def submit(self, result: "Result | Stored") -> None:
        """Hand in something on the way, beside the results of parts."""
        self.queue.submit(result.result() if isinstance(result, Stored) else result)

    def record(self, results: list[Result]) -> None:
        """On the first rank: write the lines of results, take in what they cost, remove files that are replaced."""
        io = self.run.io
        for result in results:
            io.meter.absorb(result["spent"])
            self.show(result["images"])
            if "line" in result:
                io.ledger.append(result["kind"], **result["line"])
                for file in result["line"].get("replaces", []):
                    (io.folder / file).unlink(missing_ok=True)

    def result(self, images: int = 0, **line: Any) -> Result:
        """A part's result: ``line``, what it cost by this rank's clock, and on another rank than the first how many
        images it was, to be shown there.
        """
        shown = 0 if self.run.group.first else images
        return line | {"images": shown, "spent": self.run.io.meter.snapshot_and_reset()}

    @property
    def unit(self) -> int:
        """Images at whose multiples files may be cut: neither a block nor a row group shows it."""
        return lcm(self.run.spec.sampler.block, ROW_GROUP)

    @property
    def part_unit(self) -> int:
        """Images at whose multiples parts may be cut: no two ranks are at one range of a pool."""
        pool = self.run.pool
        return lcm(self.unit, pool.range) if pool else self.unit

    def part_size(self, n: int) -> int:
        """Images of a shard, of ``n`` in all; with several ranks so few that each gets about four parts."""
        group, shard, unit = self.run.group, self.run.runtime.shard, self.part_unit
        return shard if group.size == 1 else min(shard, unit * ceil(n / (4 * group.size * unit)))

    # ------------------------------------------------------------------ files

    def encode(self, image: np.ndarray) -> bytes:
        """uint8 [C, H, W] -> the bytes that are stored."""
        images = self.run.spec.images
        return shards.encode(image, images.format, images.quality)

    def encode_block(self, images: Images) -> "Future[Encoded]":
        """A block as files, and as what is trained on where the training set holds images; beside the device."""
        run = self.run
        wanted, lossless = run.data.training_set.in_memory, run.spec.images.format == "png"

        def work() -> Encoded:
            since = time.perf_counter()
            encoded = [self.encode(image) for image in images]
            decoded = None
            if wanted:  # trained on is what was stored
                decoded = images if lossless else np.stack([shards.decode(data) for data in encoded])
            return Encoded(encoded, decoded, time.perf_counter() - since)

        with run.io.meter.phase("write"):
            return run.io.background.do(work)

    def block_of(self, encoded: list[bytes], images: Images | None) -> "Future[Encoded]":
        """A block of files that are there already; ``images``: what is in them, where the training set holds images."""
        done: Future[Encoded] = Future()
        done.set_result(Encoded(encoded, images if self.run.data.training_set.in_memory else None, 0.0))
        return done

    def store(
        self,
        kind: str,
        start: int,
        indices: Indices,
        content_of: Callable[[], tuple[EncodedImages, float]],
        tag: str = "",
        **said: Any,
    ) -> Stored:
        """Write a file of images, beside the device where there is one.

        Args:
            kind: Of the line: ``shard`` or ``partial``.
            start: Which of the call's files it is: the first image, or the first of the chosen.
            indices: [n] int64, of its images.
            content_of: Its images, and the seconds that encoding them took.
            tag: Tells it from other files of this start.
            said: What else its line says.
        """
        run, key = self.run, f"{self.call.key}-{start}"
        with run.io.meter.phase("write"):
            run.io.ledger.holds()  # a stale holder's file must not replace its successor's
            suffix = files.digest(f"{key}-{tag}".encode())[:8]
            file = f"{kind}-{self.call.number:06d}-{indices[0]:09d}-{suffix}.parquet"
            future = run.io.background.do(partial(self._written, run.io.folder / file, content_of))
        line = {"call": self.call.number, "key": key, "file": file, "rows": len(indices)}
        return Stored(line | said, self.result(len(indices), kind=kind), future)

    def _written(
        self, path: Path, content_of: Callable[[], tuple[EncodedImages, float]]
    ) -> tuple[str, dict[str, float]]:
        """(digest, seconds) of a file that is written now."""
        stored, encoding = content_of()
        since, run = time.perf_counter(), self.run
        digest = shards.write(path, stored, run.data.classes, self.origin, run.spec.images.format)
        return digest, {"encode": encoding, "store": time.perf_counter() - since}

    def shards(self) -> dict[int, Shard]:
        """{``start`` as it was written: its last line} of this call's and key's shards that are there."""
        return {
            int(record["key"].rpartition("-")[2]): record
            for record in self.run.io.ledger.records
            if record["kind"] == "shard"
            and record["call"] == self.call.number
            and record["key"].startswith(f"{self.call.key}-")
            and (self.run.io.folder / record["file"]).exists()
        }


def blocks(start: int, stop: int, size: int) -> list[range]:
    """Ranges covering start .. stop-1, cut at multiples of ``size``: the same blocks, whoever makes them."""
    edges = [start, *range((start // size + 1) * size, stop, size), stop]
    return [range(a, b) for a, b in zip(edges, edges[1:]) if a < b]


def as_added(record: Shard) -> dict[str, Any]:
    """What a call's line says of a shard that it added."""
    return {"file": record["file"], "digest": record["digest"], "rows": record["rows"]}
