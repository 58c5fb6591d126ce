"""Images of which a known density says everything: exact samples of it, and those that the plain sampler makes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dp_common.arrays import Images, Labels
from dp_common.config import registry
from dp_common.contracts import Teacher
from dp_common.device import in_float64
from dp_common.diffusion.image_sampler import ImageSampler, quantise
from dp_common.learner.classifier import Learner
from dp_common.persistence.meter import Meter
from dp_common.seeds import derive, label_of

EXACT, PLAIN = 4096, 2048  # exact samples of P, and plain DDIM images: those of indices 0, 1, ...


@dataclass(frozen=True)
class DensitySamples:
    """Labelled images as they were sampled and as they are stored, and what the density says of each."""

    floats: torch.Tensor  # [n, C, H, W], before clamping
    stored: Images
    labels: Labels
    classes: int
    density: dict[str, np.ndarray]  # {"true_label", "log_density"}: [n] float64

    def points(self) -> list[np.ndarray]:
        """Per class, the stored images as points [n_y, D] in [-1, 1]."""
        return by_class(flat(self.stored), self.labels, self.classes)

    def means(self) -> dict[str, float]:
        """Of what the density says."""
        return {name: float(values.mean()) for name, values in self.density.items()}

    def scores(self, learner: Learner, name: str, model: Any, as_stored: bool) -> list[np.ndarray]:
        """Per class, the score of each by ``model``, of its stored form or as it was sampled: [n_y] float64."""
        images = self.stored if as_stored else self.floats
        return by_class(score_of(learner, name, model, images, self.labels), self.labels, self.classes)


def exact_samples(learner: Learner, teacher: Teacher, per_class: int) -> DensitySamples:
    """``EXACT`` samples of the teacher's density, and at least ``per_class`` of each class."""
    labels = label_of(np.arange(max(EXACT, per_class * learner.classes)), learner.classes)
    floats = teacher.exact(torch.from_numpy(labels), derive(learner.spec.seed, "exact"))
    return samples_of(learner, teacher, floats, labels)


def plain_samples(learner: Learner, teacher: Teacher) -> DensitySamples:
    """The plain sampler's images of indices 0 .. ``PLAIN``−1, which no method pays for."""
    sampler, block = ImageSampler(learner.spec, teacher, learner.device, Meter()), learner.spec.sampler.block
    labels = label_of(np.arange(PLAIN), learner.classes)
    indices = np.split(np.arange(PLAIN), range(block, PLAIN, block))
    floats = torch.cat([sampler.sample(rows, labels[rows]) for rows in indices])
    return samples_of(learner, teacher, floats, labels)


def samples_of(learner: Learner, teacher: Teacher, floats: torch.Tensor, labels: Labels) -> DensitySamples:
    """Ask the density."""
    known = teacher.density_diagnostics(floats, torch.from_numpy(labels).to(floats.device))
    density = {name: in_float64(values).cpu().numpy() for name, values in known.items()}
    return DensitySamples(floats, quantise(floats), labels, learner.classes, density)


def score_of(learner: Learner, name: str, model: Any, images: Images | torch.Tensor, labels: Labels) -> np.ndarray:
    """[n] float64 scores by ``model`` of images as stored (uint8) or as sampled (floats)."""
    score = registry.find("score", name).load().score
    if isinstance(images, np.ndarray):
        logits = learner.predict(images, model)
    else:
        with torch.no_grad():
            logits = torch.cat([learner.logits(chunk, model).cpu() for chunk in images.split(learner.chunk)])
    return score(logits, torch.from_numpy(labels)).double().numpy()


def flat(stored: Images) -> np.ndarray:
    """uint8 images [n, ...] -> points [n, D] in [-1, 1]."""
    return stored.reshape(len(stored), -1) / 127.5 - 1


def by_class(values: np.ndarray, labels: Labels, classes: int) -> list[np.ndarray]:
    """The rows of each class."""
    return [values[labels == label] for label in range(classes)]
