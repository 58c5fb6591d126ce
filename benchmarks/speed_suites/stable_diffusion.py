"""The architecture of Stable Diffusion 1.5 with random weights, and ViT-B/16; wants a GPU.

Written to a folder and read back as real weights are: 30 steps at 512 pixels with classifier-free guidance, plain and
guided by each decode, path and frequency; ViT-B/16 at 224 pixels; and a large bf16 matrix product, whose rate is the
peak the others are a share of. Costs do not depend on what weights say.
"""

import atexit
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import random_teachers
from benchmarks.speed_suites import Item, Setting
from benchmarks.speed_suites.teacher import measured
from dp_common.config.resolve import resolve

if TYPE_CHECKING:
    import torch

RUN_KEYS = True
NAMES = ("*.plain", "*.relative.*", "*.learner.train", "*.learner.forward", "matmul.bf16")
SIDE = 8192


def items(setting: Setting) -> dict[str, Item]:
    """The matrix product, and the items of the teacher with each decode."""
    import torch

    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    write(Path(folder.name), setting.device)
    run = resolve(
        [
            "task=imagenet1k",
            "strategy=static",
            "teacher=stable-diffusion",
            f"stable_diffusion.weights={folder.name}",
            "stable_diffusion.guide_decode=tiny",
            f"stable_diffusion.tiny_weights={folder.name}/tiny",
            *setting.overrides,
        ]
    )
    a, b = (torch.randn(SIDE, SIDE, device=setting.device, dtype=torch.bfloat16) for _ in range(2))
    peak = {"matmul.bf16": Item("products", 1, lambda: a @ b, flops=2.0 * SIDE**3)}
    return peak | measured(run, setting, decodes=("full", "reduced", "tiny"))


def write(folder: Path, device: "torch.device", small: bool = False) -> None:
    """Write components in diffusers' format, bf16, drawn on the device; the text encoder is a small one.

    Args:
        folder: where to.
        device: where the weights are drawn.
        small: of 8x8 latents and 16x16 pixels, instead of the published architecture.
    """
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    rt = random_teachers
    configs: tuple[random_teachers.Config, ...] = (rt.SD_1, rt.VAE | {"sample_size": 512}, {})
    if small:
        configs = rt.SMALL_UNET, rt.SMALL_VAE | {"sample_size": 16}, rt.SMALL_TINY
    unet, vae, tiny = (
        make(config, device, torch.bfloat16) for make, config in zip((rt.unet, rt.vae, rt.tiny_vae), configs)
    )
    width = configs[0]["cross_attention_dim"]
    with device:
        text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=1000,
                hidden_size=width,
                intermediate_size=width,
                num_hidden_layers=1,
                num_attention_heads=width // 8 if small else 12,
                bos_token_id=0,
                eos_token_id=1,
                pad_token_id=1,
            )
        )
    for name, network in {"unet": unet, "vae": vae, "text_encoder": text, "tiny": tiny}.items():
        network.to(torch.bfloat16).save_pretrained(folder / name)
    files = {
        "model_index.json": {"_class_name": "StableDiffusionPipeline"},
        "scheduler/scheduler_config.json": {
            "_class_name": "DDIMScheduler",
            "beta_schedule": "scaled_linear",
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "steps_offset": 1,
            "set_alpha_to_one": False,
            "clip_sample": False,
        },
        "tokenizer/tokenizer_config.json": {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": 77,
            "bos_token": "<|startoftext|>",
            "eos_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>",
            "pad_token": "<|endoftext|>",
        },
        "tokenizer/vocab.json": vocabulary(),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(json.dumps(content))
    (folder / "tokenizer/merges.txt").write_text("#version: 0.2\n")


def vocabulary() -> dict[str, int]:
    """Letters, alone and at the end of a word: no merges."""
    letters = [chr(c) for c in range(33, 127)]
    return {
        token: number
        for number, token in enumerate(["<|startoftext|>", "<|endoftext|>", *letters, *(c + "</w>" for c in letters)])
    }
