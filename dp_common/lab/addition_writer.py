"""What making and choosing images share: parts dealt to the ranks, files of images written and found again.

Parts are dealt to the ranks (one or many): whoever takes a part makes it, writes its shard and hands in what the
ledger is to say of it; the first rank appends the line, which is what makes a shard exist. Parts are cut at multiples
of ``sampler.block``, the images sampled at once, so that what comes out never depends on who made it.
"""

from collections.abc import Callable
from math import ceil, lcm
from typing import Any

import numpy as np

from dp_common import files
from dp_common.arrays import EncodedImages
from dp_common.config.specification import ROW_GROUP
from dp_common.distributed.work_queue import WorkQueue
from dp_common.lab.context import RunContext
from dp_common.lab.state import PendingCall
from dp_common.persistence.records import Shard
from dp_common.training_data import shards
from dp_common.training_data.shards import Origin

Result = dict[str, Any]  # of a part: {"kind", "line"} of the ledger, and of another rank than the first its counts


class Cancelled(Exception):
    """Between two blocks of images: the attempt is to end."""


def nothing(*_: Any) -> None:
    """What is called where there is nothing to show or to hand in."""


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

    def run_parts(
        self,
        name: str,
        total: int,
        done: int,
        parts: int,
        work: Callable[[int], Result],
        on_cancel: Callable[[], None] = nothing,
    ) -> None:
        """Do the parts that fall to this rank; on the first one record the results of all.

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
        with run.io.progress.task(name, total, done) as self.show:
            for number in queue:
                try:
                    queue.submit(work(number), number)
                except Cancelled:
                    on_cancel()
                    queue.abandon(number)
                if run.group.first:
                    self.record(queue.collect())
            if run.group.first:
                for results in queue.drain():
                    self.record(results)
        if queue.stopped:
            self.break_off()

    def advance(self, images: int) -> None:
        """Between two blocks: ``images`` more are there. Raises Cancelled."""
        self.show(images)
        if self.queue.cancelled():
            raise Cancelled

    def submit(self, result: Result) -> None:
        """Hand in something on the way, beside the results of parts."""
        self.queue.submit(result)

    def record(self, results: list[Result]) -> None:
        """On the first rank: write the lines of results, count what others did, remove files that are replaced."""
        io = self.run.io
        for result in results:
            io.meter.count(**result.get("counts", {}))
            self.show(result.get("images", 0))
            if "line" in result:
                io.ledger.append(result["kind"], **result["line"])
                for file in result["line"].get("replaces", []):
                    (io.folder / file).unlink(missing_ok=True)

    def result(self, images: int = 0, **line: Any) -> Result:
        """A part's result: ``line``, and on another rank than the first how many images it was and what it cost."""
        if self.run.group.first:
            return line
        return line | {"images": images, "counts": self.run.io.meter.snapshot_and_reset()["counts"]}

    def part_size(self, n: int) -> int:
        """Images of a shard, of ``n`` in all; with several ranks so few that each gets about four parts."""
        group, shard = self.run.group, self.run.runtime.shard
        unit = lcm(self.run.spec.sampler.block, ROW_GROUP)
        return shard if group.size == 1 else min(shard, unit * ceil(n / (4 * group.size * unit)))

    # ------------------------------------------------------------------ files

    def encode(self, image: np.ndarray) -> bytes:
        """uint8 [C, H, W] -> the bytes that are stored."""
        images = self.run.spec.images
        return shards.encode(image, images.format, images.quality)

    def write(self, kind: str, start: int, stored: EncodedImages, **content: Any) -> Result:
        """Write a file of images; returns the result that names it.

        Args:
            kind: Of the line: ``shard`` or ``partial``.
            start: Which of the call's files it is: the first image, or the first of the chosen.
            stored: Its images.
            content: What else its line says.
        """
        run, key = self.run, f"{self.call.key}-{start}"
        with run.io.meter.phase("write"):
            run.io.ledger.holds()  # a stale holder's file must not replace its successor's
            # Nor a saved state the one before it.
            suffix = files.digest(f"{key}-{content.get('spans', '')}".encode())[
                :8
            ]  # nor a saved state the one before it
            file = f"{kind}-{self.call.number:06d}-{stored.indices[0]:09d}-{suffix}.parquet"
            digest = shards.write(run.io.folder / file, stored, run.data.classes, self.origin, run.spec.images.format)
        line = {"call": self.call.number, "key": key, "file": file, "digest": digest, "rows": len(stored.indices)}
        return self.result(len(stored.indices), kind=kind, line=line | content)

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
