"""The reference that scores compare the learner with, where no density is known: a classifier of the real images."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from dp_common.arrays import Tensors
from dp_common.lab.context import RunContext
from dp_common.lab.kept_models import midway_of
from dp_common.learner.classifier import Learner
from dp_common.learner.training_loop import Stretch, train
from dp_common.seeds import derive


def train_reference(
    run: RunContext, pause: Callable[..., None], begun: tuple[int, float] = (0, 0.0), unfinished: Tensors | None = None
) -> tuple[Any, int, float]:
    """Train a classifier of the learner's kind on all of the teacher's real images, once.

    Args:
        run: What is worked with.
        pause: Called between iterations with what a checkpoint is to hold of it, ``beside``; may raise.
        begun: Images that it has seen, and the sum of its losses, where an earlier attempt ended in its training.
        unfinished: Its state then.

    Returns:
        (the model in evaluation mode, images seen, mean loss).
    """
    spec, learner, real = run.spec, run.models.learner, run.data.real
    batch = spec.train.batch
    seen = spec.reference.images(spec.train.seen, batch)
    own = replace(spec, seed=derive(spec.seed, "reference"), train=replace(spec.train, seen=seen))
    shape = SimpleNamespace(shape=learner.shape, classes=range(learner.classes))
    reference = Learner(own, shape, learner.device, learner.readers, learner.group)
    if unfinished is not None:
        reference.load(unfinished)
    images = type(run.data.training_set)()
    images.add_real(real, np.arange(len(real)))
    pause = partial(pause, beside=lambda: midway_of(reference))
    loss = train(run.io, reference, images, Stretch(begun[0], seen, loss=begun[1]), pause)
    return learner.model_of(reference.frozen_copy()), seen, loss / (seen // batch)
