"""Which part of each batch a rank trains on, and in which pieces it reads it."""

from dp_common.config.specification import PAIRS, Train
from dp_common.errors import BadInput


def batch_slice(train: Train, rank: int = 0, ranks: int = 1) -> tuple[int, int]:
    """One rank's part of a batch: [start, stop) of its images.

    Where images are mixed these are whole blocks of the PAIRS they are mixed in; the last rank takes what is left over.
    """
    unit = PAIRS if train.mixup or train.cutmix else 1
    blocks = train.batch // unit
    return unit * (blocks * rank // ranks), train.batch if rank == ranks - 1 else unit * (blocks * (rank + 1) // ranks)


def spans(train: Train, first: int, rank: int = 0, ranks: int = 1) -> list[tuple[int, int]]:
    """The pieces of at most ``train.micro`` images in which a rank reads its part of the batch at ``first``."""
    start, stop = batch_slice(train, rank, ranks)
    size = train.micro or train.batch
    return [(first + at, first + min(at + size, stop)) for at in range(start, stop, size)]


def check(train: Train, ranks: int, what: str | None = None) -> None:
    """Raise BadInput where a batch is too small for every rank to have a part of it.

    ``what`` names the ranks in the message.
    """
    slices = [batch_slice(train, rank, ranks) for rank in range(ranks)]
    if any(start == stop for start, stop in slices):
        mixing = f", in blocks of {PAIRS} where images are mixed" if train.mixup or train.cutmix else ""
        raise BadInput("train.batch", train.batch, f"large enough for {what or f'{ranks} ranks'}{mixing}")
