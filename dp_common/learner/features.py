"""Features: what the last linear layer of any classifier sees, read on the way to its logits."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Linear, Module

from dp_common import device as devices
from dp_common.device import in_float64
from dp_common.errors import BadInput
from dp_common.seeds import uniforms

PEERS = 256  # images of a class that others of it are held against, by lot where there are more


def head_of(model: Module, name: str, classes: int) -> Linear:
    """The last linear layer of a network, which answers with the logits.

    Args:
        model: The network.
        name: Of the learner, for the error.
        classes: Its outputs.

    Raises:
        BadInput: It has none.
    """
    found = [layer for layer in model.modules() if isinstance(layer, Linear) and layer.out_features == classes]
    if not found:
        raise BadInput("learner", name, f"has no last linear layer of {classes} outputs, whose input are the features")
    return found[-1]


def with_features(learner: Any, images: Tensor, model: Module | None = None) -> tuple[Tensor, Tensor]:
    """Logits and features, by one forward pass; both fp32 and differentiable.

    Args:
        learner: Has ``guiding``, ``logits``, ``classes`` and ``spec``.
        images: [B, C, H, W] about [-1, 1].
        model: The network that answers; None: the learner as it is.

    Returns:
        (logits [B, classes], features [B, D]).

    Raises:
        BadInput: The last linear layer sees anything but one vector an image.
    """
    model, seen = model or learner.guiding, []
    head = head_of(model, learner.spec.learner, learner.classes)
    handle = head.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    try:
        logits = learner.logits(images, model)
    finally:
        handle.remove()
    if len(seen) != 1 or seen[0].shape != (len(images), head.in_features):
        raise BadInput("learner", learner.spec.learner, "its last linear layer does not see one vector an image")
    return logits, seen[0].float()


@torch.no_grad()
def features_of(learner: Any, images: Any, model: Module | None = None) -> Tensor:
    """Features [n, D] of uint8 images, on the learner's device, in chunks."""
    chunks = [images[start : start + learner.chunk] for start in range(0, len(images), learner.chunk)]
    return torch.cat([with_features(learner, learner.to_float(chunk), model)[1] for chunk in chunks])


def moments_of(features: Tensor, labels: Tensor, classes: int, shrink: float = 0.1) -> tuple[Tensor, Tensor, Tensor]:
    """Features as one Gaussian a class, with one covariance within classes.

    Args:
        features: [n, D].
        labels: [n].
        classes: How many.
        shrink: Share of the mean variance, times I, that takes the place of as much of the covariance.

    Returns:
        (means [classes, D]; of a class without images the mean of all; precision [D, D]; log-determinant of the
        covariance).
    """
    place, features = features.device, in_float64(features)
    labels = labels.to(features.device)
    counts = torch.bincount(labels, minlength=classes)
    sums = torch.zeros(classes, features.shape[1], dtype=features.dtype, device=features.device)
    means = sums.index_add(0, labels, features) / counts.clamp_min(1)[:, None]
    means = torch.where(counts[:, None] > 0, means, features.mean(0))
    within = features - means[labels]
    covariance = within.T @ within / len(features)
    eye = torch.eye(len(covariance), dtype=features.dtype, device=features.device)
    covariance = (1 - shrink) * covariance + (shrink * covariance.trace() / len(covariance) + 1e-6) * eye
    precision, log_det = torch.linalg.inv(covariance), torch.linalg.slogdet(covariance)[1]
    return means.float().to(place), precision.float().to(place), log_det.float().to(place)


def peers_of(
    features: Tensor, labels: Tensor, indices: np.ndarray, classes: int, seed: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Of each class at most ``PEERS`` images, and how far they lie from one another.

    Args:
        features: [M, D].
        labels: [M].
        indices: [M], by which the lot is drawn.
        classes: How many.
        seed: Of the run.

    Returns:
        (features [classes, n, D], zeros where there are fewer; which are there [classes, n]; median squared distance of
        two images of the class [classes], where it has fewer than two the mean of the others', where none has it 1).
    """
    place, features, of = features.device, features.cpu(), labels.cpu().numpy()
    order = np.argsort(uniforms(seed, "peers", indices), kind="stable")
    rows = [np.sort(order[of[order] == label][:PEERS]) for label in range(classes)]
    n = max(1, max(map(len, rows)))
    found, there = torch.zeros(classes, n, features.shape[1]), torch.zeros(classes, n, dtype=torch.bool)
    medians = torch.full((classes,), torch.nan)
    for label, own in enumerate(rows):
        found[label, : len(own)], there[label, : len(own)] = features[own], True
        if len(own) > 1:
            medians[label] = torch.pdist(features[own]).square().median()
    medians = torch.nan_to_num(medians, nan=float(medians.nanmean().nan_to_num(nan=1.0))).clamp_min(1e-12)
    return devices.send(found, place), devices.send(there, place), devices.send(medians, place)
