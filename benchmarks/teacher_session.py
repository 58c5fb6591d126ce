"""One attempt at training a teacher: from images to weights, card and grid of samples."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dp_common import device as devices
from dp_common import files
from dp_common.persistence import provenance
from dp_common.teacher_training import card as cards
from dp_common.teacher_training import quality
from dp_common.teacher_training.source import Source
from dp_common.teacher_training.trainer import Trainer, refuse_difference
from dp_common.teachers import unet

if TYPE_CHECKING:
    from benchmarks.train_teacher import Options, Plan

PACKAGES = ("torch", "diffusers", "numpy", "scikit-learn")


def finished_card(out: Path, identity: dict[str, Any]) -> str:
    """The card of weights that are there. Raises BadInput where they are not what was asked for."""
    about, _ = unet.read(out)
    theirs = {"task": about["task"], "data fingerprint": about["data"]["fingerprint"], **about["settings"]}
    refuse_difference(out, theirs, identity)
    out.with_suffix(".checkpoint").unlink(missing_ok=True)  # of an end that was cut short
    return cards.card(about, out)


class TeacherSession:
    """The trainer with its images, and what is made of its weights.

    Args:
        plan: what is trained on what; the task is loaded.
        options: how.
        shown: settings that the file and its card bear.
        identity: what a checkpoint must have been made with to be gone on from.
        device: torch.device.
        stop: says whether to commit and end.
        say: shows a line of progress.
    """

    def __init__(
        self,
        plan: "Plan",
        options: "Options",
        shown: dict[str, Any],
        identity: dict[str, Any],
        device: Any,
        stop: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        if options.distance != "none":
            quality.need_torchmetrics()
        self.plan, self.options, self.device, self.stop, self.say = plan, options, device, stop, say
        self.identity = identity
        self.trainer = Trainer(plan.training, plan.task.shape, len(plan.task.classes), device, identity)
        self.source = Source(plan.task, options.memory * 2**30, options.workers, stop)
        self.about: dict[str, Any] = {
            "task": plan.name,
            "classes": list(plan.task.classes),
            "shape": list(plan.task.shape),
            "architecture": self.trainer.architecture,
            "prediction": plan.training.prediction,
            "schedule": plan.training.schedule,
            "settings": shown,
        }

    def run(self, command: str) -> str:
        """Train to the end, judge and write; returns the card. ``command``: what the card says made it."""
        out, trainer, options = self.plan.out, self.trainer, self.options
        checkpoint = out.with_suffix(".checkpoint")
        out.parent.mkdir(parents=True, exist_ok=True)
        if checkpoint.is_file():
            trainer.load(checkpoint)
            self.say(f"going on after step {trainer.done:,} of {self.plan.training.steps:,}")
        images = f"{len(self.source.labels):,} real training images"
        self.say(f"{self.parameters():,} parameters, {images}, {self.device}")
        every = options.checkpoint_every, checkpoint, self.say, options.sample_every, self.write_grid
        trainer.train(self.source, self.stop, *every)
        self.write_grid()
        self.about |= self.made_with(command, self.judge())
        text = cards.card(self.about, out)
        files.write_atomic(out.with_suffix(".md"), text.encode())
        kept = {f"weights.{key}": value for key, value in self.weights().items()}
        unet.write(out, self.about, kept | {"training_images": torch.from_numpy(self.source.hashes.copy())})
        checkpoint.unlink(missing_ok=True)
        self.say(f"use it with: teacher=unet unet.weights={out}")
        return text

    def parameters(self) -> int:
        """Parameters of the network."""
        return sum(p.numel() for p in self.trainer.net.parameters())

    def weights(self) -> dict[str, torch.Tensor]:
        """The averaged weights, as they are saved."""
        state = self.trainer.average.module.state_dict()
        return {key: value.to(torch.bfloat16) if self.options.save == "bf16" else value for key, value in state.items()}

    def teacher(self) -> unet.UNet:
        """The teacher as it would be read back."""
        teacher, net = unet.UNet(), unet.build(self.trainer.architecture)
        net.load_state_dict(self.weights())
        teacher.adopt(net, self.about, self.device)
        return teacher

    def write_grid(self) -> None:
        """Samples of the teacher as it is, as a picture."""
        columns, seed = min(len(self.plan.task.classes), 10), self.plan.training.seed
        images, _ = quality.samples(self.teacher(), cards.GRID * columns, columns, self.device, seed)
        files.write_atomic(self.plan.out.with_suffix(".png"), cards.grid_png(images, columns))

    def judge(self) -> dict[str, Any]:
        """What the card says of its quality, by the means asked for."""
        options, task, device = self.options, self.plan.task, self.device
        found: dict[str, Any] = {}
        if options.quality == "classifier":
            self.say(f"training a classifier on the same real images, to judge {options.samples:,} samples")
            found |= quality.quality(
                self.teacher(), self.trainer, task, self.source, options.samples, device, self.stop
            )
        if options.distance == "inception":
            self.say(f"FID and KID of {options.samples:,} samples")
            pair = quality.beside_real(
                self.teacher(), task, options.samples, device, self.plan.training.seed, self.stop
            )
            found |= quality.distances(*pair, device)
        return found

    def made_with(self, command: str, judged: dict[str, Any]) -> dict[str, Any]:
        """What else the file and its card say: how and of what it was made."""
        source = self.source
        packages = [*PACKAGES, *(["torchmetrics"] if self.options.distance != "none" else [])]
        label, threads = devices.label(self.device), self.plan.training.threads
        return {
            "parameters": self.parameters(),
            "quality": judged,
            "seconds": round(self.trainer.seconds, 1),
            "command": command,
            "versions": {package: provenance.installed(package) for package in packages},
            "device": f"{label} ({provenance.cpu_model()}, {threads} thread(s))",
            "data": {
                "fingerprint": self.identity["data fingerprint"],
                "images": len(source.labels),
                "hashes": len(source.hashes),
                "hash_digest": files.digest(source.hashes.tobytes()),
                "twins": source.twins,
            },
        }
