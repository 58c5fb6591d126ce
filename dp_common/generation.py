"""Turning image indices into images: the teacher, the sampler and, where asked, the guide, with every evaluation counted."""

import numpy as np
import torch

from dp_common import registry, sampling, schedule, seeds
from dp_common.errors import Problem
from dp_common.guidance import Guide


class Studio:
    """Samples blocks of images. ``clock`` counts network, decoder and classifier evaluations and gradients."""

    def __init__(self, spec, teacher, device, clock):
        self.spec, self.teacher, self.device, self.clock = spec, teacher, device, clock
        s = spec.sampler
        self.timesteps = schedule.timesteps(
            s.steps, s.spacing, len(teacher.alphas_cumprod), getattr(teacher, "steps_offset", 0)
        )
        if s.cfg_scale != 1 and teacher.null_label is None:
            raise Problem(f"sampler.cfg_scale={s.cfg_scale}: teacher {spec.teacher} has no unconditional mode")
        self.denoise = sampling.cfg(self._denoise, s.cfg_scale, teacher.null_label)

    def _denoise(self, x, t, labels):
        self.clock.count(network_evaluations=len(x))
        return self.teacher.denoise(x, t, labels)

    def _decode(self, x0):
        self.clock.count(decoder_evaluations=len(x0))
        return self.teacher.decode(x0)

    def _decode_guided(self, x0):
        self.clock.count(preview_evaluations=len(x0))
        return self.teacher.decode_guided(x0)

    def guide(self, score_name, learner, model, *, omega, rule, through, every):
        """A Guide up the gradient of ``score_name`` of ``model``'s fp32 logits on the decoded x̂0."""
        module = registry.find("score", score_name).load()
        if getattr(module, "BLIND", False):
            raise Problem(f"score {score_name} has no gradient to follow: it cannot guide")
        score = module.score

        decode = self._decode_guided if hasattr(self.teacher, "decode_guided") else self._decode

        def objective(x0, labels):
            self.clock.count(classifier_evaluations=len(x0))
            return score(learner.logits(decode(x0), model), labels)

        return Guide(objective, omega, rule, through, every, scale=getattr(self.teacher, "grad_scale", 1.0))

    def sample(self, indices, labels, guide=None):
        """Images of these indices: floats [n, C, H, W] about [-1, 1], before clamping. Raises Problem if any is not finite."""
        s, on_device = self.spec.sampler, torch.from_numpy(labels).to(self.device)
        draw = lambda step: seeds.normals(self.spec.seed, "latent", indices, self.teacher.latent_shape, step).to(
            self.device
        )
        before = dict(guide.counts) if guide else {}
        with torch.no_grad():
            latents = sampling.ddim(
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
            self.clock.count(**{unit: n - before[unit] for unit, n in guide.counts.items()})
        finite = torch.isfinite(images.flatten(1)).all(1).cpu().numpy()
        if not finite.all():
            raise Problem(
                f"{(~finite).sum()} image(s) are not finite, first index {indices[~finite][0]}; nothing of them was saved"
            )
        return images


def quantise(images):
    """Floats about [-1, 1] -> uint8 numpy: what is stored, trained on and scored."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().numpy()


def score_images(score_name, learner, model, images, labels, indices, seed, clock):
    """Scores [n] float32 of stored images (uint8); a blind score costs no classifier evaluation."""
    module = registry.find("score", score_name).load()
    if getattr(module, "BLIND", False):
        return np.asarray(module.score(seeds.uniforms(seed, "score", indices)), np.float32)
    clock.count(classifier_evaluations=len(images))
    return module.score(learner.predict(images, model), torch.from_numpy(labels)).float().numpy()


class TopK:
    """The best ``keep`` of a stream of candidates, per class in equal shares or overall; ties go to the lower index.

    Holds encoded images of the present best only: candidates are never stored.
    """

    def __init__(self, keep, classes, balance):
        self.keep, self.classes, self.balance = keep, classes, balance
        self.scores, self.indices, self.labels, self.encoded = (
            np.empty(0, np.float32),
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            [],
        )

    def offer(self, scores, indices, labels, encode):
        """``encode(row) -> bytes`` is called for those that enter."""
        scores, indices, labels = (
            np.concatenate(pair) for pair in ((self.scores, scores), (self.indices, indices), (self.labels, labels))
        )
        rows, old = best_rows(scores, indices, labels, self.keep, self.classes, self.balance), len(self.encoded)
        self.encoded = [self.encoded[row] if row < old else encode(row - old) for row in rows]
        self.scores, self.indices, self.labels = scores[rows], indices[rows], labels[rows]

    def by_index(self):
        """(encoded, indices, labels, scores) of the best so far, in order of index."""
        order = np.argsort(self.indices, kind="stable")
        return [self.encoded[row] for row in order], self.indices[order], self.labels[order], self.scores[order]


def best_rows(scores, indices, labels, keep, classes, balance):
    """The rows of the ``keep`` best, ascending. The best of parts, put together, hold the best of all."""
    order = np.lexsort((indices, -scores))
    if balance == "class":  # the best of each class, then the second of each, ...: equal shares as far as candidates go
        place = np.empty(len(order), np.int64)
        for label in range(classes):
            mine = order[labels[order] == label]
            place[mine] = np.arange(len(mine))
        order = np.lexsort((indices, -scores, place))
    return np.sort(order[:keep])
