"""Stable Diffusions of random weights, from configurations alone: to count, time and check by; nothing is downloaded.

Costs do not depend on what weights say, nor does it whether two devices agree.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Config = Mapping[str, Any]

SD_1 = {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}  # diffusers' defaults are 1.5's
SD_2 = {
    "sample_size": 96,
    "cross_attention_dim": 1024,
    "attention_head_dim": [5, 10, 20, 20],
    "use_linear_projection": True,
}
SD_XL = {
    "sample_size": 128,
    "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "transformer_layers_per_block": [1, 2, 10],
    "attention_head_dim": [5, 10, 20],
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
UNETS: dict[str, Config] = {"sd-1.5": SD_1, "sd-2.1": SD_2, "sd-xl": SD_XL}  # as published
VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
SMALL_UNET = {  # 8x8 latents
    "sample_size": 8,
    "layers_per_block": 1,
    "block_out_channels": [16, 32],
    "norm_num_groups": 8,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "cross_attention_dim": 32,
    "attention_head_dim": 4,
}
SMALL_XL = SMALL_UNET | {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 6 * 8 + 32,
}
SMALL_VAE = {  # to 16x16 pixels
    "block_out_channels": [8, 16],
    "norm_num_groups": 4,
    "layers_per_block": 1,
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
}
SMALL_TINY = {
    "encoder_block_out_channels": [8, 8],
    "decoder_block_out_channels": [8, 8],
    "num_encoder_blocks": [1, 1],
    "num_decoder_blocks": [1, 1],
}
TOKENS = 77


def frozen(network: "torch.nn.Module", dtype: "torch.dtype") -> Any:
    """In evaluation mode, without gradients of its weights."""
    import torch

    return torch.nn.Module.to(network, dtype).eval().requires_grad_(False)  # diffusers' own .to warns of every dtype


def unet(config: Config, device: "torch.device", dtype: "torch.dtype") -> Any:
    """A UNet of Stable Diffusion."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with device:
        return frozen(UNet2DConditionModel.from_config(dict(config)), dtype)


def vae(config: Config, device: "torch.device", dtype: "torch.dtype") -> Any:
    """A VAE of Stable Diffusion."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with device:
        return frozen(AutoencoderKL.from_config(dict(config)), dtype)


def tiny_vae(config: Config, device: "torch.device", dtype: "torch.dtype") -> Any:
    """A tiny decoder; without a configuration TAESD's architecture."""
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

    with device:
        return frozen(AutoencoderTiny.from_config(dict(config)), dtype)


def pooled_width(config: Config) -> int:
    """Of the pooled text embedding of an XL; 0: it is none."""
    if config.get("addition_embed_type") != "text_time":
        return 0
    return config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]


def stable_diffusion(
    device: "torch.device",
    unet_config: Config = SD_1,
    vae_config: Config = VAE,
    tiny_config: Config | None = None,
    shape: tuple[int, ...] = (3, 224, 224),
    classes: int = 1000,
    dtype: str = "bf16",
    prediction: str = "epsilon",
) -> Any:
    """The teacher of ``dp_common.teachers``, prepared, with networks of these configurations.

    Args:
        device: where it is; ``meta`` for shapes alone.
        unet_config: of its UNet.
        vae_config: of its VAE.
        tiny_config: of a tiny decoder; None: it has none.
        shape: of the task's images.
        classes: of the task; each has a text embedding drawn at random.
        dtype: as the teacher's key.
        prediction: epsilon or v_prediction.
    """
    import torch

    from dp_common.diffusion.schedule import alphas_cumprod
    from dp_common.teachers.stable_diffusion import DTYPES, StableDiffusion

    teacher: Any = StableDiffusion(dtype=dtype)
    kind, width = getattr(torch, DTYPES[dtype]), pooled_width(unet_config)
    teacher.unet_dtype, teacher.layout, teacher.prediction = kind, torch.preserve_format, prediction
    teacher.unet, teacher.vae = unet(unet_config, device, kind), vae(vae_config, device, kind)
    teacher.tiny = tiny_vae(tiny_config, device, kind) if tiny_config is not None else None
    teacher.use_compiled(False)
    teacher.xl, teacher.null_label = width > 0, classes
    teacher.text = torch.randn(classes + 1, TOKENS, unet_config["cross_attention_dim"], device=device, dtype=kind)
    teacher.alphas_cumprod, teacher.final_alpha, teacher.steps_offset = alphas_cumprod("sd"), 1.0, 1
    teacher.read_shapes(SimpleNamespace(**teacher.unet.config), teacher.vae.config, SimpleNamespace(shape=shape))
    if width:
        side = float(teacher.latent_shape[1] * teacher.factor)
        teacher.pooled = torch.randn(classes + 1, width, device=device, dtype=kind)
        teacher.time_ids = torch.tensor([[side, side, 0.0, 0.0, side, side]], device=device)
    return teacher
