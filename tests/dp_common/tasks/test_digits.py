"""The UCI digits: which images are where, that test is of other writers and always the same, what the pen drew."""

import numpy as np
import pytest

from dp_common.config.specification import Data
from dp_common.tasks import _uci_digits as uci
from dp_common.tasks.digits import Digits
from tests.dp_common.real_images.pictures import rows


def loaded(split=0, limit=0):
    task = Digits()
    task.data = Data(limit=limit)
    task.load(split)
    return task


def test_sizes_and_types():
    task = loaded()
    assert [len(part) for part in (task.train, task.monitor, task.test)] == [2823, 1000, 1797]
    sizes = {"pen": 10992} | dict.fromkeys(("rotation", "noise", "blur", "thickness"), 1797)
    assert {name: len(part) for name, part in task.shifted.items()} == sizes
    for part in (task.train, task.monitor, task.test, *task.shifted.values()):
        assert part.images.dtype == np.uint8 and part.images.shape == (len(part), *task.shape)
        assert part.labels.dtype == np.int64 and set(part.labels) == set(range(10))


def test_test_is_what_scikit_learn_ships_in_its_order():
    from sklearn.datasets import load_digits

    data, test = load_digits(), loaded().test
    assert np.array_equal(test.images[:, 0], np.round(data.images * (255 / 16)).astype(np.uint8))
    assert np.array_equal(test.labels, data.target)


@pytest.mark.parametrize("split", [0, 5])
def test_the_split_deals_out_the_other_writers_images_by_its_seed_and_leaves_test_alone(split):
    task, first = loaded(split), loaded(0)
    both = rows(task.train) | rows(task.monitor)
    assert len(both) == 3823 and not both & rows(task.test)
    assert np.array_equal(task.test.images, first.test.images)
    assert (rows(task.train) == rows(first.train)) == (split == 0)
    counts, all_of_them = np.bincount(task.monitor.labels), np.bincount(uci.arrays("uci_optical.npz")["train_labels"])
    assert np.abs(counts - all_of_them * 1000 / 3823).max() <= 1  # stratified


def test_a_limit_holds_for_every_set():
    task = loaded(limit=50)
    for part in (task.train, task.monitor, task.test, *task.shifted.values()):
        assert np.array_equal(np.bincount(part.labels), np.full(10, 5))


def test_the_pen_digits_are_their_points_drawn():
    pen = uci.arrays("uci_pen.npz")
    every = slice(None, None, 37)
    assert np.array_equal(uci.draw(pen["points"][every]), pen["images"][every])


def test_a_stroke_is_inked_where_it_is_and_nowhere_else():
    upright = uci.draw(np.array([[[50, 0], [50, 100]]]))[0].astype(float)
    assert np.array_equal(upright, upright[:, ::-1]) and np.array_equal(upright, upright[::-1])
    assert upright[:, :3].sum() == 0 and upright[4, 3] > 0  # down the middle
    whole = 2 * uci.STROKE * uci.BOX[1] + np.pi * uci.STROKE**2  # the area of a stroke with round ends
    assert upright.sum() == pytest.approx(whole, rel=0.1)  # of pixels in or out
    top = uci.draw(np.array([[[0, 100], [100, 100]]]))[0]
    assert top[4:].sum() == 0 and top[:2].sum() == top.sum()  # y is upwards


def test_the_fingerprint_is_of_both_files():
    assert Digits().fingerprint() == "1cc9a1bd02948f83"
