"""The architecture of Stable Diffusion 1.5 with random weights, and ViT-B/16; wants a GPU.

Written to a folder and read back as real weights are: 30 steps at 512 pixels with classifier-free guidance, plain and
guided by each decode, path and frequency; ViT-B/16 at 224 pixels; and a large bf16 matrix product, whose rate is the
peak the others are a share of. Costs do not depend on what weights say.
"""

import atexit
import json
import tempfile
from pathlib import Path

from benchmarks.speed_suites import Item, Setting
from benchmarks.speed_suites.teacher import measured
from dp_common.config.resolve import resolve

RUN_KEYS = True
SIDE = 8192


def items(setting: Setting) -> dict[str, Item]:
    """The matrix product, and the items of the teacher with each decode."""
    import torch

    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    write(Path(folder.name))
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


def write(folder: Path) -> None:
    """Write components of the published architecture in diffusers' format, bf16; the text encoder is a small one."""
    import torch
    from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(0)
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)  # the defaults are 1.5's
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        sample_size=512,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=1000,
            hidden_size=768,
            intermediate_size=768,
            num_hidden_layers=1,
            num_attention_heads=12,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )
    for name, network in {"unet": unet, "vae": vae, "text_encoder": text, "tiny": AutoencoderTiny()}.items():
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
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    (folder / "tokenizer/merges.txt").write_text("#version: 0.2\n")


def vocabulary() -> dict[str, int]:
    """Letters, alone and at the end of a word: no merges."""
    letters = [chr(c) for c in range(33, 127)]
    return {
        token: number
        for number, token in enumerate(["<|startoftext|>", "<|endoftext|>", *letters, *(c + "</w>" for c in letters)])
    }
