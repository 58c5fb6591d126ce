"""Plain images by way of the pool: taken from there where they are, else made, and kept there for other runs.

Candidates of a selection are taken likewise, and kept where that was asked for; scores have to see them as they were
sampled, so that of a pool whose format loses something none are taken.

What a run takes is paid by it as if it had made it, seconds and counts, since arms are to be compared; that it was not
spent here stands beside it (``Spent.pooled``). Looking for images is in no price, nor is waiting for who makes them.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple

from dp_common import device as devices
from dp_common.arrays import Images
from dp_common.config.resolve import Resolved
from dp_common.lab.context import RunContext
from dp_common.persistence.meter import Meter
from dp_common.persistence.records import Spent
from dp_common.pool.key import key_of, made_with, values_of
from dp_common.pool.store import Block, ImagePool
from dp_common.progress import note
from dp_common.training_data import shards

POLL = 0.2  # seconds
PATIENCE = 600.0  # seconds that another process may take for the range that is waited for, without anything coming


class Made(NamedTuple):
    """A block that this process makes."""

    start: int
    stop: int
    files: Callable[[], list[bytes]]  # waits for them
    means: dict[str, float]
    spent: Spent

    def block(self) -> Block:
        """As it is kept."""
        counts = {unit: n for unit, n in self.spent["counts"].items() if n}
        seconds = self.spent["phases"]["generate"]
        return Block(self.start, self.stop, self.files(), seconds, counts, self.means)


def pool_of(resolved: Resolved, device: Any) -> ImagePool | None:
    """The pool of a run's plain images; None where it uses none, or its teacher's images are made already."""
    if not resolved.runtime.pool or resolved.teacher.holds_images:
        return None
    about = {**values_of(resolved), **made_with(devices.label(device), devices.versions(device))}
    spec, root = resolved.spec, resolved.runtime.root
    return ImagePool(root, key_of(about), about, spec.sampler.block, len(resolved.task.classes))


def paid(block: Block) -> Spent:
    """What taking a block costs a run: what making it did, none of which is spent."""
    seconds = {"generate": block.seconds}
    return {"phases": seconds, "counts": block.counts, "pooled": seconds}


def way_through(
    run: RunContext, own: bool, scored: bool, pause: Callable[[], object], candidates: bool = False
) -> "PooledImages | None":
    """The way through the pool of a run.

    Args:
        run: what is worked with.
        own: are its images its own: steered, or chosen?
        scored: are they scored as they were sampled?
        pause: called while it waits for another process; may raise.
        candidates: are they candidates, most of which are thrown away?

    Returns:
        None where these images are none that runs share, or the pool's have lost what a score is to see.
    """
    pool = run.pool
    if pool is None or own or (scored and pool.format != "png"):
        return None
    keeps = not candidates or run.runtime.pool_candidates == "keep"
    return PooledImages(pool, run.io.meter, pause, keeps)


def encoded(pool: ImagePool, images: Images) -> list[bytes]:
    """Images as the pool keeps them."""
    return [shards.encode(image, pool.format, pool.quality) for image in images]


def decoded(block: Block) -> Images:
    """What is in the files of a block, uint8 [n, C, H, W]."""
    return shards.decode_all(block.encoded)


class PooledImages:
    """A way through the pool, block after block; a context, at whose end what was made is kept.

    Args:
        pool: where images are.
        meter: what reading, writing and waiting are measured by.
        pause: called while it waits for another process; may raise.
        keeps: are images that are made here kept? Else nobody waits for them.
    """

    def __init__(self, pool: ImagePool, meter: Meter, pause: Callable[[], object], keeps: bool = True) -> None:
        self.pool, self.meter, self.pause, self.keeps = pool, meter, pause, keeps
        self.number = -1  # of the range that it is in
        self.locked = self.settled = False  # settled: nobody else is waited for in this range
        self.there: dict[tuple[int, int], Block] = {}
        self.made: list[Made] = []

    def __enter__(self) -> "PooledImages":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        self.leave()

    def take(self, start: int, stop: int) -> Block | None:
        """A block that is there, which is paid for; None: it is this process that is to make it, and ``keep`` it."""
        if start // self.pool.range != self.number:
            self.leave()
            self.number = start // self.pool.range
            self.look()
        if (start, stop) not in self.there and not self.settled:
            self.wait()
        block = self.there.get((start, stop))
        if block is not None:
            self.meter.absorb(paid(block))
        return block

    def keep(self, made: Made) -> None:
        """Hand in a block that was made, whose images may yet be on their way into files."""
        if self.made and self.made[-1].stop != made.start:
            self.flush()
        self.made.append(made)

    def look(self) -> None:
        """Read what there is of the range; say what is damaged, which the holder of the lock takes away."""
        with self.meter.phase("write"):
            self.there, wrong = self.pool.read(self.number, remove=self.locked)
            if self.locked:
                self.pool.remove_temporaries(self.number)
        for damage in wrong if self.locked else []:
            note(f"{damage}; its images are made again")

    def wait(self) -> None:
        """Until no other process makes images of this range; then look again."""
        since = time.monotonic()
        with self.meter.phase("idle"):
            while not self.pool.lock(self.number):
                if time.monotonic() - since > PATIENCE:
                    note(f"{self.pool.folder}: nothing came in {PATIENCE:.0f} s; it is made here too")
                    break
                time.sleep(POLL)
                self.pause()
            else:
                self.locked = True
        self.settled = True
        self.look()
        if self.locked and not self.keeps:
            self.pool.unlock(self.number)
            self.locked = False

    def leave(self) -> None:
        """Done with a range: write what was made, let others in."""
        try:
            self.flush()
        finally:
            if self.locked:
                self.pool.unlock(self.number)
            self.locked, self.settled, self.made, self.there = False, False, [], {}
            self.number = -1

    def flush(self) -> None:
        """Write the blocks that were made."""
        if self.made:
            made, self.made = self.made, []
            with self.meter.phase("write"):
                self.pool.write([one.block() for one in made])
