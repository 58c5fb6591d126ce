"""Class-conditional pixel diffusion: diffusers' UNet2DModel with one more class, "no class", for classifier-free guidance.

Its weights are one self-describing .safetensors file, made by ``python -m benchmarks.train_teacher``:

    weights.*          EMA weights, fp32 or bf16
    training_images    uint8 [n, 8]: a hash of the pixels of each image it was trained on
    metadata teacher   JSON: format, task, classes, shape, architecture (arguments of UNet2DModel), prediction, schedule, data, settings, ...

A network that predicts v (Salimans & Ho 2022) is read as ε = √ᾱ v + √(1−ᾱ) x_t.
"""

import hashlib
import json
import sys
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import numpy as np

from dp_common.config.options import option
from dp_common.contracts import TeacherDefaults
from dp_common.errors import BadInput

PACKAGED = Path(__file__).parent / "weights"
FORMAT = 1


@dataclass
class UNet(TeacherDefaults):
    """Pixel diffusion trained on the task's real training images (benchmarks.train_teacher)"""

    weights: str = option("", "its .safetensors file; empty: the one packaged for the task", place=True)
    dtype: str = option("fp32", "arithmetic of the network", choices=("fp32", "bf16", "fp16"))

    def prepare(self, task, device):
        path = self._path(task)
        if not path.is_file():
            raise BadInput(
                "unet.weights",
                self.weights or None,
                f"no such file: {path}; `python -m benchmarks.train_teacher task={name_of(task)}` makes one",
            )
        about, tensors = read(path)
        for what, theirs, ours in (
            ("classes", about["classes"], list(task.classes)),
            ("shape", about["shape"], list(task.shape)),
        ):
            if theirs != ours:
                raise BadInput(
                    "unet.weights",
                    path,
                    f"trained for other {what} (task={about['task']}): {brief(theirs)}; this task has {brief(ours)}",
                )
        refuse_overlap(path, about, tensors["training_images"].numpy(), task)
        net = build(about["architecture"])
        net.load_state_dict(
            {key.removeprefix("weights."): value for key, value in tensors.items() if key.startswith("weights.")}
        )
        self._adopt(net, about, device)

    def _adopt(self, net, about, device):
        """Use this network; the trainer samples through here too."""
        import torch

        from dp_common.diffusion.schedule import alphas_cumprod

        self._dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.dtype]
        self._net = (
            torch.nn.Module.to(net, device, self._dtype).eval().requires_grad_(False)
        )  # diffusers' own .to warns of every dtype
        self._predicts_v = about["prediction"] == "v"
        self.latent_shape, self.null_label = tuple(about["shape"]), len(about["classes"])
        self.alphas_cumprod, self.final_alpha = alphas_cumprod(about["schedule"]), 1.0
        self.grad_scale = 1024.0 if self.dtype == "fp16" else 1.0

    def denoise(self, x, t, labels):
        out = self._net(x.to(self._dtype), t, class_labels=labels).sample.float()
        if not self._predicts_v:
            return out
        alpha = float(self.alphas_cumprod[t])
        return sqrt(alpha) * out + sqrt(1 - alpha) * x.float()

    def decode(self, x0):
        return x0

    def fingerprint(self, task):
        """Of the weights file; "" where there is none (``prepare`` refuses that)."""
        path = self._path(task)
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""

    def _path(self, task):
        return Path(self.weights) if self.weights else PACKAGED / f"{name_of(task)}.safetensors"


def name_of(task):
    """The registry's name of a task: that of its file."""
    return Path(sys.modules[type(task).__module__].__file__).stem.replace("_", "-")


def brief(values):
    text = ", ".join(map(str, values))
    return text if len(text) <= 60 else f"{len(values)}, {text[:40]} ..."


def architecture(shape, classes, channels, layers_per_block, attention, dropout):
    """Arguments of UNet2DModel, one resolution per entry of ``channels``; ``attention``: levels with self-attention, 0 the finest.

    Raises BadInput where images or channels cannot be halved and grouped so.
    """
    levels, factor = len(channels), 2 ** (len(channels) - 1)
    if shape[1] % factor or shape[2] % factor:
        raise BadInput(
            "channels",
            ",".join(map(str, channels)),
            f"{levels} levels halve {shape[1]}x{shape[2]} images {levels - 1} time(s): "
            f"height and width must be multiples of {factor}",
        )
    groups, head = min(32, max(1, channels[0] // 4)), min(32, channels[0])
    for width in channels:
        if width % groups or width % head:
            raise BadInput(
                "channels",
                ",".join(map(str, channels)),
                f"each a multiple of {head} (attention heads) and {groups} (normalisation groups)",
            )
    for level in attention:
        if not 0 <= level < levels:
            raise BadInput("attention", ",".join(map(str, attention)), f"levels from 0 to {levels - 1}")
    kind = lambda name: [("Attn" if level in attention else "") + name for level in range(levels)]
    return {
        "sample_size": list(shape[1:]),
        "in_channels": shape[0],
        "out_channels": shape[0],
        "num_class_embeds": classes + 1,
        "block_out_channels": list(channels),
        "layers_per_block": layers_per_block,
        "dropout": dropout,
        "norm_num_groups": groups,
        "attention_head_dim": head,
        "down_block_types": kind("DownBlock2D"),
        "up_block_types": kind("UpBlock2D")[::-1],
    }


def build(architecture):
    from diffusers.models.unets.unet_2d import UNet2DModel

    lists = {key: tuple(value) for key, value in architecture.items() if isinstance(value, list)}
    return UNet2DModel(**architecture | lists)


def write(path, about, tensors):
    """One self-describing file, whole or not there."""
    from safetensors.torch import save

    from dp_common.files import write_atomic

    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    write_atomic(path, save(tensors, {"teacher": json.dumps({"format": FORMAT} | about)}))


def read(path):
    """(about, tensors) of a file of this kind. Raises BadInput."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("teacher", "{}"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError) as error:
        raise BadInput("unet.weights", path, f"not a whole .safetensors file: {error}") from None
    if about.get("format") != FORMAT:
        raise BadInput("unet.weights", path, "not made by this version's `python -m benchmarks.train_teacher`")
    return about, tensors


def image_hashes(images):
    """uint8 [n, C, H, W] -> uint8 [n, 8]."""
    marks = [hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=8).digest() for image in images]
    return np.frombuffer(b"".join(marks), np.uint8).reshape(-1, 8)


def held_out_hashes(task, chunk=1024):
    """Hashes, as bytes, of the images of monitor and test: a list, with repetitions."""
    return [
        mark.tobytes()
        for split in (task.monitor, task.test)
        for start in range(0, len(split), chunk)
        for mark in image_hashes(split.read(np.arange(start, min(start + chunk, len(split)))))
    ]


def refuse_overlap(path, about, hashes, task):
    """BadInput if it was trained on images that this run holds out.

    Images that the real data itself holds twice, in training and in monitor or test, are no fault of the split: the file
    leaves out their hashes (and its card tells their number), so that on its own split there is nothing to find.
    """
    trained = {mark.tobytes() for mark in hashes}
    seen = sum(mark in trained for mark in held_out_hashes(task))
    if seen:
        raise BadInput(
            "unet.weights",
            path,
            f"trained on {seen} of the images this run holds out as monitor and test; it is for "
            f"data.split={about['settings']['data.split']}, this run has data.split={task.data.split}; `python -m benchmarks.train_teacher "
            f"task={name_of(task)} data.split={task.data.split}` makes one for this split",
        )
