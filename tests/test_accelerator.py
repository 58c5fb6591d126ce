"""Whole runs on a make-believe accelerator: nothing mixes with the CPU, and the host waits only where it must."""

import numpy as np
import pytest
import torch

from dp_common.config.resolve import resolve
from dp_common.conformance import AtYield
from dp_common.diffusion.guidance_step import GuidanceStep
from dp_common.errors import Interrupted
from dp_common.lab import runner
from tests.accelerator import Accelerator

DP = "strategy=dp scale=60 train.seen=640 train.batch=64 sampler.steps=5 dp.schedule=even dp.interval=64".split()
DP += ["data.limit=200"]
SMALL = ["mixture.components=2", "population.images=100"]
HEAVY = [  # all that a recipe can ask of a learner
    *"precision=bf16 train.ema=0.9 train.mixup=0.5 train.cutmix=1 train.clip_grad=1 train.flip=yes".split(),
    *"train.randaugment=9 train.micro=64 train.batch=128 dp.interval=128 train.order=block readers=2".split(),
]
SD = "task=digits teacher=stable-diffusion stable_diffusion.dtype=bf16 sampler.steps=5 sampler.cfg_scale=2".split()
SD += "scale=20 sampler.block=10 dp.initial=10 dp.per_round=10 shard=20".split()


@pytest.fixture
def on(tmp_path, monkeypatch):
    """``on(kind, words)`` -> (summary, waits, guided steps) of a run on the CPU, or on a make-believe cuda or mps."""
    guided, gradient = [], GuidanceStep.gradient
    monkeypatch.setattr(GuidanceStep, "gradient", lambda *args: guided.append(1) or gradient(*args))

    def execute(kind, words, stops=()):
        words = list({word.partition("=")[0]: word for word in words}.values())  # the last of a key counts
        words += [f"device={kind}", f"root={tmp_path / kind}"]
        guided.clear()
        if kind == "cpu":
            return runner.execute(resolve(words), quiet=True), [], len(guided)
        with Accelerator(kind) as device:
            for stop in stops:
                with pytest.raises(Interrupted):
                    runner.execute(resolve(words), quiet=True, stop=AtYield(stop))
            return runner.execute(resolve(words), quiet=True), device.waits, len(guided)

    return execute


def check_waits(waits, guided, blocks):
    """None in an iteration of training, two in a guided step, one more in a block of images."""
    between = ("replay.py:in_training", "training_loop.py:__call__")  # checkpoints, and the loss when it is asked for
    training = [wait for wait in waits if wait.within("training_loop.py:train") and not wait.within(*between)]
    assert not training, training[:3]
    sampling = [wait for wait in waits if wait.within("ddim")]
    assert len(sampling) <= 2 * guided + blocks, sampling[:9]


# ---------------------------------------------------------------------- the device itself


def test_it_refuses_what_a_device_refuses():
    with Accelerator("cuda") as device:
        there, here = torch.ones(2, 2, device="cuda"), torch.ones(2, 2)
        assert there.device == torch.device("cuda:0") and (there * 2 + torch.tensor(1.0)).device == there.device
        with pytest.raises(RuntimeError, match="same device, cuda:0 and cpu"):
            there + here
        with pytest.raises(TypeError, match=r"use Tensor.cpu\(\) first"):
            there.numpy()
        with pytest.raises(TypeError, match="use Tensor.cpu"):
            np.asarray(there)
        assert not device.waits and torch.equal(there.cpu(), here)
    with Accelerator("mps"):
        with pytest.raises(TypeError, match="float64"):
            torch.ones(2, device="mps").double()
        with pytest.raises(TypeError, match="float64"):
            torch.from_numpy(np.ones(2)).to("mps")


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sum().item(),
        lambda x: bool((x > 0).all()),
        lambda x: int(x.sum()),
        lambda x: x.tolist(),
        lambda x: x.cpu(),
        lambda x: x.nonzero(),
        lambda x: x[x > 0],
        lambda x: x[torch.tensor([0, 1])],
        lambda x: torch.zeros(2, 2).copy_(x),
        lambda x: x.copy_(torch.zeros(2, 2)),
        lambda x: torch.zeros(2, 2).to(x.device),
        lambda x: torch.tensor([1, 2], device=x.device),
    ],
)
def test_it_notes_what_the_host_waits_for(call):
    with Accelerator("cuda") as device:
        x = torch.ones(2, 2).to("cuda", non_blocking=True)
        x.exp().sum(1).add_(1)
        assert not device.waits and device.copies == 1
        call(x)
    (wait,) = device.waits
    assert wait.within("<lambda>") and wait.calls[-1] == "tests/test_accelerator.py:<lambda>"


