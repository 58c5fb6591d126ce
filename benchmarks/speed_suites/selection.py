"""What a block of candidates costs a selection that keeps many, beside sampling it: no network, no device."""

from functools import partial

from benchmarks.speed_suites import Item, Setting

RUN_KEYS = False
NAMES = ("selection.*",)
KEPT = {"130k.100": (130_000, 100), "654k.1000": (654_000, 1_000)}  # images kept, classes
OVERSAMPLED, BLOCKS = (
    1.5,
    20_000,
)  # candidates seen before, as a multiple; blocks a call, so that the best are found anew in it


def items(setting: Setting) -> dict[str, Item]:
    """A block of candidates past the present best, by size of these; their files are not encoded."""
    return {
        f"selection.{name}": Item("blocks", BLOCKS, partial(offer, stream_of(keep, classes), 16))
        for name, (keep, classes) in KEPT.items()
    }


def stream_of(keep: int, classes: int) -> "Stream":
    """A selection that has seen more candidates than it keeps."""
    stream = Stream(keep, classes)
    while stream.seen < OVERSAMPLED * keep:
        offer(stream, 4096, blocks=1)
    return stream


class Stream:
    """Candidates whose scores are drawn by lot, and the best of them so far."""

    def __init__(self, keep: int, classes: int) -> None:
        import numpy as np

        from dp_common.lab.top_k import TopK

        self.best, self.classes, self.seen = TopK(keep, classes, "class"), classes, 0
        self.rng = np.random.default_rng(0)


def offer(stream: Stream, block: int, blocks: int = BLOCKS) -> None:
    """Further blocks of so many candidates."""
    import numpy as np

    for _ in range(blocks):
        indices = np.arange(stream.seen, stream.seen + block)
        scores = stream.rng.random(block, np.float32)
        stream.best.offer(scores, indices, indices % stream.classes, lambda row: b"x")
        stream.seen += block
