"""A small learner on the plane."""

import pytest

from dp_common.config.resolve import resolve
from dp_common.learner.classifier import Learner


@pytest.fixture
def plane_learner():
    """``plane_learner("train.batch=64", ...)`` -> (Learner, its resolved run), with the task loaded."""

    def make(*words):
        words = [*words, *(["train.batch=64"] if not any(word.startswith("train.batch") for word in words) else [])]
        resolved = resolve(["task=plane", "strategy=static", "scale=64", "train.seen=1280", *words])
        resolved.task.load(0)
        return Learner(resolved.spec, resolved.task, "cpu"), resolved

    return make
