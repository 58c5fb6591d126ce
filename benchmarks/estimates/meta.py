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

from benchmarks import random_teachers
from benchmarks.estimates.operations import Cost
from dp_common.diffusion.guidance import Guidance

TERA = 1e12
META = torch.device("meta")


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


def sd_denoise_cost(config: Mapping[str, Any], side: int = 0) -> Cost:
    """Of one row through the UNet, at latents of this side; 0: the configuration's own."""
    unet, side = random_teachers.unet(config, META, torch.bfloat16), side or config["sample_size"]
    labels = torch.zeros(2, device=META)
    text = torch.zeros(2, 77, config["cross_attention_dim"], device=META, dtype=torch.bfloat16)
    more = None
    if pooled := random_teachers.pooled_width(config):
        texts = torch.zeros(2, pooled, device=META, dtype=torch.bfloat16)
        more = {"text_embeds": texts, "time_ids": torch.zeros(2, 6, device=META)}
    x = torch.zeros(2, 4, side, side, device=META, dtype=torch.bfloat16)
    return cost_of(lambda x: unet(x, labels, text, added_cond_kwargs=more, return_dict=False)[0], x)


def sd_decode_cost(side: int, config: Mapping[str, Any] | None = None) -> Cost:
    """Of the VAE's decoder, at latents of this side; None: as published."""
    return decode_cost(random_teachers.vae(config or random_teachers.VAE, META, torch.bfloat16), side)


def tiny_decode_cost(side: int) -> Cost:
    """Of the tiny decoder."""
    return decode_cost(random_teachers.tiny_vae({}, META, torch.bfloat16), side)


def decode_cost(vae: Any, side: int) -> Cost:
    """Of a decoder, at latents of this side."""
    x = torch.zeros(1, 4, side, side, device=META, dtype=torch.bfloat16)
    return cost_of(lambda x: vae.decode(x, return_dict=False)[0], x)


def pixel_unet_cost(architecture: Mapping[str, Any], shape: tuple[int, ...]) -> Cost:
    """Of one row through the network of ``teacher=unet``."""
    from dp_common.teachers.unet import build

    with META:
        unet = random_teachers.frozen(build(architecture), torch.float32)
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


def setting(learner: nn.Module, teacher: Any, steps: int = 30, cfg_scale: float = 4.0) -> Meta:
    """A sampler of this teacher, which is on meta tensors, for one image, and this classifier."""
    from dp_common.config.specification import Sampler, Spec
    from dp_common.diffusion.image_sampler import ImageSampler
    from dp_common.persistence.meter import Meter

    sampler = ImageSampler(Spec(sampler=Sampler(steps=steps, cfg_scale=cfg_scale)), teacher, META, Meter())
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
    with counting() as operations, torch.no_grad():
        teacher.decode(meta.latents)
    plain, guided = step_cost(meta), step_cost(meta, Guidance("entropy", 0.05, "relative", through))
    active = sum(step % every == (every - 1) // 2 for step in range(steps))
    whole = steps * plain + operations.total / TERA
    return (whole + active * (guided - plain)) / whole
