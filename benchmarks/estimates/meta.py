"""Floating-point operations of networks and of guided sampling, counted on meta tensors: no weights, no device.

Matrix products, convolutions and attentions are counted, as ``torch.utils.flop_counter`` counts them: two operations
for a multiplication and an addition. Attention is that of the flash and memory-efficient kernels. Networks are built
from configurations; what is sampled and guided with is the project's own code.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.estimates.operations import Cost
from dp_common.diffusion.guidance import Guidance

TERA = 1e12
META = torch.device("meta")
SD_1 = {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}  # diffusers' defaults are 1.5's
SD_2 = SD_1 | {
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
UNETS = {"sd-1.4": SD_1, "sd-1.5": SD_1, "sd-2.1": SD_2, "sd-xl": SD_XL}  # as published
VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}

# ---------------------------------------------------------------------- counting


class Operations(TorchDispatchMode):
    """Counts into ``total`` what runs in its block."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.total += formula(*args, **(kwargs or {}), out_val=answer)
        return answer


class OnMeta(TorchFunctionMode):
    """What meta tensors need: the kernels of attention that devices have, and answers where a value is asked for."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is functional.scaled_dot_product_attention and kwargs.get("attn_mask") is None and len(args) < 4:
            query, key, value = (args + tuple(kwargs[name] for name in ("query", "key", "value")[len(args) :]))[:3]
            if query.dtype == torch.float32:
                return torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, None, True)[0]
            return torch.ops.aten._scaled_dot_product_flash_attention(query, key, value)[0]
        if func in (Tensor.__bool__, Tensor.__int__) and args[0].is_meta:
            return func is Tensor.__bool__ or 0  # finite, and none left unmoved
        return func(*args, **kwargs)


@contextmanager
def counting() -> Iterator[Operations]:
    """Counts the operations of the ``with`` block, which works with meta tensors."""
    with OnMeta(), Operations() as operations:
        yield operations


def cost_of(call: Callable[[Tensor], Tensor], x: Tensor, trained: nn.Module | None = None) -> Cost:
    """The cost of ``call(x)`` for each of the images x [B, ...], and of its gradient by x."""
    scale = 1 / len(x) / TERA
    for parameter in trained.parameters() if trained else ():
        parameter.requires_grad_(False)
    x = x.requires_grad_()
    with counting() as operations:
        y = call(x)
        forward = operations.total
        torch.autograd.grad(y.float().sum(), x)
    backward, training = operations.total - forward, 0
    if trained:
        for parameter in trained.parameters():
            parameter.requires_grad_()
        with counting() as operations:
            call(x.detach()).float().sum().backward()
        training = operations.total
    parameters = sum(parameter.numel() for parameter in trained.parameters()) if trained else 0
    return Cost(forward * scale, backward * scale, training * scale, parameters)


# ---------------------------------------------------------------------- networks


def frozen(network: nn.Module, dtype: torch.dtype = torch.bfloat16) -> nn.Module:
    """In evaluation mode, without gradients of its weights."""
    return nn.Module.to(network, dtype).eval().requires_grad_(False)  # diffusers' own .to warns of every dtype


def sd_unet(config: Mapping[str, Any]) -> Any:
    """A UNet of Stable Diffusion on meta tensors."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with META:
        return frozen(UNet2DConditionModel.from_config(dict(config)))


