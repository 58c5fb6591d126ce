"""A stretch of training: the iterations of its positions, one after the other, from wherever an attempt begins."""

import json

import pytest
import torch

from dp_common.errors import Interrupted, Problem
from dp_common.learner.training_loop import MEET, Stretch, SumOverRanks, train
from dp_common.persistence.meter import Meter
from dp_common.persistence.run_io import RunIO
from dp_common.progress import Progress
from dp_common.training_data.loading import Examples
from dp_common.training_data.training_set import TrainSet


def io_of(resolved):
    return RunIO(None, None, Meter(), Progress(resolved.budget, quiet=True), lambda: False)


def set_of(resolved):
    training_set = TrainSet()
    training_set.add_real(resolved.task.train, list(range(64)))
    return training_set


def nothing(position, loss):
    pass


def test_it_is_one_step_after_the_other(plane_learner):
    (learner, resolved), (by_hand, _) = plane_learner("train.micro=32"), plane_learner("train.micro=32")
    io, training_set = io_of(resolved), set_of(resolved)
    total = train(io, learner, training_set, Stretch(128, 320), nothing)
    examples, losses = Examples(training_set, 0), []
    for position in (128, 192, 256):
        halves = [examples[position, position + 32], examples[position + 32, position + 64]]
        losses.append(float(by_hand.step(halves, position)))
    assert total == pytest.approx(sum(losses), rel=1e-6) and learner.digest() == by_hand.digest()
    assert io.meter.counts == {"images_trained": 192, "iterations": 3}


def test_it_goes_on_from_its_middle(plane_learner):
    """Ended at a pause and begun again with the position and the loss that the pause was told: the same bits."""
    whole, resolved = plane_learner()
    training_set, kept = set_of(resolved), {}
    expected = train(io_of(resolved), whole, training_set, Stretch(0, 640), nothing)
    learner, _ = plane_learner()

    def stop(position, loss):
        if position == 256:
            kept.update(position=position, loss=loss(), state={k: v.clone() for k, v in learner.state().items()})
            raise Interrupted("stop")

    with pytest.raises(Interrupted):
        train(io_of(resolved), learner, training_set, Stretch(0, 640), stop)
    again, _ = plane_learner()
    again.load(kept["state"])
    stretch = Stretch(kept["position"], 640, loss=json.loads(json.dumps(kept["loss"])))
    assert train(io_of(resolved), again, training_set, stretch, nothing) == expected
    assert again.digest() == whole.digest()


def test_it_pauses_between_iterations_not_at_the_end(plane_learner):
    learner, resolved = plane_learner()
    positions = []
    train(
        io_of(resolved), learner, set_of(resolved), Stretch(64, 320), lambda position, loss: positions.append(position)
    )
    assert positions == [128, 192, 256]


def test_several_ranks_meet_now_and_then(plane_learner, monkeypatch):
    """A pause of several is a question over all of them; here one rank that has the whole batch and says it is of two."""
    learner, resolved = plane_learner()
    positions = []
    monkeypatch.setattr("dp_common.distributed.batch_share.batch_slice", lambda train, rank=0, ranks=1: (0, train.batch))
    monkeypatch.setattr(learner, "forward", NoSync(learner.model))
    monkeypatch.setattr(learner, "synchronise", lambda: None)
    monkeypatch.setattr(learner.group, "size", 2, raising=False)
    train(
        io_of(resolved),
        learner,
        set_of(resolved),
        Stretch(0, 64 * (2 * MEET + 3)),
        lambda at, loss: positions.append(at),
    )
    assert positions == [64 * MEET, 2 * 64 * MEET]


class NoSync(torch.nn.Module):
    """A model as DistributedDataParallel wraps it."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model(images)


def test_weight_of_new_images_and_since_reach_the_draw(plane_learner):
    learner, resolved = plane_learner()
    asked = []

    class Spy(TrainSet):
        def draw(self, seed, positions, since=0, new_weight=1.0):
            asked.append((positions.tolist(), since, new_weight))
            return super().draw(seed, positions, since, new_weight)

    training_set = Spy()
    training_set.add_real(resolved.task.train, list(range(64)))
    train(io_of(resolved), learner, training_set, Stretch(64, 192, since=64, new_weight=2.0), nothing)
    assert asked == [(list(range(64, 128)), 64, 2.0), (list(range(128, 192)), 64, 2.0)]


def test_a_loss_that_is_not_finite_is_a_problem_that_says_what_to_lower(plane_learner):
    learner, resolved = plane_learner()
    with torch.no_grad():
        next(learner.model.parameters()).fill_(float("nan"))
    with pytest.raises(Problem, match="loss became nan at 128 images seen; lower train.lr"):
        train(io_of(resolved), learner, set_of(resolved), Stretch(0, 128), nothing)


def test_losses_are_summed_over_ranks():
    class Two:
        def all_gather(self, data):
            return [data, b"2.5"]

    assert SumOverRanks(Two(), torch.tensor(1.25), 0)() == 3.75
