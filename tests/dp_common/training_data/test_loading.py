"""What a position of training sees does not depend on who reads it; a problem of a reader is told as it is."""

import numpy as np
import pytest

from dp_common.errors import Damaged
from dp_common.real_images.splits import Split
from dp_common.training_data.loading import Examples, SplitBatches, stream
from dp_common.training_data.training_set import TrainSet


def split_of(n):
    return Split(np.arange(n * 4, dtype=np.uint8).reshape(n, 1, 2, 2), np.arange(n) % 3)


@pytest.fixture
def training_set():
    made = TrainSet()
    made.add_real(split_of(30), np.arange(20))
    made.add_real(split_of(30), np.arange(20, 30))
    return made


def test_an_example_is_what_the_set_draws_at_its_position(training_set):
    images, labels = Examples(training_set, seed=3, new_weight=2.0)[10, 15]
    expected = training_set.draw(3, np.arange(10, 15), new_weight=2.0)
    assert np.array_equal(images, expected[0]) and np.array_equal(labels, expected[1]) and images.shape == (5, 1, 2, 2)


def test_spans_of_positions_join(training_set):
    examples = Examples(training_set, seed=3)
    whole, parts = examples[0, 40], [examples[0, 7], examples[7, 40]]
    assert np.array_equal(whole[0], np.concatenate([images for images, _ in parts]))
    assert np.array_equal(whole[1], np.concatenate([labels for _, labels in parts]))


def test_augmentation_is_told_the_positions(training_set):
    def shifted(images, positions):
        return images + positions.astype(np.uint8)[:, None, None, None]

    plain, augmented = Examples(training_set, 0)[4, 9], Examples(training_set, 0, augment=shifted)[4, 9]
    assert (augmented[0] - plain[0]).reshape(5, -1).tolist() == [[position] * 4 for position in range(4, 9)]
    assert np.array_equal(augmented[1], plain[1])


def test_a_split_in_batches_is_the_split():
    split = split_of(10)
    batches = SplitBatches(split, 4)
    assert [len(batches[i]) for i in range(len(batches))] == [4, 4, 2]
    assert np.array_equal(np.concatenate([batches[i] for i in range(3)]), split.images)
    assert len(SplitBatches(split, 5)) == 2 and len(SplitBatches(split, 11)) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_read_the_same_in_the_same_order(training_set, workers):
    examples, spans = Examples(training_set, 0), [(n, n + 3) for n in (9, 0, 30, 3)]
    here, there = list(stream(examples, spans)), list(stream(examples, spans, workers))
    assert len(here) == len(there) == 4
    for one, other in zip(here, there):
        assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


class Damaging:
    """Item 2 is damaged."""

    def __getitem__(self, number):
        if number == 2:
            raise Damaged(f"shard-{number}: corrupted")
        return number


@pytest.mark.parametrize("workers", [0, 2])
def test_a_readers_problem_is_raised_as_it_is(workers):
    items, read = [], stream(Damaging(), range(5), workers)
    with pytest.raises(Damaged, match="^shard-2: corrupted$"):
        for item in read:
            items.append(item)
    assert items == [0, 1]


def test_nothing_is_read_before_it_is_asked_for():
    read = []

    class Spy:
        def __getitem__(self, number):
            read.append(number)
            return number

    items = stream(Spy(), range(3))
    assert read == [] and next(items) == 0 and read == [0]
