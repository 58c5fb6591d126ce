"""What is tried of a learner before a run: whether it trains on its batches, how fast, and whether weights load."""

import numpy as np
import pytest
import torch

from dp_common.config.resolve import resolve
from dp_common.config.specification import Train
from dp_common.errors import BadInput
from dp_common.lab import runner
from dp_common.learner import build
from dp_common.learner.build import check_batch, check_fits
from dp_common.learner.classifier import Learner
from dp_common.learner.trial import images_per_second

SHAPE = (1, 8, 8)


@pytest.mark.parametrize(
    "train, share, said",
    [
        (Train(batch=1), 1, "train.batch=1: too few for learner=resnet18: ValueError: Expected more than 1 value"),
        (Train(batch=8, micro=1), 1, "train.micro=1: too few for learner=resnet18: "),
        (Train(batch=4), 1, "train.batch=4: too few for learner=resnet18, of which a rank gets 1 at a time: "),
    ],
)
def test_batch_normalisation_of_one_value_is_refused(train, share, said):
    with pytest.raises(BadInput) as caught:
        check_batch(check_fits("resnet18", {}, SHAPE, 10), "resnet18", train, SHAPE, share)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name, share", [("resnet18", 2), ("vit-digits", 1)])
def test_batches_that_do_are_taken(name, share):
    check_batch(check_fits(name, {}, SHAPE, 10), name, Train(batch=share), SHAPE, share)


def test_it_is_refused_before_anything_is_written(tmp_path):
    words = ["strategy=static", "scale=20", "train.seen=128", "learner=resnet18", "train.batch=1", f"root={tmp_path}"]
    with pytest.raises(BadInput, match="train.batch=1: too few"):
        runner.execute(resolve(words), quiet=True)
    assert not list(tmp_path.iterdir())


def test_a_learner_that_was_timed_is_as_it_was():
    resolved = resolve(["task=plane", "strategy=static", "learner=mlp-plane", "train.batch=16"])
    learner = Learner(resolved.spec, resolved.task, "cpu")
    before, state = learner.digest(), torch.get_rng_state()
    waited = []
    rate = images_per_second(learner, lambda: waited.append(1))
    assert rate > 0 and np.isfinite(rate) and waited
    assert learner.digest() == before and torch.equal(torch.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in learner.model.parameters())


@pytest.mark.parametrize(
    "error", [OSError("offline"), KeyError(101), IndexError("out of range"), RuntimeError("weights")]
)
def test_weights_that_are_not_to_be_had_are_one_line(monkeypatch, error):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(build, "timm_model", refuse)
    with pytest.raises(BadInput) as caught:
        build.build("resnet18", {"pretrained": True}, SHAPE, 10)
    said = str(caught.value)
    assert said.startswith("train.model_args.pretrained=True: weights of learner=resnet18 are not to be had")
    assert "timm.create_model('resnet18', pretrained=True)" in said and "\n" not in said
    with pytest.raises(BadInput, match="train.model_args.checkpoint_path=a.pth: weights of learner=resnet18"):
        build.build("resnet18", {"checkpoint_path": "a.pth"}, SHAPE, 10)


def test_an_argument_that_does_not_fit_is_no_fault_of_the_weights():
    with pytest.raises(BadInput, match="learner=resnet18: timm cannot build it .* unexpected keyword argument 'depht'"):
        build.build("resnet18", {"depht": 3, "pretrained": True}, SHAPE, 10)


def test_weights_a_learner_starts_from_are_part_of_what_a_run_is(tmp_path):
    path = tmp_path / "a.pth"
    words = ["strategy=static", "learner=resnet18", f"train.model_args.checkpoint_path={path}"]
    ids = []
    for content in (b"one", b"two", b"one"):
        path.write_bytes(content)
        ids.append(resolve(words).run_id)
    assert ids[0] == ids[2] != ids[1]
