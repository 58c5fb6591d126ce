"""Which layout of images is faster in UNet and VAE, uncompiled: contiguous or channels-last."""

from functools import partial

from benchmarks.gpu_checks import Finding, Findings, Place
from benchmarks.gpu_checks.sampling import STEPS, Bench, classifying, guided_block
from dp_common.diffusion.guidance import Guidance
from dp_common.diffusion.guidance_step import Chunk


def layouts(place: Place) -> Findings:
    """A plain step, the final decode, and a whole image guided through the full VAE, by each, in turn on one card."""
    import torch

    block = 2 if place.small else 16
    bench = Bench(place, block)
    bench.choose("full")
    bench.sampler.chunk = Chunk(block // 2)
    guided = partial(bench.step, Guidance("entropy", 0.05, "relative", "denoiser"))
    for name, weights, given in (
        ("contiguous", torch.contiguous_format, torch.preserve_format),
        ("channels_last", torch.channels_last, torch.channels_last),
    ):
        for network in (bench.teacher.unet, bench.teacher.vae):
            torch.nn.Module.to(network, memory_format=weights)
        bench.teacher.layout = given
        step, decode = place.timed(bench.step), place.timed(bench.decode)
        with classifying(place, bench, "bf16"):
            seconds = guided_block(STEPS * step + decode, step, place.timed(guided)) / block
        yield Finding(f"layouts.{name}.step", 1000 * step, "ms")
        yield Finding(f"layouts.{name}.decode", 1000 * decode, "ms")
        yield Finding(f"layouts.{name}.guided_image", seconds, "s")
