"""The training set: draws are a function of (seed, position), paired across sizes, uniform, weighted where asked."""

import numpy as np
import pytest

from dp_common.arrays import DecodedImages
from dp_common.seeds import uniforms
from dp_common.training_data.training_set import TrainSet


def filled(*sizes):
    """A set of additions whose image, label and index all tell the row."""
    made, first = TrainSet(), 0
    for size in sizes:
        rows = np.arange(first, first + size)
        images = np.broadcast_to((rows % 256).astype(np.uint8)[:, None, None, None], (size, 1, 2, 2))
        made.add(DecodedImages(images, rows, 1000 + rows))
        first += size
    return made


def test_additions_join_in_order():
    made = filled(3, 4, 2)
    images, labels, indices = made.joined()
    assert len(made) == 9 and labels.tolist() == list(range(9)) and indices.tolist() == list(range(1000, 1009))
    assert images.shape == (9, 1, 2, 2) and images.dtype == np.uint8
    made.clear()
    assert len(made) == 0


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_the_draw_is_floor_of_u_times_size(n):
    positions = np.arange(500)
    images, labels = filled(n).draw(4, positions)
    expected = np.floor(uniforms(4, "examples", positions) * n).astype(int)
    assert np.array_equal(labels, expected) and np.array_equal(images[:, 0, 0, 0], expected % 256)


def test_how_the_set_was_cut_does_not_matter():
    positions = np.arange(500)
    assert np.array_equal(filled(1000).draw(0, positions)[1], filled(1, 499, 500).draw(0, positions)[1])


def test_the_draw_depends_on_seed_and_position_alone():
    made = filled(1000)
    whole = made.draw(0, np.arange(256))[1]
    assert np.array_equal(
        np.concatenate([made.draw(0, np.arange(start, start + 64))[1] for start in range(0, 256, 64)]), whole
    )
    assert np.mean(whole == made.draw(1, np.arange(256))[1]) < 0.05


def test_sets_of_different_size_are_paired():
    """The same relative place at the same position: draws from sets of n and 2n agree to one row."""
    positions = np.arange(2000)
    small, large = filled(500).draw(0, positions)[1], filled(1000).draw(0, positions)[1]
    assert np.array_equal(small, large // 2)


def test_draws_are_uniform():
    counts = np.bincount(filled(40, 60).draw(0, np.arange(100_000))[1], minlength=100)
    assert len(counts) == 100 and np.abs(counts - 1000).max() < 6 * np.sqrt(1000)


@pytest.mark.parametrize("weight", [2.0, 0.5])
def test_new_weight_is_how_much_oftener_the_newest_are_drawn(weight):
    labels = filled(200, 100, 100).draw(0, np.arange(200_000), new_weight=weight)[1]
    counts = np.bincount(labels, minlength=400)
    assert counts[300:].mean() / counts[:300].mean() == pytest.approx(weight, rel=0.03)
    old, new = counts[:300], counts[300:]
    for group in (old, new):  # and evenly within each
        assert np.abs(group - group.mean()).max() < 6 * np.sqrt(group.mean())


def test_weight_one_is_the_plain_draw():
    positions = np.arange(5000)
    assert np.array_equal(filled(30, 71).draw(2, positions, new_weight=1.0)[1], filled(101).draw(2, positions)[1])


def test_parts_of_one_addition_are_one_newest():
    made = filled(10, 10)
    made.add(DecodedImages(np.zeros((5, 1, 2, 2), np.uint8), np.arange(5), np.arange(5)))
    assert made.newest == 5
    made.add(DecodedImages(np.zeros((3, 1, 2, 2), np.uint8), np.arange(3), np.arange(3)), new_round=False)
    assert made.newest == 8 and len(made) == 28
