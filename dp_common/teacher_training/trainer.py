"""Training of the unet teacher.

Batches, noise and weights are pure functions of (settings, step), so that it resumes to the bit.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dp_common import device as devices
from dp_common.errors import BadInput, Interrupted, Problem
from dp_common.files import write_atomic
from dp_common.progress import duration_text
from dp_common.seeds import derive, uniforms
from dp_common.teacher_training.settings import Training, whole_numbers
from dp_common.teacher_training.source import Source
from dp_common.teachers.unet import architecture, build

if TYPE_CHECKING:
    import torch


class Trainer:
    """The network in training with its optimiser and averaged weights, after ``done`` steps that took ``seconds``.

    Args:
        settings: what decides the weights.
        shape: (channels, height, width) of the images.
        classes: how many; one more label means "no class".
        device: where it trains.
        identity: {key: value} that a checkpoint must agree on.

    Raises:
        BadInput: images or channels cannot be halved and grouped as the settings say.
    """

    def __init__(
        self,
        settings: Training,
        shape: tuple[int, int, int],
        classes: int,
        device: "torch.device",
        identity: Mapping[str, Any] | None = None,
    ) -> None:
        import torch
        from torch.optim.swa_utils import get_ema_multi_avg_fn

        from dp_common.diffusion.schedule import alphas_cumprod
        from dp_common.learner.averaging import Average

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

        def averaged(average: Any, current: Any, n: None) -> None:
            get_ema_multi_avg_fn(min(s.ema, (1 + self.done) / (10 + self.done)))(average, current, n)

        self.average = Average(self.net, averaged)
        self.bar = torch.tensor(alphas_cumprod(s.schedule), dtype=torch.float32, device=device)

    def rows(self, step: int, n: int) -> np.ndarray:
        """Which of ``n`` training images step ``step`` sees: [batch] int64."""
        positions = np.arange(step * self.settings.batch, (step + 1) * self.settings.batch)
        return (uniforms(self.settings.seed, "teacher batch", positions) * n).astype(np.int64)

    def lr(self, step: int) -> float:
        """The learning rate of a step: linear warm-up, then a cosine to 0."""
        s = self.settings
        if step < s.warmup:
            return s.lr * (step + 1) / s.warmup
        return s.lr * (1 + math.cos(math.pi * (step - s.warmup) / max(s.steps - s.warmup, 1))) / 2

    def step(self, images: "np.ndarray | torch.Tensor", labels: "np.ndarray | torch.Tensor") -> "torch.Tensor":
        """One iteration on uint8 images [batch, C, H, W] and labels [batch] int64; returns its loss, a scalar on the
        device. Nothing here waits for the device.
        """
        import torch

        s = self.settings
        devices.seed(self.device, derive(s.seed, "teacher step", self.done))
        x = devices.send(torch.as_tensor(images), self.device).float() / 127.5 - 1
        y = devices.send(torch.as_tensor(labels), self.device)
        uniform = torch.rand(2, len(labels), device=self.device)
        y = torch.where(uniform[0] < s.label_dropout, self.null, y)
        if s.flip:
            x = torch.where((uniform[1] < 0.5).view(-1, 1, 1, 1), x.flip(3), x)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr(self.done)
        loss = self.loss(self.net, x, y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if s.clip_grad:
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), s.clip_grad)
        self.optimizer.step()
        self.average.update_parameters(self.net)
        self.done += 1
        return loss.detach()

    def loss(self, net: "torch.nn.Module", images: "torch.Tensor", labels: "torch.Tensor") -> "torch.Tensor":
        """Mean squared error at uniformly drawn timesteps, a scalar; draws from the global generator.

        Args:
            net: this network, or its average.
            images: [B, C, H, W] in [-1, 1].
            labels: [B] int64, the number of classes for "no class".
        """
        import torch

        t = torch.randint(len(self.bar), (len(images),), device=self.device)
        noise = torch.randn_like(images)
        signal, spread = self.bar[t].sqrt().view(-1, 1, 1, 1), (1 - self.bar[t]).sqrt().view(-1, 1, 1, 1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"):
            output = net(signal * images + spread * noise, t, class_labels=labels).sample
        wanted = noise if self.settings.prediction == "epsilon" else signal * noise - spread * images
        return torch.nn.functional.mse_loss(output.float(), wanted)

    def train(
        self,
        source: Source,
        stop: Callable[[], bool],
        every: float,
        checkpoint: Path,
        say: Callable[[str], object],
        sample_every: int = 0,
        sample: Callable[[], object] = lambda: None,
    ) -> None:
        """Train to the last step.

        Args:
            source: the images.
            stop: asked after each step whether to break off.
            every: seconds between checkpoints; one is written at a stop and at the end, too.
            checkpoint: its file.
            say: shows a line of progress, about twenty times.
            sample_every: steps between calls of ``sample``; 0: none.
            sample: draws what it makes by now.

        Raises:
            Interrupted: it was asked to stop.
            Problem: the loss is not finite any more.
        """
        started = saved = time.monotonic()
        first, before, steps = self.done, self.seconds, self.settings.steps
        losses: list[Any] = []

        def keep() -> None:
            self._finite(float(loss))
            self.seconds = before + time.monotonic() - started
            self.save(checkpoint)

        batches = self.batches(source)
        while self.done < steps:
            loss = self.step(*next(batches))
            losses.append(loss)
            if self.done % max(steps // 20, 1) == 0 or self.done == steps:
                mean = self._finite(float(sum(losses)) / len(losses))
                rate = (self.done - first) / (time.monotonic() - started)
                left = duration_text((steps - self.done) / rate)
                say(f"step {self.done:,} of {steps:,}   loss {mean:.4f}   {rate:.1f} steps/s, about {left} to go")
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

    def batches(self, source: Source) -> "Iterator[tuple[torch.Tensor | np.ndarray, torch.Tensor | np.ndarray]]":
        """Images and labels of each step that is left: cut out on the device where it holds the images."""
        import torch

        def rows_of(step: int) -> np.ndarray:
            return self.rows(step, len(source.labels))

        left = range(self.done, self.settings.steps)
        if source.images is None:
            yield from zip(source.batches(rows_of, left), (source.labels[rows_of(step)] for step in left))
            return
        images, labels = (torch.from_numpy(array).to(self.device) for array in (source.images, source.labels))
        for step in left:
            rows = devices.send(torch.from_numpy(rows_of(step)), self.device)
            yield images[rows], labels[rows]

    def _finite(self, loss: float) -> float:
        if not math.isfinite(loss):
            raise Problem(f"the training loss became {loss} by step {self.done}; lower lr or set clip_grad")
        return loss

    def save(self, path: Path) -> None:
        """Write all that it goes on from: weights, averaged weights, optimiser, step, and what it must agree on."""
        from safetensors.torch import save

        tensors = {f"net.{key}": value for key, value in self.net.state_dict().items()}
        tensors |= {f"average.{key}": value for key, value in self.average.state_dict().items()}
        for number, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{key}": value for key, value in slots.items()}
        metadata = {"step": str(self.done), "seconds": str(self.seconds), "identity": json.dumps(self.identity)}
        write_atomic(path, save({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, metadata))

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            BadInput: it is of other settings.
            Problem: it is not whole.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}
        except (SafetensorError, OSError) as error:
            raise Problem(f"{path}: not a whole checkpoint ({error}); delete it to start from the first step") from None
        refuse_difference(path, json.loads(metadata["identity"]), self.identity)

        def part(name: str) -> dict[str, Any]:
            return {key.removeprefix(name): value for key, value in tensors.items() if key.startswith(name)}

        self.net.load_state_dict(part("net."))
        self.average.load_state_dict(part("average."))
        slots: dict[int, dict[str, Any]] = {}
        for key, value in part("optimizer.").items():
            number, _, name = key.partition(".")
            slots.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": slots})
        self.done, self.seconds = int(metadata["step"]), float(metadata["seconds"])


def refuse_difference(path: str | Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raise BadInput naming the first key in which what lies at ``path`` was made otherwise than ``ours``."""
    for key, value in ours.items():
        if theirs.get(key) != value:
            made = f"{Path(path)} was made with {key}={theirs.get(key)}"
            raise BadInput(key, value, f"{made}; give that value, another out=, or remove the file")
