"""What a teacher is worth: each number against a case where it is known."""

import importlib.util
import math

import numpy as np
import pytest
import torch

from dp_common.errors import BadInput, Interrupted
from dp_common.teacher_training.quality import distances, mean_entropy, nearest, samples
from tests.dp_common.teacher_training.teach import teach


def test_the_entropy_of_even_and_of_sure_predictions():
    assert mean_entropy(torch.zeros(5, 8)) == pytest.approx(math.log(8))
    assert mean_entropy(torch.tensor([[100.0, 0.0]])) == pytest.approx(0, abs=1e-6)


def test_the_nearest_image_is_found_and_the_median_taken():
    """In pixels of [-1, 1] a step of one grey level is 1/127.5; images of four pixels that differ by k levels are
    2k/127.5 apart.
    """
    levels = lambda *values: np.array(values, np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), np.uint8)
    assert nearest(levels(10, 20, 33), levels(9, 22, 40, 200)) == pytest.approx(2 * 2 / 127.5, rel=1e-4)
    assert nearest(levels(7), levels(7)) == 0


def test_samples_are_balanced_and_stop_between_blocks(mixture):
    images, labels = samples(mixture, 30, 10, "cpu", seed=0, block=20)
    assert images.shape == (30, 1, 8, 8) and images.dtype == np.uint8 and (np.bincount(labels) == 3).all()
    assert np.array_equal(images[:10], samples(mixture, 10, 10, "cpu", seed=0)[0])
    with pytest.raises(Interrupted, match="same command goes on"):
        samples(mixture, 30, 10, "cpu", seed=0, stop=lambda: True)


def test_distances_need_their_library_and_say_so(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name.startswith("torch_fid") else find(name, *more)
    )
    with pytest.raises(BadInput, match="distance=inception: needs torchmetrics"):
        teach(tmp_path / "x.safetensors", "distance=inception")


def test_distances_grow_with_the_difference(digits):
    pytest.importorskip("torchmetrics")

    class Pixels(torch.nn.Module):
        num_features = 16

        def forward(self, images):
            return images.float().mean(1)[:, 2:6, 2:6].flatten(1)

    images = digits.test.images
    near, far = (distances(some, images[:225], "cpu", Pixels()) for some in (images[225:], np.roll(images, 2, 3)[225:]))
    assert 0 <= near["fid"] < far["fid"] and near["kid"] < far["kid"] and near["distance_images"] == 225
