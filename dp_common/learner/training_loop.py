"""A stretch of training on the present set, by one rank or by several that share each batch."""

import json
from itertools import islice

from dp_common.distributed import batch_share
from dp_common.learner.classifier import check_finite, torch_scalar
from dp_common.training_data import loading
from dp_common.training_data.augmentation import augment_of

MEET = 10  # iterations after which several ranks ask one another whether to stop or checkpoint; one alone asks itself at each


def train(bench, begun, end, since, new_weight, pause):
    """Train from position ``begun["position"]`` to ``end``; returns the sum over iterations of the loss.

    ``begun["loss"]`` is that sum so far. ``since``: images seen when the training set became what it is. ``pause(position, loss)`` is
    called in between, with ``loss() -> sum`` over all ranks; it may raise.
    """
    train, group, batch, position = bench.spec.train, bench.group, bench.spec.train.batch, begun["position"]
    total = torch_scalar(begun["loss"] if group.first else 0.0)
    examples = loading.Examples(
        bench.trainset, bench.spec.seed, since, new_weight, augment_of(bench.spec.seed, train, bench.learner.shape)
    )
    todo = [
        span
        for first in range(position, end, batch)
        for span in batch_share.spans(train, first, group.rank, group.size)
    ]
    share = len(batch_share.spans(train, 0, group.rank, group.size))
    with bench.progress.task("train", end - position) as advance:
        parts = loading.stream(examples, todo, bench.readers)
        while position < end:
            total = total + bench.learner.step(islice(parts, share), position)
            position += batch
            bench.meter.count(images_trained=batch, iterations=1)
            advance(batch)
            if position < end and (group.size == 1 or position // batch % MEET == 0):
                pause(position, lambda: summed(group, total, position))
        bench.learner.agree()
    return summed(group, total, position)


def summed(group, total, position):
    """The sum of a loss over ranks. Raises Problem if it is not finite."""
    loss = sum(json.loads(told) for told in group.all_gather(json.dumps(float(total)).encode()))
    check_finite(loss, position)
    return loss
