"""Training of the unet teacher: batches, noise and weights are pure functions of (settings, step), so that it resumes to the bit."""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dp_common.config.options import option
from dp_common.errors import BadInput, Interrupted, Problem
from dp_common.files import write_atomic
from dp_common.progress import duration_text
from dp_common.seeds import derive, uniforms
from dp_common.teachers.unet import architecture, build, held_out_hashes, image_hashes
from dp_common.training_data.loading import stream


@dataclass
class Training:
    """What decides the weights. The defaults are those for images of up to 16 pixels; ``SIZES`` has those for larger ones."""

    steps: int = option(4000, "iterations", low=1)
    batch: int = option(64, "images per iteration", low=1)
    lr: float = option(1e-3, "peak learning rate of Adam; linear warm-up, then a cosine to 0", above=0)
    warmup: int = option(200, "iterations of warm-up", low=0)
    clip_grad: float = option(1.0, "gradient norm limit, 0 for none", low=0)
    ema: float = option(
        0.999,
        "decay of the averaged weights, which are the ones kept; lower in the first iterations",
        low=0,
        high=0.99999,
    )
    label_dropout: float = option(
        0.1, "share of training images shown without their class, for classifier-free guidance", low=0, high=1
    )
    channels: str = option("32,64", "width at each resolution, the finest first")
    layers_per_block: int = option(1, "residual blocks at each resolution", low=1)
    attention: str = option("1", "resolutions with self-attention, 0 the finest; empty: none but the middle")
    dropout: float = option(0.0, "dropout in the residual blocks", low=0, high=0.9)
    prediction: str = option(
        "v", "what the network predicts: the noise, or v = √ᾱ ε − √(1−ᾱ) x0", choices=("epsilon", "v")
    )
    schedule: str = option("sd", "noise schedule", choices=("sd", "linear", "cosine"))
    precision: str = option(
        "fp32", "arithmetic of training (bf16: autocast); the weights are fp32", choices=("fp32", "bf16")
    )
    flip: bool = option(False, "mirror every other image by lot")
    seed: int = option(0, "decides initial weights, batches and noise", low=0)
    threads: int = option(1, "CPU threads; more round differently", low=1, high=1024)


SIZES = (  # (up to so many pixels, its defaults); at 32 after the CIFAR-10 model of Ho et al. 2020. Untuned beyond 16 pixels
    (16, {}),
    (
        32,
        {
            "steps": 100_000,
            "batch": 128,
            "lr": 2e-4,
            "warmup": 5_000,
            "ema": 0.9999,
            "channels": "128,256,256,256",
            "layers_per_block": 2,
            "dropout": 0.1,
            "precision": "bf16",
        },
    ),
    (
        10**9,
        {
            "steps": 300_000,
            "batch": 256,
            "lr": 1e-4,
            "warmup": 5_000,
            "ema": 0.9999,
            "channels": "128,256,384,512",
            "layers_per_block": 2,
            "attention": "2,3",
            "dropout": 0.1,
            "precision": "bf16",
        },
    ),
)


def defaults_for(shape):
    """Those of ``SIZES``, with as many levels as the images can be halved to: 28x28 has three."""
    values = next(dict(values) for size, values in SIZES if max(shape[1:]) <= size)
    channels = values.get("channels", Training.channels).split(",")
    while len(channels) > 1 and any(side % 2 ** (len(channels) - 1) for side in shape[1:]):
        channels = channels[:-1]
    values["channels"] = ",".join(channels)
    return values | {
        "attention": ",".join(
            level for level in values.get("attention", Training.attention).split(",") if int(level) < len(channels)
        )
    }


def whole_numbers(key, text):
    """ "32,64" -> [32, 64]"""
    try:
        return [int(word) for word in text.split(",")] if text else []
    except ValueError:
        raise BadInput(key, text, "whole numbers with commas between, such as 32,64") from None


