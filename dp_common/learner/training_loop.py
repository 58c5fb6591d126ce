"""A stretch of training on the present set, by one rank or by several that share each batch."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import torch

from dp_common.distributed import batch_share
from dp_common.distributed.process_group import ProcessGroup
from dp_common.errors import Problem
from dp_common.learner.classifier import Learner
from dp_common.persistence.run_io import RunIO
from dp_common.training_data import loading
from dp_common.training_data.augmentation import augment_of
from dp_common.training_data.training_set import TrainingSet

MEET = 10  # iterations after which several ranks ask one another whether to stop or checkpoint; one alone asks at each

Pause = Callable[[int, Callable[[], float]], None]  # (position, loss()) -> None; may raise


@dataclass(frozen=True)
class Stretch:
    """What is trained in one call: images ``position`` .. ``end``−1 of the budget, both multiples of the batch."""

    position: int
    end: int
    since: int = 0  # images seen when the training set became what it is
    new_weight: float = 1.0  # how many times as often an image of the newest addition is drawn as an older one
    loss: float = 0.0  # the sum of this call's losses before ``position``, where an earlier attempt got so far


def train(io: RunIO, learner: Learner, training_set: TrainingSet, stretch: Stretch, pause: Pause) -> float:
    """Train a stretch; returns the sum over the call's iterations of the mean loss, the same on every rank.

    Args:
        io: Counts images and iterations, shows progress.
        learner: What is trained; all ranks of its group call this.
        training_set: What it is trained on.
        stretch: From where to where.
        pause: Called between two iterations with the position and a function that says the sum of losses so far.

    Raises:
        Problem: The loss is not finite.
    """
    spec, group, position = learner.spec, learner.group, stretch.position
    train, batch = spec.train, spec.train.batch
    total = torch.tensor(stretch.loss if group.first else 0.0, dtype=torch.float32)
    augment = augment_of(spec.seed, train, learner.shape)
    examples = loading.Examples(training_set, spec.seed, stretch.since, stretch.new_weight, augment)
    batches = [batch_share.spans(train, first, group.rank, group.size) for first in range(position, stretch.end, batch)]
    pinned = learner.device.type == "cuda"
    micro_batches = loading.Waiting(
        loading.stream(examples, [span for spans in batches for span in spans], learner.readers, pinned),
        lambda seconds: io.meter.beside("data_wait", seconds),
    )
    with io.progress.task("train", stretch.end - position) as advance:
        for spans in batches:
            total = total + learner.step(islice(micro_batches, len(spans)), position)
            position += batch
            io.meter.count(images_trained=batch, iterations=1)
            advance(batch)
            micro_batches.tell()
            if position < stretch.end and (group.size == 1 or position // batch % MEET == 0):
                pause(position, SumOverRanks(group, total, position))
        learner.synchronise()
    return SumOverRanks(group, total, position)()


@dataclass(frozen=True)
class SumOverRanks:
    """The sum of a loss over ranks, when it is asked for. Raises Problem if it is not finite."""

    group: ProcessGroup
    total: torch.Tensor  # of this rank
    position: int

    def __call__(self) -> float:
        loss = sum(json.loads(data) for data in self.group.all_gather(json.dumps(float(self.total)).encode()))
        if not math.isfinite(loss):
            raise Problem(
                f"the training loss became {loss} at {self.position} images seen; lower train.lr or set train.clip_grad"
            )
        return loss
