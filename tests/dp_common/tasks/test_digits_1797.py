"""The old digits: 897 / 450 / 450 disjoint and stratified.

The split and the shifted sets are functions of their seeds alone.
"""

import subprocess
import sys

import numpy as np
import pytest

from dp_common.tasks._digit_shifts import SHIFTS
from dp_common.tasks.digits_1797 import Digits1797

PARTS = ("train", "monitor", "test")


def loaded(split):
    task = Digits1797()
    task.load(split)
    return task


def rows(split):
    return sorted((image.tobytes(), int(label)) for image, label in zip(split.images, split.labels))


@pytest.fixture(scope="module")
def everything():
    from sklearn.datasets import load_digits

    data = load_digits()
    return sorted(
        (np.round(image * (255 / 16)).astype(np.uint8).tobytes(), int(label))
        for image, label in zip(data.images, data.target)
    )


@pytest.mark.parametrize("split", [0, 1, 17])
def test_sizes_and_types(split):
    task = loaded(split)
    assert [len(getattr(task, part)) for part in PARTS] == [897, 450, 450]
    for part in (*(getattr(task, name) for name in PARTS), *task.shifted.values()):
        assert (
            part.images.dtype == np.uint8
            and part.images.shape == (len(part), *task.shape)
            and part.labels.dtype == np.int64
        )
    assert task.train.images.min() == 0 and task.train.images.max() == 255  # the whole range is used


@pytest.mark.parametrize("split", [0, 1])
def test_the_three_are_disjoint_and_together_all_there_is(split, everything):
    """As a multiset: every one of the 1,797 is in exactly one of the three."""
    task = loaded(split)
    assert sorted(sum((rows(getattr(task, part)) for part in PARTS), [])) == everything
    assert len(set(everything)) == 1797  # no image is there twice, so none can be on both sides


@pytest.mark.parametrize("split", [0, 1])
def test_stratified(split, everything):
    task = loaded(split)
    totals = np.bincount([label for _, label in everything])
    for part in PARTS:
        labels = getattr(task, part).labels
        assert np.abs(np.bincount(labels, minlength=10) - totals * len(labels) / 1797).max() <= 1.5
    assert len(task.classes) == 10


def test_the_split_is_a_function_of_its_seed():
    first, again, other = loaded(0), loaded(0), loaded(1)
    for part in PARTS:
        assert np.array_equal(getattr(first, part).images, getattr(again, part).images)
        assert np.array_equal(getattr(first, part).labels, getattr(again, part).labels)
        assert rows(getattr(first, part)) != rows(getattr(other, part))


@pytest.mark.parametrize("name", ["rotation", "noise", "blur", "thickness"])
def test_shifted_sets_are_the_test_set_transformed_the_same_way_each_time(name):
    np.random.seed(1)
    first = loaded(0)
    np.random.seed(2)
    again = loaded(0)
    assert list(first.shifted) == list(SHIFTS)
    shifted, plain = first.shifted[name], first.test
    assert np.array_equal(shifted.images, again.shifted[name].images)
    assert np.array_equal(shifted.labels, plain.labels)
    changed = (shifted.images != plain.images).any((1, 2, 3))
    assert changed.mean() > 0.99
    # still the same digits: nearer to its own original than to another image
    own = np.abs(shifted.images.astype(float) - plain.images).mean()
    other = np.abs(shifted.images.astype(float) - np.roll(plain.images, 1, 0)).mean()
    assert own < 0.8 * other


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_does_not_change_what_it_is_given(name):
    images = loaded(0).test.images
    before = images.copy()
    SHIFTS[name](images)
    assert np.array_equal(images, before)


def test_shifts_do_what_their_names_say():
    images = loaded(0).test.images
    mean = lambda array: array.astype(float).mean((1, 2, 3))
    thick = mean(SHIFTS["thickness"](images)) - mean(images)
    assert (thick[::2] > 0).all() and (thick[1::2] < 0).all()
    assert np.std(SHIFTS["blur"](images)) < 0.9 * np.std(images)
    difference = SHIFTS["noise"](np.full((100, 1, 8, 8), 128, np.uint8)).astype(float) - 128
    assert abs(difference.mean()) < 3 and 55 < difference.std() < 65
    bar = np.zeros((2, 1, 8, 8), np.uint8)
    bar[:, :, :, 3:5] = 255  # upright: turned to either side
    left, right = SHIFTS["rotation"](bar)[:, 0].astype(float)
    place = lambda image, row: (image[row] * np.arange(8)).sum() / image[row].sum()
    assert (place(left, 1) - 3.5) * (place(right, 1) - 3.5) < -0.25
    assert abs(place(left, 1) - 3.5) == pytest.approx(2.5 * np.tan(np.radians(20)), abs=0.3)


def test_the_fingerprint_names_the_data_and_needs_no_torch():
    code = "import sys; from dp_common.tasks.digits_1797 import Digits1797; print(Digits1797().fingerprint()); "
    code += "assert 'torch' not in sys.modules"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert told == Digits1797().fingerprint() == "09f66e6debdee2cd"