class Source:
    """Real training images: in memory if they fit into ``memory`` bytes, else read ahead by ``workers`` forked processes.

    ``hashes`` uint8 [n, 8]: of its images, without the ``twins`` whose pixels are also those of a monitor or test image.
    """

    def __init__(self, task, memory, workers, stop, chunk=1024):
        self.split, self.workers, self.labels, self.images = task.train, workers, np.asarray(task.train.labels), None
        n = len(self.labels)
        whole = np.empty((n, *task.shape), np.uint8) if n * math.prod(task.shape) <= memory else None
        held_out, hashes = set(held_out_hashes(task)), []
        chunks = [np.arange(start, min(start + chunk, n)) for start in range(0, n, chunk)]
        for rows, images in zip(chunks, self.batches(chunks.__getitem__, range(len(chunks)))):
            if stop():
                raise Interrupted("stopped while the training images were read; the same command starts again")
            if whole is not None:
                whole[rows] = images
            marks = image_hashes(images)
            hashes.append(marks[[mark.tobytes() not in held_out for mark in marks]])
        self.images, self.hashes = whole, np.concatenate(hashes)
        self.twins = n - len(self.hashes)

    def batches(self, rows_of, numbers):
        """uint8 images [n, C, H, W] of the rows ``rows_of(number)``, number by number."""
        if self.images is not None:
            return (self.images[rows_of(number)] for number in numbers)
        return stream(_Batches(self.split, rows_of), numbers, self.workers)


class _Batches:
    def __init__(self, split, rows_of):
        self.split, self.rows_of = split, rows_of

    def __getitem__(self, number):
        return self.split.read(self.rows_of(number))


