"""Does the device compute what the CPU does? Small Stable Diffusions of random weights, plain and guided."""

import copy
from itertools import product
from types import SimpleNamespace
from typing import Any

from benchmarks import random_teachers
from benchmarks.gpu_checks import Finding, Findings, Place
from dp_common import device as devices
from dp_common.diffusion.guidance import THROUGH, Guidance

N, STEPS, CLASSES, SHAPE = 4, 4, 10, (3, 12, 12)
REHEARSED = [("sd", "full", "denoiser"), ("xl", "tiny", "decoder"), ("v", "reduced", "denoiser")]
KINDS = {
    "sd": (random_teachers.SMALL_UNET, "epsilon"),
    "v": (random_teachers.SMALL_UNET, "v_prediction"),
    "xl": (random_teachers.SMALL_XL, "epsilon"),
}
DECODES = ("full", "reduced", "tiny")
# Largest relative error of images, and smallest cosine of the gradient, against fp32 on the CPU.
# In half precision the tiny decoder's rectifiers switch otherwise here and there: what an H100 made of them is allowed.
BOUNDS = {"fp32": (1e-4, 0.9999), "bf16": (6e-2, 0.97), "fp16": (3e-2, 0.97)}


def correctness(place: Place) -> Findings:
    """Images and gradients against fp32 on the CPU, and the device against itself."""
    import torch

    ways = REHEARSED if place.small else list(product(KINDS, DECODES, THROUGH))
    for kind, decode, through in ways:
        teacher, network = small_teacher(kind), classifier()
        expected = answers(teacher, network, torch.device("cpu"), decode, through)
        for dtype, (error, cosine) in BOUNDS.items():
            there = moved(teacher, place.device, dtype)
            found = answers(there, copy.deepcopy(network).to(place.device), place.device, decode, through)
            name = f"correctness.{kind}.{decode}.{through}.{dtype}"
            yield Finding(f"{name}.images", relative(found["images"], expected["images"]), "", None, error)
            yield Finding(f"{name}.gradient", cosine_of(found["gradient"], expected["gradient"]), "", cosine, 1.001)
    there = moved(teacher, place.device, "fp32")
    runs = [answers(there, copy.deepcopy(network).to(place.device), place.device, "full", "denoiser") for _ in range(2)]
    same = {name: torch.equal(runs[0][name], runs[1][name]) for name in runs[0]}
    yield Finding("correctness.twice.plain", float(same["plain"]), "", 1, 1)
    yield Finding("correctness.twice.guided", same["images"], note="atomics may round otherwise: not expected of CUDA")
    devices.set_deterministic(place.device, True)
    try:
        runs = [answers(there, copy.deepcopy(network).to(place.device), place.device, "full", "denoiser") for _ in "ab"]
    finally:
        devices.set_deterministic(place.device, False)
    same = {name: torch.equal(runs[0][name], runs[1][name]) for name in runs[0]}
    yield Finding("correctness.twice.deterministic", float(all(same.values())), "", 1, 1)


def small_teacher(kind: str) -> Any:
    """On the CPU, fp32; the same at every call."""
    import torch

    unet, prediction = KINDS[kind]
    torch.manual_seed(0)
    vae, tiny = random_teachers.SMALL_VAE, random_teachers.SMALL_TINY
    cpu = torch.device("cpu")
    return random_teachers.stable_diffusion(cpu, unet, vae, tiny, SHAPE, CLASSES, "fp32", prediction)


def classifier() -> Any:
    """A small smooth network on images."""
    from torch import nn

    width = SHAPE[0] * SHAPE[1] * SHAPE[2]
    return nn.Sequential(nn.Flatten(), nn.Linear(width, 32), nn.GELU(), nn.Linear(32, CLASSES)).requires_grad_(False)


def moved(teacher: Any, device: Any, dtype: str) -> Any:
    """The same teacher on a device, in another arithmetic."""
    import torch

    from dp_common.teachers.stable_diffusion import DTYPES

    kind, other = getattr(torch, DTYPES[dtype]), copy.copy(teacher)
    other.dtype, other.unet_dtype = dtype, kind
    for name in ("unet", "vae", "tiny"):
        setattr(other, name, torch.nn.Module.to(copy.deepcopy(getattr(teacher, name)), device, kind))
    other.use_compiled(False)
    other.text = teacher.text.to(device, kind)
    if teacher.xl:
        other.pooled, other.time_ids = teacher.pooled.to(device, kind), teacher.time_ids.to(device)
    return other


def answers(teacher: Any, network: Any, device: Any, decode: str, through: str) -> dict[str, Any]:
    """Plain and guided images, and the gradient at one noise level: on the CPU, fp32."""
    import numpy as np
    import torch

    from dp_common.config.specification import Sampler, Spec
    from dp_common.diffusion.ddim import ddim
    from dp_common.diffusion.image_sampler import ImageSampler
    from dp_common.persistence.meter import Meter

    teacher = copy.copy(teacher)
    teacher.guide_decode, teacher.guide_reduce = decode, 2
    learner = SimpleNamespace(logits=lambda images, model=None: network(images.float()))
    sampler = ImageSampler(Spec(sampler=Sampler(steps=STEPS, cfg_scale=2.0)), teacher, device, Meter())
    step = sampler.guidance_step(Guidance("entropy", 0.1, "relative", through), learner)
    seen: list[Any] = []
    gradient = step.gradient

    def noted(*args: Any) -> Any:
        seen.append(gradient(*args))
        return seen[-1]

    step.gradient = noted  # type: ignore[method-assign, assignment]
    indices = np.arange(N)
    images = sampler.sample(indices, indices, step)
    labels = torch.from_numpy(indices).to(device)
    with torch.no_grad():
        plain = ddim(sampler.denoise, sampler.latents(indices), labels, sampler.timesteps, teacher.alphas_cumprod)
    found = {"images": images, "gradient": seen[0], "plain": plain}
    return {name: value.detach().float().cpu() for name, value in found.items()}


def relative(found: Any, expected: Any) -> float:
    """‖found − expected‖ / ‖expected‖."""
    return float((found - expected).norm() / expected.norm())


def cosine_of(found: Any, expected: Any) -> float:
    """Of the angle between them, the smallest of all images."""
    from torch.nn.functional import cosine_similarity

    return float(cosine_similarity(found.flatten(1), expected.flatten(1)).min())