def sd_vae(config: Mapping[str, Any] = VAE) -> Any:
    """A VAE of Stable Diffusion on meta tensors."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    with META:
        return frozen(AutoencoderKL.from_config(dict(config)))


def tiny_vae() -> Any:
    """A tiny decoder (TAESD's architecture) on meta tensors."""
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

    with META:
        return frozen(AutoencoderTiny())


def sd_denoise_cost(config: Mapping[str, Any], side: int = 0) -> Cost:
    """Of one row through the UNet, at latents of this side; 0: the configuration's own."""
    unet, side = sd_unet(config), side or config["sample_size"]
    labels = torch.zeros(2, device=META)
    text = torch.zeros(2, 77, config["cross_attention_dim"], device=META, dtype=torch.bfloat16)
    more = None
    if config.get("addition_embed_type") == "text_time":
        pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
        more = {
            "text_embeds": torch.zeros(2, pooled, device=META, dtype=torch.bfloat16),
            "time_ids": torch.zeros(2, 6, device=META),
        }
    x = torch.zeros(2, 4, side, side, device=META, dtype=torch.bfloat16)
    return cost_of(lambda x: unet(x, labels, text, added_cond_kwargs=more, return_dict=False)[0], x)


def sd_decode_cost(vae: Any, side: int) -> Cost:
    """Of the decoder, at latents of this side."""
    x = torch.zeros(1, 4, side, side, device=META, dtype=torch.bfloat16)
    return cost_of(lambda x: vae.decode(x, return_dict=False)[0], x)


def pixel_unet_cost(architecture: Mapping[str, Any], shape: tuple[int, ...]) -> Cost:
    """Of one row through the network of ``teacher=unet``."""
    from dp_common.teachers.unet import build

    with META:
        unet = frozen(build(architecture), torch.float32)
    labels = torch.zeros(2, device=META, dtype=torch.long)
    return cost_of(lambda x: unet(x, labels, class_labels=labels).sample, torch.zeros(2, *shape, device=META))


def learner_cost(name: str, model_args: Mapping[str, Any], shape: tuple[int, ...], classes: int) -> Cost:
    """Of one image through the classifier."""
    from dp_common.learner.build import build

    with META:
        model = build(name, {key: value for key, value in model_args.items() if key != "pretrained"}, shape, classes)
    return cost_of(model.eval(), torch.zeros(2, *shape, device=META), trained=model)


def config_in(folder: Path, part: str) -> dict[str, Any]:
    """The configuration of a part of a pipeline that is there as a folder."""
    return json.loads((folder / part / "config.json").read_text())


# ---------------------------------------------------------------------- guidance, by the project's own code


class Meta(NamedTuple):
    """A teacher and a classifier on meta tensors, for one image."""

    teacher: Any
    sampler: Any
    learner: Any
    latents: Tensor
    labels: Tensor


def stable_diffusion(
    unet: Mapping[str, Any], vae: Mapping[str, Any], learner: nn.Module, shape: tuple[int, ...], classes: int = 1000
) -> Meta:
    """The teacher as ``dp_common.teachers`` has it, with networks of these configurations, and a sampler of it."""
    from dp_common.config.specification import Sampler, Spec
    from dp_common.diffusion.image_sampler import ImageSampler
    from dp_common.diffusion.schedule import alphas_cumprod
    from dp_common.persistence.meter import Meter
    from dp_common.teachers.stable_diffusion import StableDiffusion

    teacher = StableDiffusion()
    teacher.unet, teacher.vae, teacher.tiny, teacher.xl = sd_unet(unet), sd_vae(vae), None, False
    teacher.unet_dtype, teacher.layout, teacher.prediction = torch.bfloat16, torch.preserve_format, "epsilon"
    teacher.text = torch.zeros(classes + 1, 77, unet["cross_attention_dim"], device=META, dtype=torch.bfloat16)
    teacher.null_label, teacher.alphas_cumprod = classes, alphas_cumprod("sd")
    teacher.read_shapes(SimpleNamespace(**teacher.unet.config), teacher.vae.config, SimpleNamespace(shape=shape))
    sampler = ImageSampler(Spec(sampler=Sampler(steps=30, cfg_scale=4.0)), teacher, META, Meter())
    classifier = SimpleNamespace(logits=lambda images, model=None: learner(images.float()).float())
    latents = torch.zeros(1, *teacher.latent_shape, device=META)
    return Meta(teacher, sampler, classifier, latents, torch.zeros(1, device=META, dtype=torch.long))


def step_cost(meta: Meta, guidance: Guidance | None = None) -> float:
    """TFLOP of one step of the sampler for one image, guided or not."""
    from dp_common.diffusion.ddim import ddim

    step = meta.sampler.guidance_step(guidance, meta.learner) if guidance else None
    with counting() as operations, torch.no_grad():
        ddim(meta.sampler.denoise, meta.latents, meta.labels, [500], meta.teacher.alphas_cumprod, guidance=step)
    return operations.total / TERA


def guided_to_plain(meta: Meta, through: str, decode: str, every: int, steps: int = 30) -> float:
    """Operations of a guided image over those of a plain one.

    Args:
        meta: teacher, sampler and classifier.
        through: what is differentiated.
        decode: ``guide_decode`` of the teacher.
        every: one step in so many is guided.
        steps: of the sampler.
    """
    teacher = meta.teacher
    teacher.guide_decode = decode
    teacher.tiny = tiny_vae() if decode == "tiny" else None
    with counting() as operations, torch.no_grad():
        teacher.decode(meta.latents)
    plain, guided = step_cost(meta), step_cost(meta, Guidance("entropy", 0.05, "relative", through))
    active = sum(step % every == (every - 1) // 2 for step in range(steps))
    whole = steps * plain + operations.total / TERA
    return (whole + active * (guided - plain)) / whole
