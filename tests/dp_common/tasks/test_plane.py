"""The plane is the mixture it says, its learner is a timm model like any other, a run of both keeps the contract."""

import numpy as np
import pytest
import torch

from dp_common.config.resolve import resolve
from dp_common.conformance import check_strategy, check_teacher
from dp_common.errors import BadInput
from dp_common.learner.classifier import build, check_fits
from dp_common.tasks import plane
from dp_common.tasks.plane import ARMS, CENTRES, SD, SIZES, Plane, centres


def loaded(split=0, **data):
    task = Plane()
    task.data = type(task.data)(**data)
    task.load(split)
    return task


def points_of(split):
    return split.images.reshape(-1, 2) / 127.5 - 1


def log_densities(points):
    """log p(point | class) of the mixture as it is stated: [n, ARMS]."""
    squares = ((points[:, None, None] - centres()) ** 2).sum(-1)
    return np.log(np.exp(-squares / (2 * SD**2)).mean(2) / (2 * np.pi * SD**2))


def test_splits_are_their_seed_and_balanced():
    one, again, other = loaded(3), loaded(3), loaded(4)
    for name, n in SIZES.items():
        mine = getattr(one, name)
        assert mine.images.dtype == np.uint8 and mine.images.shape == (ARMS * n, *Plane.shape)
        assert np.bincount(mine.labels).tolist() == [n] * ARMS
        assert np.array_equal(mine.images, getattr(again, name).images)
        assert not np.array_equal(mine.images, getattr(other, name).images)
    n = len(one.train)
    assert not np.array_equal(one.train.images, one.monitor.images) and not np.array_equal(
        one.train.images, one.test.images[:n]
    )
    assert len(loaded(3, limit=30).test) == 30


def test_points_stay_inside_and_fall_as_the_density_says():
    """Means and covariances of each class by the law of total variance; 20 draws, for the test to be sharp."""
    drawn = [plane.draw(np.random.default_rng(seed), 1000) for seed in range(20)]
    images, labels = (np.concatenate(column) for column in zip(*drawn))
    assert images.min() > 0 and images.max() < 255
    points = images.reshape(-1, 2) / 127.5 - 1
    for label in range(ARMS):
        mine, around = points[labels == label], centres()[label]
        covariance = np.cov(around.T, bias=True) + SD**2 * np.eye(2)
        assert np.abs(mine.mean(0) - around.mean(0)).max() < 4 * np.sqrt(covariance.max() / len(mine))
        np.testing.assert_allclose(np.cov(mine.T), covariance, atol=0.003)


def test_classes_overlap_and_the_teacher_knows_nearly_as_much_as_can_be_known():
    from dp_common.teachers.mixture import Mixture

    task, teacher = loaded(), Mixture(components=CENTRES, jitter=0.0)
    teacher.prepare(task, "cpu")
    points = points_of(task.test)
    best = (log_densities(points).argmax(1) == task.test.labels).mean()
    known = teacher.log_density(torch.from_numpy(points).float().view(-1, 1, 1, 2)).numpy()
    assert 0.92 < best < 0.97
    assert best - 0.02 < (known.argmax(1) == task.test.labels).mean() <= best + 0.005
    rows = np.arange(len(points))
    gap = (
        log_densities(points)[rows, task.test.labels] - known[rows, task.test.labels]
    )  # mean: the KL divergence of the fit
    assert 0 < gap.mean() < 0.1


def test_curved_a_line_cannot_separate_the_classes():
    from sklearn.linear_model import LogisticRegression

    task = loaded()
    straight = LogisticRegression().fit(points_of(task.train), task.train.labels)
    assert straight.score(points_of(task.test), task.test.labels) < 0.75


def test_the_learner_is_built_by_timm_and_refuses_what_it_does_not_know():
    model = build("mlp-plane", {}, (1, 1, 2), 3)
    assert [layer.out_features for layer in model.modules() if isinstance(layer, torch.nn.Linear)] == [64, 64, 3]
    assert [
        layer.out_features
        for layer in build("mlp-plane", {"depth": 1, "width": 7}, (2, 4, 4), 5).modules()
        if isinstance(layer, torch.nn.Linear)
    ] == [7, 5]
    x = torch.zeros(4, 1, 1, 2, requires_grad=True)
    model(x).softmax(1)[:, 0].sum().backward()
    assert (x.grad != 0).all()
    check_fits("mlp-plane", {}, (1, 1, 2), 3)
    for wrong, word in (({"widht": 7}, "widht"), ({"pretrained": True}, "no pretrained weights")):
        with pytest.raises(BadInput, match=word):
            build("mlp-plane", wrong, (1, 1, 2), 3)


def test_the_recipe_is_the_default_of_the_task():
    resolved = resolve(["task=plane", "scale=1k"])
    assert resolved.values["learner"] == "mlp-plane" and resolved.values["mixture.components"] == CENTRES
    assert resolved.values["data.split"] == 0 and resolved.fingerprints["data_fingerprint"] == Plane().fingerprint()


@pytest.mark.slow
def test_it_keeps_the_contract(tmp_path):
    """An interrupted run on it ends bit-equal, among the rest."""
    told = []
    check_strategy("dp", "task=plane", "dp.patience=1", "dp.omega=0.1", say=told.append)
    check_teacher("mixture", "task=plane", say=told.append)
    assert len(told) == 13
