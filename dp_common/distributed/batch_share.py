"""Which part of each batch a rank trains on, and in which pieces it reads it."""

from dp_common.config.specification import PAIRS


def share(train, rank=0, ranks=1):
    """[start, stop) of one rank's part of a batch; where images are mixed, whole blocks of the pairs they are mixed in."""
    unit = PAIRS if train.mixup or train.cutmix else 1
    blocks = train.batch // unit
    return unit * (blocks * rank // ranks), train.batch if rank == ranks - 1 else unit * (blocks * (rank + 1) // ranks)


def spans(train, first, rank=0, ranks=1):
    """The parts, of at most ``train.micro`` images, in which a rank reads its share of the batch at ``first``: [(start, stop)]."""
    start, stop = share(train, rank, ranks)
    size = train.micro or train.batch
    return [(first + at, first + min(at + size, stop)) for at in range(start, stop, size)]
