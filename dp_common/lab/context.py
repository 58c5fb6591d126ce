"""What a run works with, by who reads it. No test set is in it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dp_common.config.specification import Budget, Runtime, Spec
from dp_common.diffusion.image_sampler import ImageSampler
from dp_common.distributed.process_group import ProcessGroup
from dp_common.learner.classifier import Learner
from dp_common.persistence.run_io import RunIO
from dp_common.pool.store import ImagePool
from dp_common.real_images.splits import AnySplit
from dp_common.training_data.training_set import TrainingSet


@dataclass(frozen=True)
class Models:
    """The networks: the sampler holds the teacher."""

    learner: Learner
    sampler: ImageSampler

    @property
    def teacher(self) -> Any:
        """The diffusion model that makes the images."""
        return self.sampler.teacher


@dataclass(frozen=True)
class Data:
    """The images: real ones to train on (a ceiling) and to look at, and the set that grows."""

    classes: Sequence[str]
    real: AnySplit  # the teacher's own training images
    monitor: AnySplit  # what accuracy is measured on while training goes on
    training_set: TrainingSet


class CheckpointTimer:
    """Says when it is time to checkpoint: once per ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.last = seconds, time.monotonic()

    def due(self) -> bool:
        """Is it time? A yes starts the next interval."""
        if time.monotonic() - self.last < self.seconds:
            return False
        self.last = time.monotonic()
        return True


@dataclass(frozen=True)
class RunContext:
    """All of it, for the lab, which does everything."""

    spec: Spec
    budget: Budget
    runtime: Runtime
    io: RunIO
    models: Models
    data: Data
    group: ProcessGroup
    timer: CheckpointTimer
    snapshots: int = 0  # evaluations whose weights are kept, for scores that look at several answers
    pool: ImagePool | None = None  # that plain images are shared in
