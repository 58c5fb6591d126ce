"""Draws from real data are fair and fixed by their seed; what one split holds, the other does not."""

import numpy as np

from dp_common.real_images.splits import LazySplit, Split, apart, balanced, stratified


def test_stratified_draws_are_in_proportion_and_balanced_ones_even():
    labels = np.repeat([0, 1, 2, 3], [500, 300, 200, 7])[np.random.default_rng(0).permutation(1007)]
    drawn = stratified(labels, 101, 0, "x")
    assert (
        len(set(drawn)) == 101
        and np.abs(np.bincount(labels[drawn]) - np.array([500, 300, 200, 7]) * 101 / 1007).max() <= 1
    )
    assert np.array_equal(drawn, stratified(labels, 101, 0, "x")) and not np.array_equal(
        drawn, stratified(labels, 101, 1, "x")
    )
    few = balanced(labels, 100, 0)
    assert sorted(np.bincount(labels[few])) == [7, 31, 31, 31] and set(few) <= set(balanced(labels, 400, 0))
    assert np.array_equal(balanced(labels, 0, 0), np.arange(1007)) and len(balanced(labels, 2, 0)) == 2


def split(*values):
    """Images of one pixel each."""
    images = np.array(values, np.uint8)[:, None, None, None]
    return Split(images, np.arange(len(values)))


def test_twins_leave_the_training_side(capsys):
    left = apart(split(1, 2, 3, 2), split(2), split(9, 3))
    assert left.images.ravel().tolist() == [1] and left.labels.tolist() == [0]
    assert "3 of 4 images for training or monitor are in a held-out set too" in capsys.readouterr().err
    whole = split(1, 2)
    assert apart(whole, split(3)) is whole and capsys.readouterr().err == ""


def test_what_is_not_in_memory_is_not_compared():
    lazy = LazySplit(lambda row: np.zeros((1, 1, 1), np.uint8), np.zeros(2, int))
    whole = split(0)
    assert apart(lazy, whole) is lazy and apart(whole, lazy) is whole


def test_a_lazy_split_reads_rows_in_the_order_asked():
    images = split(5, 6, 7).images
    lazy = LazySplit(images.__getitem__, np.arange(3))
    assert lazy.read(np.array([2, 0, 2])).ravel().tolist() == [7, 5, 7] and len(lazy) == 3
