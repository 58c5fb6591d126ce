"""Turning image indices into images: the teacher, the sampler and, where asked, the guide, with every evaluation counted."""

import numpy as np
import torch

from dp_common import seeds
from dp_common.config import registry
from dp_common.diffusion import schedule
from dp_common.diffusion.ddim import cfg, ddim
from dp_common.diffusion.guidance import Guide
from dp_common.errors import Problem


class ImageSampler:
    """Samples blocks of images. ``clock`` counts network, decoder and classifier evaluations and gradients."""

    def __init__(self, spec, teacher, device, meter):
        self.spec, self.teacher, self.device, self.meter = spec, teacher, device, meter
        s = spec.sampler
        self.timesteps = schedule.timesteps(
            s.steps, s.spacing, len(teacher.alphas_cumprod), teacher.steps_offset
        )
        if s.cfg_scale != 1 and teacher.null_label is None:
            raise Problem(f"sampler.cfg_scale={s.cfg_scale}: teacher {spec.teacher} has no unconditional mode")
        self.denoise = cfg(self._denoise, s.cfg_scale, teacher.null_label)

    def _denoise(self, x, t, labels):
        self.meter.count(network_evaluations=len(x))
        return self.teacher.denoise(x, t, labels)

    def _decode(self, x0):
        self.meter.count(decoder_evaluations=len(x0))
        return self.teacher.decode(x0)

    def _decode_guided(self, x0):
        self.meter.count(preview_evaluations=len(x0))
        return self.teacher.decode_guided(x0)

    def guide(self, score_name, learner, model, *, omega, rule, through, every):
        """A Guide up the gradient of ``score_name`` of ``model``'s fp32 logits on the decoded x̂0."""
        module = registry.find("score", score_name).load()
        if module.BLIND:
            raise Problem(f"score {score_name} has no gradient to follow: it cannot guide")
        score = module.score

        decode = self._decode_guided if self.teacher.preview else self._decode

        def objective(x0, labels):
            self.meter.count(classifier_evaluations=len(x0))
            return score(learner.logits(decode(x0), model), labels)

        return Guide(objective, omega, rule, through, every, scale=self.teacher.grad_scale)

    def sample(self, indices, labels, guide=None):
        """Images of these indices: floats [n, C, H, W] about [-1, 1], before clamping. Raises Problem if any is not finite."""
        s, on_device = self.spec.sampler, torch.from_numpy(labels).to(self.device)
        draw = lambda step: seeds.normals(self.spec.seed, "latent", indices, self.teacher.latent_shape, step).to(
            self.device
        )
        before = dict(guide.counts) if guide else {}
        with torch.no_grad():
            latents = ddim(
                self.denoise,
                draw(0),
                on_device,
                self.timesteps,
                self.teacher.alphas_cumprod,
                guide=guide,
                eta=s.eta,
                noise=draw,
                clip=s.clip,
                final_alpha=self.teacher.final_alpha,
            )
            images = self._decode(latents)
        if guide:
            self.meter.count(**{unit: n - before[unit] for unit, n in guide.counts.items()})
        finite = torch.isfinite(images.flatten(1)).all(1).cpu().numpy()
        if not finite.all():
            raise Problem(
                f"{(~finite).sum()} image(s) are not finite, first index {indices[~finite][0]}; nothing of them was saved"
            )
        return images


def quantise(images):
    """Floats about [-1, 1] -> uint8 numpy: what is stored, trained on and scored."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()


def score_images(score_name, learner, model, images, labels, indices, seed, meter):
    """Scores [n] float32 of stored images (uint8); a blind score costs no classifier evaluation."""
    module = registry.find("score", score_name).load()
    if module.BLIND:
        return np.asarray(module.score(seeds.uniforms(seed, "score", indices)), np.float32)
    meter.count(classifier_evaluations=len(images))
    return module.score(learner.predict(images, model), torch.from_numpy(labels)).float().numpy()
