"""Every image of a batch is one rank's, in pieces of at most ``train.micro``; images that are mixed stay together."""

import pytest

from dp_common.config.specification import PAIRS, Train
from dp_common.distributed.batch_share import batch_slice, check, spans
from dp_common.errors import BadInput


@pytest.mark.parametrize("mixup", [0.0, 0.5])
@pytest.mark.parametrize("batch, ranks", [(256, 1), (256, 3), (300, 4), (1000, 7)])
def test_the_slices_of_all_ranks_are_the_batch_each_image_once(batch, ranks, mixup):
    train = Train(batch=batch, mixup=mixup)
    slices = [batch_slice(train, rank, ranks) for rank in range(ranks)]
    assert [image for start, stop in slices for image in range(start, stop)] == list(range(batch))
    unit = PAIRS if mixup else 1
    assert all(start % unit == 0 for start, _ in slices)
    assert max(stop - start for start, stop in slices) - min(stop - start for start, stop in slices) < 2 * unit


def test_pieces_are_cut_at_micro_and_lie_where_the_batch_begins():
    assert spans(Train(batch=10, micro=4), 100) == [(100, 104), (104, 108), (108, 110)]
    assert spans(Train(batch=10, micro=4), 100, rank=1, ranks=2) == [(105, 109), (109, 110)]
    assert spans(Train(batch=10), 20) == [(20, 30)]


def test_a_batch_too_small_for_the_ranks_is_refused():
    check(Train(batch=3), 3)
    with pytest.raises(BadInput, match="^train.batch=2: large enough for 3 ranks$"):
        check(Train(batch=2), 3)
    with pytest.raises(
        BadInput, match=f"large enough for the 3 processes, in blocks of {PAIRS} where images are mixed"
    ):
        check(Train(batch=2 * PAIRS, cutmix=1.0), 3, "the 3 processes")
