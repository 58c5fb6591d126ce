"""From image indices to images: teacher, sampler and, where asked, guidance, with every evaluation counted."""

from collections.abc import Callable
from contextlib import nullcontext
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dp_common import seeds
from dp_common.config import registry
from dp_common.config.specification import Spec
from dp_common.contracts import Teacher
from dp_common.device import in_float64, send
from dp_common.diffusion import schedule
from dp_common.diffusion.ddim import cfg, ddim, limited, tempered
from dp_common.diffusion.guidance import Guidance
from dp_common.diffusion.guidance_step import Chunk, GuidanceStep
from dp_common.errors import Problem
from dp_common.persistence.meter import Meter


class Start(NamedTuple):
    """Images that are started from, in place of noise alone."""

    images: np.ndarray  # uint8 [n, C, H, W]
    strength: float  # in (0, 1]: the share of the noise levels that is passed


Objective = Callable[[Tensor, Tensor], Tensor]  # (images [B, C, H, W], labels [B]) -> scores [B]


class ImageSampler:
    """Samples blocks of images. ``meter`` counts network, decoder and classifier evaluations and gradients.

    Args:
        spec: Of which ``seed`` and ``sampler`` are read.
        teacher: Prepared; see ``dp_common.teachers``.
        device: Where the latents are drawn to; the teacher's.
        meter: What counts.
        chunk: Of guidance; None: all that are sampled at once.

    Raises:
        Problem: Classifier-free guidance with a teacher that has no unconditional mode.
    """

    def __init__(
        self, spec: Spec, teacher: Teacher, device: torch.device | str, meter: Meter, chunk: Chunk | None = None
    ) -> None:
        self.chunk = chunk or Chunk()
        self.spec, self.teacher, self.device, self.meter = spec, teacher, torch.device(device), meter
        s = spec.sampler
        if not teacher.holds_images:
            self.timesteps = schedule.timesteps(s.steps, s.spacing, len(teacher.alphas_cumprod), teacher.steps_offset)
        if s.cfg_scale != 1 and teacher.null_label is None:
            raise Problem(f"sampler.cfg_scale={s.cfg_scale}: teacher {spec.teacher} has no unconditional mode")
        self.denoise = cfg(self._denoise, s.cfg_scale, teacher.null_label)
        if s.cfg_low or s.cfg_high:
            self.denoise = limited(self.denoise, self._denoise, s.cfg_low, s.cfg_high, teacher.alphas_cumprod)
        if s.mode_variance:
            self.denoise = tempered(self.denoise, s.temperature, s.mode_variance, teacher.alphas_cumprod)

    def _denoise(self, x: Tensor, t: int, labels: Tensor) -> Tensor:
        self.meter.count(network_evaluations=len(x))
        s = self.spec.sampler
        if s.temperature == 1 or s.mode_variance:
            return self.teacher.denoise(x, t, labels)
        return self.teacher.denoise_tempered(x, t, labels, s.temperature)

    def _decode(self, x0: Tensor) -> Tensor:
        self.meter.count(decoder_evaluations=len(x0))
        return self.teacher.decode(x0)

    def _decode_guided(self, x0: Tensor) -> Tensor:
        if not self.teacher.preview:
            return self._decode(x0)
        self.meter.count(preview_evaluations=len(x0))
        return self.teacher.decode_guided(x0)

    def guidance_step(
        self, guidance: Guidance, learner: Any, model: torch.nn.Module | None = None, scorer: Objective | None = None
    ) -> GuidanceStep:
        """The step hook that follows ``guidance`` by the fp32 logits of ``learner`` on the decoded x̂0.

        Args:
            guidance: Score, weight, rule, path and frequency.
            learner: Has ``logits(images [B, C, H, W] about [-1, 1], model) -> [B, classes]``.
            model: The network that guides, such as a frozen one; None: the learner as it is.
            scorer: ``scorer(images [B, C, H, W], labels [B]) -> [B]``, whose ``places`` is above 0 where labels are to
                tell places within classes too (``GuidanceStep.placed``), in place of the score of the logits, where it
                looks at more than those; counts its own evaluations.

        Raises:
            Problem: A score that looks at no learner has no gradient; a teacher that holds images takes none.
        """
        module = registry.find("score", guidance.score).load()
        if module.BLIND:
            raise Problem(f"score {guidance.score} has no gradient to follow: it cannot guide")
        if self.teacher.holds_images:
            raise Problem(f"teacher {self.spec.teacher} deals out images that are made already: it cannot be guided")

        def objective(x0: Tensor, labels: Tensor) -> Tensor:
            if scorer is not None:
                return scorer(self._decode_guided(x0), labels)
            self.meter.count(classifier_evaluations=len(x0))
            return module.score(learner.logits(self._decode_guided(x0), model), labels)

        arithmetic = getattr(learner, "arithmetic", nullcontext)
        step = GuidanceStep(objective, guidance, self.teacher.grad_scale, chunk=self.chunk, arithmetic=arithmetic)
        step.classes = getattr(scorer, "places", 0)
        return step

    def latents(self, indices: np.ndarray, step: int = 0) -> Tensor:
        """Noise of these image indices at a sampler's step (0: the start): [n, *latent_shape] on the device."""
        shape = tuple(self.teacher.latent_shape)
        return send(seeds.normals(self.spec.seed, "latent", indices, shape, step), self.device)

    def begun(self, indices: np.ndarray, start: Start | None) -> tuple[Tensor, list[int]]:
        """Latents to denoise [n, *latent_shape] and the timesteps to do it along: noise; or images in noise (SDEdit,
        Meng et al. 2022, arXiv 2108.01073), from the visited step t nearest to ``strength`` of the levels:

            x_t = √ᾱ_t a + √(1−ᾱ_t) z        a: the image's latent, z: the noise of the index
        """
        noise, steps = self.latents(indices), list(self.timesteps)
        if start is None:
            return noise, steps
        wanted = start.strength * len(self.teacher.alphas_cumprod)
        first = min(range(len(steps)), key=lambda i: abs(steps[i] + 1 - wanted))
        alpha = float(self.teacher.alphas_cumprod[steps[first]])
        floats = send(torch.from_numpy(start.images), self.device).float() / 127.5 - 1
        return sqrt(alpha) * self.teacher.encode(floats) + sqrt(1 - alpha) * noise, steps[first:]

    def sample(
        self,
        indices: np.ndarray,
        labels: np.ndarray,
        guidance: GuidanceStep | None = None,
        start: Start | None = None,
    ) -> Tensor:
        """Images of these indices: floats [n, C, H, W] about [-1, 1], before clamping.

        Args:
            indices: [n] int64; each image is a function of its own index, label and the run's seed.
            labels: [n] int64.
            guidance: The step hook, or None for the plain sampler.
            start: Images to start from; None: noise.

        Raises:
            Problem: An image is not finite; the message names the first index.
        """
        s = self.spec.sampler
        if s.exact:
            return self.exact(indices, labels, steered=guidance is not None or start is not None)
        before = dict(guidance.counts) if guidance else {}
        if guidance:
            guidance.indices = indices
        with torch.no_grad():
            noise, timesteps = self.begun(indices, start)
            latents = ddim(
                self.denoise,
                noise,
                send(torch.from_numpy(labels), self.device),
                timesteps,
                self.teacher.alphas_cumprod,
                guidance=guidance,
                eta=s.eta,
                noise=lambda step: self.latents(indices, step),
                clip=s.clip,
                final_alpha=self.teacher.final_alpha,
            )
            images = self._decode(latents)
        if guidance:
            self.meter.count(**{unit: n - before[unit] for unit, n in guidance.counts.items()})
        finite = torch.isfinite(images.flatten(1)).all(1).cpu().numpy()
        if not finite.all():
            raise Problem(
                f"{(~finite).sum()} image(s) are not finite, first index {indices[~finite][0]}; "
                "nothing of them was saved"
            )
        return images

    def exact(self, indices: np.ndarray, labels: np.ndarray, steered: bool) -> Tensor:
        """Draws from the teacher's density, each a function of its own index: floats [n, C, H, W]; no unit is counted.

        Raises:
            Problem: They were to be steered, and nothing is sampled.
        """
        if steered:
            raise Problem("sampler.exact=true: what is drawn from the density itself cannot be guided or started from")
        draws = [
            self.teacher.exact(torch.tensor([label]), seeds.derive(self.spec.seed, "exact", index))
            for index, label in zip(indices.tolist(), labels.tolist())
        ]
        return torch.cat(draws).to(self.device)

    def pixels(
        self,
        indices: np.ndarray,
        labels: np.ndarray,
        guidance: GuidanceStep | None = None,
        start: Start | None = None,
    ) -> tuple[np.ndarray, Tensor | None]:
        """Images of these indices, sampled, or of a teacher that holds images read.

        Returns:
            (uint8 [n, C, H, W], the floats of ``sample`` that they were rounded from; None of images that are read).
        """
        if self.teacher.holds_images:
            return self.teacher.stored(indices, labels), None
        floats = self.sample(indices, labels, guidance, start)
        return quantise(floats), floats

    def density_means(self, images: Tensor | None, labels: np.ndarray) -> dict[str, float]:
        """Means of what a teacher with a known density says of fresh images, before clamping and encoding; else {}.

        Args:
            images: Floats [n, C, H, W] as ``sample`` returns them; None: images that were read.
            labels: [n] int64.
        """
        if images is None or not self.teacher.knows_density:
            return {}
        with self.meter.phase("evaluate"):
            known = self.teacher.density_diagnostics(images, torch.from_numpy(labels).to(images.device))
            return {name: float(in_float64(values).mean()) for name, values in known.items()}


def quantise(images: Tensor) -> np.ndarray:
    """Floats about [-1, 1] -> uint8 numpy of the same shape: what is stored, trained on and scored."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()
