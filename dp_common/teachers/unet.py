"""Class-conditional pixel diffusion: diffusers' UNet2DModel with one more class, "no class", for CFG.

Its weights are one self-describing .safetensors file, made by ``python -m benchmarks.train_teacher``:

    weights.*          EMA weights, fp32 or bf16
    training_images    uint8 [n, 8]: a hash of the pixels of each image it was trained on
    metadata teacher   JSON: format, task, classes, shape, architecture (arguments of UNet2DModel), prediction,
                       schedule, data, settings, ...

A network that predicts v (Salimans & Ho 2022) is read as ε = √ᾱ v + √(1−ᾱ) x_t.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dp_common.config.options import option
from dp_common.contracts import Task, TeacherDefaults
from dp_common.errors import BadInput
from dp_common.files import write_atomic

if TYPE_CHECKING:
    import torch

PACKAGED = Path(__file__).parent / "weights"
FORMAT = 1


@dataclass
class UNet(TeacherDefaults):
    """Pixel diffusion trained on the task's real training images (benchmarks.train_teacher)"""

    weights: str = option("", "its .safetensors file; empty: the one packaged for the task", place=True)
    dtype: str = option("fp32", "arithmetic of the network", choices=("fp32", "bf16", "fp16"))

    @property
    def licence(self) -> str:
        """Weights that come with this package have its licence."""
        return "" if self.weights else "MIT"

    def prepare(self, task: Task, device: "torch.device | str") -> None:
        """Load its weights.

        Raises:
            BadInput: there is no such file, it is for other classes or shapes, or was trained on what this run holds
                out.
        """
        self.require_files(task)
        path = self.path_of(task)
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
        self.adopt(net, about, device)

    def require_files(self, task: Task) -> None:
        """Raise BadInput where its weights are not there."""
        path = self.path_of(task)
        if not path.is_file():
            raise BadInput(
                "unet.weights",
                self.weights or None,
                f"no such file: {path}; `python -m benchmarks.train_teacher task={name_of(task)}` makes one",
            )

    def adopt(self, net: "torch.nn.Module", about: Mapping[str, Any], device: "torch.device | str") -> None:
        """Use this network, as what its file says of itself says; a trainer samples through here too."""
        import torch

        from dp_common.diffusion.schedule import alphas_cumprod

        self._dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.dtype]
        moved = torch.nn.Module.to(net, device, self._dtype)  # diffusers' own .to warns of every dtype
        self._net = moved.eval().requires_grad_(False)
        self._predicts_v = about["prediction"] == "v"
        self.latent_shape, self.null_label = tuple(about["shape"]), len(about["classes"])
        self.alphas_cumprod, self.final_alpha = alphas_cumprod(about["schedule"]), 1.0
        self.grad_scale = 1024.0 if self.dtype == "fp16" else 1.0

    def denoise(self, x: "torch.Tensor", t: int, labels: "torch.Tensor") -> "torch.Tensor":
        """ε [B, *shape] fp32 of x_t and labels [B]."""
        import torch

        steps = torch.full((len(x),), t, device=x.device)  # a number would be copied there, and waited for
        out = self._net(x.to(self._dtype), steps, class_labels=labels).sample.float()
        if not self._predicts_v:
            return out
        alpha = float(self.alphas_cumprod[t])
        return sqrt(alpha) * out + sqrt(1 - alpha) * x.float()

    def decode(self, x0: "torch.Tensor") -> "torch.Tensor":
        """The images themselves: its latents are pixels."""
        return x0

    def encode(self, images: "torch.Tensor") -> "torch.Tensor":
        """The images themselves."""
        return images

    def fingerprint(self, task: Task) -> str:
        """Of the weights file; "" where there is none (``prepare`` refuses that)."""
        path = self.path_of(task)
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""

    def path_of(self, task: Task) -> Path:
        """Its weights file."""
        return Path(self.weights) if self.weights else PACKAGED / f"{name_of(task)}.safetensors"


def name_of(task: object) -> str:
    """The registry's name of a task: that of its file."""
    return Path(str(sys.modules[type(task).__module__].__file__)).stem.replace("_", "-")


def brief(values: Sequence[object]) -> str:
    """Values with commas between, the first of them where they are many."""
    text = ", ".join(map(str, values))
    return text if len(text) <= 60 else f"{len(values)}, {text[:40]} ..."


def architecture(
    shape: tuple[int, int, int],
    classes: int,
    channels: Sequence[int],
    layers_per_block: int,
    attention: Iterable[int],
    dropout: float,
) -> dict[str, Any]:
    """Arguments of UNet2DModel.

    Args:
        shape: (channels, height, width) of the images.
        classes: how many; one more label means "no class".
        channels: width at each resolution, the finest first.
        layers_per_block: residual blocks at each.
        attention: resolutions with self-attention, 0 the finest.
        dropout: in the residual blocks.

    Raises:
        BadInput: images or channels cannot be halved and grouped so.
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

    def blocks(kind: str) -> list[str]:
        return [("Attn" if level in attention else "") + kind for level in range(levels)]

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
        "down_block_types": blocks("DownBlock2D"),
        "up_block_types": blocks("UpBlock2D")[::-1],
    }


def build(architecture: Mapping[str, Any]) -> "torch.nn.Module":
    """The network of these arguments, its weights drawn from the global generator."""
    from diffusers.models.unets.unet_2d import UNet2DModel

    lists = {key: tuple(value) for key, value in architecture.items() if isinstance(value, list)}
    return UNet2DModel(**(dict(architecture) | lists))


def write(path: str | Path, about: Mapping[str, Any], tensors: "Mapping[str, torch.Tensor]") -> None:
    """One self-describing file, whole or not there."""
    from safetensors.torch import save

    tensors = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    write_atomic(path, save(tensors, {"teacher": json.dumps({"format": FORMAT, **about})}))


def read(path: str | Path) -> "tuple[dict[str, Any], dict[str, torch.Tensor]]":
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


def image_hashes(images: np.ndarray) -> np.ndarray:
    """A hash of the pixels of each image [n, C, H, W]: uint8 [n, 8]."""
    digests = [hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=8).digest() for image in images]
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 8)


def held_out_hashes(task: Task, chunk: int = 1024) -> list[bytes]:
    """Hashes of the images of monitor and test, with repetitions; ``chunk`` images are read at once."""
    return [
        one.tobytes()
        for split in (task.monitor, task.test)
        for start in range(0, len(split), chunk)
        for one in image_hashes(split.read(np.arange(start, min(start + chunk, len(split)))))
    ]


def refuse_overlap(path: str | Path, about: Mapping[str, Any], hashes: np.ndarray, task: Task) -> None:
    """Raise BadInput if it was trained on images that this run holds out.

    Images that the real data itself holds twice, in training and in monitor or test, are no fault of the split: the
    file leaves out their hashes (and its card tells their number), so that on its own split there is nothing to find.

    Args:
        path: its weights file, for the message.
        about: what that says of itself.
        hashes: uint8 [n, 8], of the images it was trained on.
        task: of this run, loaded.
    """
    trained = {one.tobytes() for one in hashes}
    seen = sum(one in trained for one in held_out_hashes(task))
    if seen:
        own, command = about["settings"]["data.split"], "python -m benchmarks.train_teacher"
        raise BadInput(
            "unet.weights",
            path,
            f"trained on {seen} of the images this run holds out as monitor and test; it is for data.split={own}, "
            f"this run has data.split={task.data.split}; "
            f"`{command} task={name_of(task)} data.split={task.data.split}` makes one for this split",
        )
