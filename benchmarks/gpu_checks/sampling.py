"""Stable Diffusion 1.5 at full size: a plain step, the final decode, a guided step by decode, path and precision."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import Any

from benchmarks import random_teachers
from benchmarks.gpu_checks import FULL, GIB, Finding, Findings, Place
from dp_common import device as devices
from dp_common.diffusion.guidance import THROUGH, Guidance
from dp_common.diffusion.guidance_step import Chunk

STEPS, EVERY, ACTIVE = 30, 5, 6  # of a preset's sampler: so many of the steps are guided
T = 500  # the timestep that is timed
DECODES = ("full", "reduced", "tiny")
RATIOS = {  # a guided image over a plain one at every = 5: counted operations, and what an H100 made of them with room
    ("full", "denoiser"): (1.84, 2.4),
    ("full", "decoder"): (1.6, 2.1),
    ("reduced", "denoiser"): (1.39, 1.6),
    ("reduced", "decoder"): (1.15, 1.3),
    ("tiny", "denoiser"): (1.27, 1.45),
    ("tiny", "decoder"): (1.04, 1.18),
}
PEAKS = {  # GiB at a block of 16, with weights: of one gradient through the whole block; decoding in chunks takes less
    ("full", "denoiser"): 80,
    ("full", "decoder"): 55,
    ("reduced", "denoiser"): 44,
    ("reduced", "decoder"): 19,
    ("tiny", "denoiser"): 37,
    ("tiny", "decoder"): 12,
}


class Bench:
    """A teacher, a classifier, and one block of latents."""

    def __init__(self, place: Place, block: int) -> None:
        import torch

        from dp_common.config.specification import Sampler, Spec
        from dp_common.diffusion.image_sampler import ImageSampler
        from dp_common.learner.build import build
        from dp_common.persistence.meter import Meter

        shape, name = ((3, 16, 16), "resnet-small") if place.small else ((3, 224, 224), "vit_base_patch16_224")
        parts = (
            (random_teachers.SMALL_UNET, random_teachers.SMALL_VAE, random_teachers.SMALL_TINY)
            if place.small
            else (random_teachers.SD_1, random_teachers.VAE, {})
        )
        unet, vae, tiny = parts
        self.teacher = random_teachers.stable_diffusion(place.device, unet, vae, tiny, shape=shape)
        with place.device:
            network = build(name, {}, shape, 1000).eval().requires_grad_(False)
        self.classifier = SimpleNamespace(logits=lambda images, model=None: network(images.float()).float())
        spec = Spec(sampler=Sampler(steps=STEPS, cfg_scale=4.0, block=block))
        self.sampler = ImageSampler(spec, self.teacher, place.device, Meter())
        self.latents = torch.randn(block, *self.teacher.latent_shape, device=place.device)
        self.labels = torch.arange(block, device=place.device)

    def step(self, guidance: Guidance | None = None) -> Any:
        """One step of the sampler."""
        import torch

        from dp_common.diffusion.ddim import ddim

        with torch.no_grad():
            return ddim(
                self.sampler.denoise,
                self.latents,
                self.labels,
                [T],
                self.teacher.alphas_cumprod,
                guidance=self.sampler.guidance_step(guidance, self.classifier) if guidance else None,
            )

    def decode(self) -> Any:
        """The final decode."""
        import torch

        with torch.no_grad():
            return self.teacher.decode(self.latents)

    def choose(self, decode: str) -> None:
        """What guidance decodes by."""
        self.teacher.guide_decode = decode


def sampling(place: Place) -> Findings:
    """Plain steps and the decode: eager, with cudnn.benchmark; then guided steps beside them."""
    import torch

    block = 2 if place.small else 16
    bench = Bench(place, block)
    devices.reset_peak(place.device)
    step, decode = (place.timed(call) for call in (bench.step, bench.decode))
    yield Finding("sampling.step", 1000 * step, "ms", 60, 140, rate=True, note=f"block {block}, with CFG")
    yield Finding("sampling.decode", 1000 * decode, "ms", 80, 290, rate=True)
    plain = STEPS * step + decode
    yield Finding("sampling.images_per_second", block / plain, "images/s", 3.7, 8.5, rate=True)
    yield Finding("sampling.peak", gib(place), "GiB", None, 11, rate=True)
    if place.device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        try:
            found = [1000 * place.timed(call) for call in (bench.step, bench.decode)]
        finally:
            torch.backends.cudnn.benchmark = False
        yield Finding("sampling.step.cudnn_benchmark", found[0], "ms", 60, 130, rate=True)
        yield Finding("sampling.decode.cudnn_benchmark", found[1], "ms", 70, 290, rate=True)
    yield Finding("sampling.step.waits", place.waits(bench.step), "", 0, 0, note="of the host for the device")
    yield from guided_steps(place, bench, step, plain)
    yield from in_little_memory(place, bench, step, plain)


def guided_steps(place: Place, bench: Bench, step: float, plain: float) -> Findings:
    """A guided step by decode and path, cheapest first, so that running out of memory comes last."""
    for decode, through in sorted(product(DECODES, THROUGH), key=PEAKS.__getitem__):
        bench.choose(decode)
        precisions = ("fp32", "tf32", "bf16") if (decode, through) == ("tiny", "decoder") else ("fp32",)
        for precision in precisions:
            name = f"guidance.{decode}.{through}.{precision}"
            guidance = Guidance("entropy", 0.05, "relative", through)
            devices.reset_peak(place.device)
            with classifying(place, bench, precision):
                seconds = within_memory(place, partial(bench.step, guidance))
            if seconds is None:
                yield Finding(name, None, verdict=FULL, note=f"block {len(bench.latents)}; peak {gib(place)} GiB")
                continue
            ratio = guided_block(plain, step, seconds) / plain
            low, high = RATIOS[decode, through]
            note = f"a guided step {1000 * seconds:.0f} ms"
            yield Finding(f"{name}.ratio", ratio, "x plain", 0.95 * low, high, rate=True, note=note)
            yield Finding(f"{name}.peak", gib(place), "GiB", None, PEAKS[decode, through], rate=True)
            if precision == "fp32":
                yield Finding(f"{name}.waits", place.waits(partial(bench.step, guidance)), "", None, 2)


def guided_block(plain: float, step: float, guided_step: float) -> float:
    """Seconds of a block guided at ACTIVE of its steps, where a plain one takes ``plain``."""
    return plain + ACTIVE * (guided_step - step)


def in_little_memory(place: Place, bench: Bench, step: float, plain: float) -> Findings:
    """The paper's own gradient, full and exact, decoded two images at a time; then with checkpointing as well."""
    bench.choose("full")
    bench.sampler.chunk = Chunk(2)
    for name in ("chunk2", "chunk2.checkpointing"):
        if name != "chunk2":
            for network in (bench.teacher.unet, bench.teacher.vae):
                network.enable_gradient_checkpointing()
        devices.reset_peak(place.device)
        seconds = within_memory(place, partial(bench.step, Guidance("entropy", 0.05, "relative", "denoiser")))
        if seconds is None:
            yield Finding(f"guidance.{name}", None, verdict=FULL, note=f"peak {gib(place)} GiB")
            continue
        ratio, note = guided_block(plain, step, seconds) / plain, f"a guided step {1000 * seconds:.0f} ms"
        yield Finding(f"guidance.{name}.ratio", ratio, "x plain", 1.7, 3.2, rate=True, note=note)
        yield Finding(f"guidance.{name}.peak", gib(place), "GiB", None, 40, rate=True)


@contextmanager
def classifying(place: Place, bench: Bench, precision: str) -> Iterator[None]:
    """The classifier of guidance in fp32, fp32 by TF32, or bf16."""
    import torch

    before, logits = devices.tf32(), bench.classifier.logits
    half = torch.autocast(place.device.type, torch.bfloat16) if precision == "bf16" else nullcontext()

    def by(images: Any, model: Any = None) -> Any:
        with half:
            return logits(images, model).float()

    devices.set_tf32(precision == "tf32")
    bench.classifier.logits = by
    try:
        yield
    finally:
        devices.set_tf32(before)
        bench.classifier.logits = logits


def within_memory(place: Place, call: Callable[[], Any]) -> float | None:
    """Seconds of a call; None where the memory does not do."""
    import torch

    try:
        return place.timed(call)
    except torch.OutOfMemoryError:
        devices.release(place.device)
        return None


def gib(place: Place) -> float | None:
    """The peak since it was reset."""
    peak = devices.peak(place.device)
    return None if peak is None else peak / GIB