def test_gradients_pass_to_the_device_and_back():
    with Accelerator("cuda"):
        x = torch.arange(3.0, requires_grad=True)
        y = (x.to("cuda") ** 2).cpu().sum()
        y.backward()
        there = torch.ones(2, device="cuda", requires_grad=True)
        (there * 3).sum().backward()
        assert x.grad.tolist() == [0, 2, 4] and there.grad.device.type == "cuda" and there.grad.tolist() == [3, 3]
        assert torch.nn.functional.one_hot(torch.tensor([1]).to("cuda"), 3).tolist() == [[0, 1, 0]]


# ---------------------------------------------------------------------- whole runs


@pytest.mark.parametrize(
    "words, blocks",
    [
        pytest.param([*DP, *SMALL, "sampler.cfg_scale=2"], 4, id="dp"),
        pytest.param([*DP, *SMALL, *HEAVY, "dp.feedback=first", "probe=hardness"], 4, id="dp, all recipes"),
        pytest.param(
            [*DP, "population.images=100", "task=plane", "sampler.eta=1", "dp.through=decoder"], 4, id="plane"
        ),
        pytest.param(
            [*DP[1:5], *SMALL, "strategy=prune", "prune.interval=64", "prune.oversample=2", "prune.schedule=even"],
            8,
            id="prune",
        ),
        pytest.param([*DP, "teacher=unet", "sampler.steps=2", "dp.every=2", "sampler.cfg_scale=2"], 4, id="unet"),
    ],
)
def test_a_run_on_a_device_is_the_run_on_the_cpu_and_waits_for_nothing_in_training(on, words, blocks):
    expected, *_ = on("cpu", words)
    summary, waits, guided = on("cuda", words)
    assert (expected["device"], summary["device"]) == ("cpu", "make-believe")
    for key in ("accuracy", "monitor_accuracy", "store_digest", "images_generated", "gradients", "iterations"):
        assert summary[key] == expected[key], key
    assert guided or "strategy=prune" in words
    check_waits(waits, guided, blocks)


@pytest.fixture(scope="module")
def tiny_sd(tmp_path_factory):
    from tests.dp_common.teachers import tiny_stable_diffusion as tiny

    folder = tmp_path_factory.mktemp("sd")
    tiny.make_tiny_decoder(tiny.make(folder) / "tiny")
    return [*SD, f"stable_diffusion.weights={folder}", f"stable_diffusion.tiny_weights={folder}/tiny"]


@pytest.mark.parametrize(
    "decode, through", [("full", "denoiser"), ("reduced", "denoiser"), ("tiny", "decoder"), ("full", "decoder")]
)
def test_stable_diffusion_on_a_device(on, tiny_sd, decode, through):
    words = [*DP, *tiny_sd, f"stable_diffusion.guide_decode={decode}", f"dp.through={through}"]
    expected, *_ = on("cpu", words)
    summary, waits, guided = on("cuda", words)
    assert summary["store_digest"] == expected["store_digest"] and guided >= 1
    check_waits(waits, guided, 2)


def test_a_run_on_a_device_is_interrupted_and_goes_on(on):
    words = [*DP, *SMALL, *HEAVY, "checkpoint_every=0"]
    whole, *_ = on("cpu", words)
    parts, waits, guided = on("cuda", words, stops=(2, 4))
    assert (parts["store_digest"], parts["accuracy"]) == (whole["store_digest"], whole["accuracy"])
    assert parts["attempts"] == 3
    check_waits(waits, guided, 8)


def test_a_mac_needs_no_float64(on):
    words = [*DP, *SMALL, "probe=truth", "train.clip_grad=1", "train.ema=0.9", "train.mixup=0.5"]
    assert on("mps", words)[0]["device"].startswith("mps")


def test_the_training_of_a_teacher_waits_for_nothing(tmp_path):
    from dp_common.teacher_training.settings import Training
    from dp_common.teacher_training.trainer import Trainer

    settings = Training(batch=4, steps=9, channels="8,16", attention="", clip_grad=1.0)
    images, labels = np.zeros((4, 1, 8, 8), np.uint8), np.arange(4)
    losses = []
    for device in (torch.device("cpu"), None):
        with Accelerator("cuda") as place:
            trainer = Trainer(settings, (1, 8, 8), 10, device or place.device)
            place.waits.clear()
            losses.append([trainer.step(images, labels) for _ in range(3)])
            waits = list(place.waits)
            losses[-1] = [float(loss) for loss in losses[-1]]
    assert losses[0] == losses[1] and not waits