class Trainer:
    """The network in training with its optimiser and averaged weights, after ``done`` steps.

    ``identity`` {key: value}: what a checkpoint must agree on.
    """

    def __init__(self, settings, shape, classes, device, identity=None):
        import torch
        from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

        from dp_common.diffusion.schedule import alphas_cumprod

        s = self.settings = settings
        self.identity, self.null, self.device, self.done, self.seconds = identity or {}, classes, device, 0, 0.0
        self.architecture = architecture(
            shape,
            classes,
            whole_numbers("channels", s.channels),
            s.layers_per_block,
            whole_numbers("attention", s.attention),
            s.dropout,
        )
        torch.manual_seed(derive(s.seed, "teacher weights"))
        self.net = build(self.architecture).to(device).train()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.0, fused=True)
        self.average = AveragedModel(
            self.net,
            multi_avg_fn=lambda averaged, current, n: get_ema_multi_avg_fn(min(s.ema, (1 + int(n)) / (10 + int(n))))(
                averaged, current, n
            ),
        )
        self.bar = torch.tensor(alphas_cumprod(s.schedule), dtype=torch.float32, device=device)

    def rows(self, step, n):
        """Which training images step ``step`` sees."""
        batch = self.settings.batch
        return (uniforms(self.settings.seed, "teacher batch", np.arange(step * batch, (step + 1) * batch)) * n).astype(
            np.int64
        )

    def lr(self, step):
        s = self.settings
        if step < s.warmup:
            return s.lr * (step + 1) / s.warmup
        return s.lr * (1 + math.cos(math.pi * (step - s.warmup) / max(s.steps - s.warmup, 1))) / 2

    def step(self, images, labels):
        """One iteration on uint8 images and their labels; returns its loss as a tensor."""
        import torch

        s = self.settings
        torch.manual_seed(derive(s.seed, "teacher step", self.done))
        images = torch.from_numpy(images).to(self.device).float() / 127.5 - 1
        labels = torch.from_numpy(labels).to(self.device)
        uniform = torch.rand(2, len(labels), device=self.device)
        labels = torch.where(uniform[0] < s.label_dropout, self.null, labels)
        if s.flip:
            images = torch.where((uniform[1] < 0.5).view(-1, 1, 1, 1), images.flip(3), images)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr(self.done)
        loss = self.loss(self.net, images, labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if s.clip_grad:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), s.clip_grad)
        self.optimizer.step()
        self.average.update_parameters(self.net)
        self.done += 1
        return loss.detach()

    def loss(self, net, images, labels):
        """Mean squared error at uniformly drawn timesteps; draws from the global generator."""
        import torch

        t = torch.randint(len(self.bar), (len(images),), device=self.device)
        noise = torch.randn_like(images)
        signal, spread = self.bar[t].sqrt().view(-1, 1, 1, 1), (1 - self.bar[t]).sqrt().view(-1, 1, 1, 1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"):
            found = net(signal * images + spread * noise, t, class_labels=labels).sample
        wanted = noise if self.settings.prediction == "epsilon" else signal * noise - spread * images
        return torch.nn.functional.mse_loss(found.float(), wanted)

    def train(self, source, stop, every, checkpoint, say, sample_every=0, sample=lambda: None):
        """To the last step. ``checkpoint`` (a path) is written every ``every`` seconds, at a stop (then raises Interrupted) and at the end."""
        started = saved = time.monotonic()
        first, before, losses, steps = self.done, self.seconds, [], self.settings.steps

        def finite(loss):
            if not math.isfinite(loss):
                raise Problem(f"the training loss became {loss} by step {self.done}; lower lr or set clip_grad")
            return loss

        def keep():
            finite(float(loss))
            self.seconds = before + time.monotonic() - started
            self.save(checkpoint)

        rows_of = lambda step: self.rows(step, len(source.labels))
        images = source.batches(rows_of, range(first, steps))
        while self.done < steps:
            loss = self.step(next(images), source.labels[rows_of(self.done)])
            losses.append(loss)
            if self.done % max(steps // 20, 1) == 0 or self.done == steps:
                mean = finite(float(sum(losses)) / len(losses))
                rate = (self.done - first) / (time.monotonic() - started)
                say(
                    f"step {self.done:,} of {steps:,}   loss {mean:.4f}   {rate:.1f} steps/s, about {duration_text((steps - self.done) / rate)} to go"
                )
                losses = []
            if sample_every and self.done % sample_every == 0 and self.done < steps:
                sample()
            if stop() and self.done < steps:
                keep()
                raise Interrupted(f"stopped after step {self.done:,} of {steps:,}; the same command goes on from there")
            if time.monotonic() - saved >= every:
                keep()
                saved = time.monotonic()
        if first < steps:
            keep()

    def save(self, path):
        from safetensors.torch import save

        tensors = {f"net.{key}": value for key, value in self.net.state_dict().items()}
        tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        for number, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{key}": value for key, value in slots.items()}
        metadata = {"step": str(self.done), "seconds": str(self.seconds), "identity": json.dumps(self.identity)}
        write_atomic(path, save({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, metadata))

    def load(self, path):
        """Go on from a checkpoint. Raises BadInput if it is of other settings."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                told, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}
        except (SafetensorError, OSError) as error:
            raise Problem(f"{path}: not a whole checkpoint ({error}); delete it to start from the first step") from None
        refuse_difference(path, json.loads(told["identity"]), self.identity)
        part = lambda name: {key.removeprefix(name): value for key, value in tensors.items() if key.startswith(name)}
        self.net.load_state_dict(part("net."))
        self.average.load_state_dict(part("average."))
        slots = {}
        for key, value in part("optimizer.").items():
            number, _, name = key.partition(".")
            slots.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": slots})
        self.done, self.seconds = int(told["step"]), float(told["seconds"])


def refuse_difference(path, theirs, ours):
    """BadInput naming the first key in which what lies at ``path`` was made otherwise."""
    for key, value in ours.items():
        if theirs.get(key) != value:
            raise BadInput(
                key,
                value,
                f"{Path(path)} was made with {key}={theirs.get(key)}; give that value, another out=, or remove the file",
            )
