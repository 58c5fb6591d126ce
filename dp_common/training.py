"""A stretch of training on the present set, by one rank or by several that share each batch."""

import json
from itertools import islice

from dp_common import feed
from dp_common.augment import augment_of
from dp_common.learner import check_finite, torch_scalar

MEET = 10  # iterations after which several ranks ask one another whether to stop or checkpoint; one alone asks itself at each


def train(bench, begun, end, since, new_weight, pause):
    """Train from position ``begun["position"]`` to ``end``; returns the sum over iterations of the loss.

    ``begun["loss"]`` is that sum so far. ``since``: images seen when the training set became what it is. ``pause(position, loss)`` is
    called in between, with ``loss() -> sum`` over all ranks; it may raise.
    """
    train, world, batch, position = bench.spec.train, bench.world, bench.spec.train.batch, begun["position"]
    total = torch_scalar(begun["loss"] if world.first else 0.0)
    examples = feed.Examples(
        bench.trainset, bench.spec.seed, since, new_weight, augment_of(bench.spec.seed, train, bench.learner.shape)
    )
    todo = [span for first in range(position, end, batch) for span in feed.spans(train, first, world.rank, world.size)]
    share = len(feed.spans(train, 0, world.rank, world.size))
    with bench.progress.task("train", end - position) as advance:
        parts = feed.stream(examples, todo, bench.readers)
        while position < end:
            total = total + bench.learner.step(islice(parts, share), position)
            position += batch
            bench.clock.count(images_trained=batch, iterations=1)
            advance(batch)
            if position < end and (world.size == 1 or position // batch % MEET == 0):
                pause(position, lambda: summed(world, total, position))
        bench.learner.agree()
    return summed(world, total, position)


def summed(world, total, position):
    """The sum of a loss over ranks. Raises Problem if it is not finite."""
    loss = sum(json.loads(told) for told in world.gather(json.dumps(float(total)).encode()))
    check_finite(loss, position)
    return loss
