"""Scores of images as they are stored."""

from typing import Any

import numpy as np
import torch

from dp_common import seeds
from dp_common.arrays import DecodedImages, Scores
from dp_common.config import registry
from dp_common.errors import Problem
from dp_common.persistence.meter import Meter


def is_blind(score: str, key: str | None = None) -> bool:
    """Does this score look at no learner, so that it costs nothing and cannot guide? Raises BadInput of ``key``."""
    return bool(registry.find("score", score, key).load().BLIND)


def score_images(
    score: str,
    learner: Any,
    decoded: DecodedImages,
    seed: int,
    meter: Meter,
    model: torch.nn.Module | None = None,
    scorer: Any = None,
) -> Scores:
    """Scores of stored images, [n] float32, higher: more wanted.

    Args:
        score: Name of the score.
        learner: Has ``predict(images uint8 [n, C, H, W], model) -> logits [n, classes]``.
        decoded: The images.
        seed: The run's; a blind score is a function of it and of the indices.
        meter: Counts a classifier evaluation per image, unless the score is blind.
        model: The network that scores, such as a frozen one; None: the learner as it is.
        scorer: Of a score that looks at more than logits (``score_sources.Scorer``).

    Raises:
        Problem: The score does not give one finite number an image.
    """
    module, n = registry.find("score", score).load(), len(decoded.indices)
    if is_blind(score):
        values = np.asarray(module.score(seeds.uniforms(seed, "score", decoded.indices)), np.float32)
    elif scorer is not None:
        values = np.asarray(scorer.of_stored(decoded, meter).float())
    else:
        meter.count(classifier_evaluations=len(decoded.images))
        logits = learner.predict(decoded.images, model)
        values = np.asarray(module.score(logits, torch.tensor(decoded.labels)).float())
    if values.shape != (n,) or not np.isfinite(values).all():
        got = f"shape {list(values.shape)}" if values.shape != (n,) else "some that are not finite"
        raise Problem(f"score {score}: one finite number an image is wanted, it gave {got}; dp_common.contracts.Score")
    return values
