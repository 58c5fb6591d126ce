"""Several answers to one image: networks thinned by dropout masks that stay, and linear heads on halves of a set."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Dropout, Module
from torch.nn.functional import cross_entropy

from dp_common import device as devices
from dp_common.errors import BadInput
from dp_common.seeds import derive, uniforms

MOST = 2_048  # images that heads are trained on, by lot where there are more
# Of the heads' training: full batches, Adam, L2. A tenth of that L2 lets a small set saturate them: no gradient left.
STEPS, RATE, DECAY = 60, 0.1, 1e-2


def dropping(model: Module, name: str) -> list[Dropout]:
    """The layers of a network that drop. Raises BadInput where it has none."""
    layers = [layer for layer in model.modules() if isinstance(layer, Dropout) and layer.p > 0]
    if not layers:
        raise BadInput(
            "heads.source",
            "dropout",
            f"learner={name} has no dropout layer that drops; of timm's, train.model_args.drop_rate=0.1 gives it one",
        )
    return layers


@contextmanager
def thinned(model: Module, name: str, seed: int, number: int) -> Iterator[None]:
    """Within it the network is thinned by masks, one a layer, the same for all images.

    Masks that stay make an answer a function of the image alone (consistent dropout, Kirsch et al. 2019, arXiv
    1906.08158): guidance is deterministic, and a batch equals its singles.

    Args:
        model: In evaluation mode.
        name: Of the learner, for the error.
        seed: Of the masks.
        number: Which of the thinned networks.
    """
    handles = []
    for place, layer in enumerate(dropping(model, name)):

        def masked(layer: Any, inputs: Any, output: Tensor, place: int = place) -> Tensor:
            generator = torch.Generator().manual_seed(derive(seed, "dropout", number, place))
            kept = torch.rand(output.shape[1:], generator=generator) >= layer.p
            return output * (devices.send(kept, output.device).to(output.dtype) / (1 - layer.p))

        handles.append(layer.register_forward_hook(masked))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def trained_heads(
    features: Tensor, labels: Tensor, indices: np.ndarray, classes: int, count: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Linear heads on features, each trained from its own start on its own half of the images.

    Args:
        features: [n, D].
        labels: [n] int64.
        indices: [n] of the images; head k takes an image by a coin of (seed, k, index).
        classes: Logits of a head.
        count: K heads.
        seed: Of the run.

    Returns:
        (weights [K, D, classes], biases [K, classes]), of features as they are given.
    """
    if len(indices) > MOST:
        rows = np.sort(np.argsort(uniforms(seed, "heads", indices), kind="stable")[:MOST])
        features, labels, indices = features[rows], labels[rows], indices[rows]
    generator = torch.Generator().manual_seed(derive(seed, "heads"))
    shift, scale = features.mean(0), features.std(0).clamp_min(1e-6)
    inputs = (features - shift) / scale
    halves = [uniforms(derive(seed, "half", k), "head", indices) < 0.5 for k in range(count)]
    weight_of = torch.from_numpy(np.stack(halves)).to(features)  # [K, n]
    weight_of = weight_of / weight_of.sum(1, keepdim=True).clamp_min(1)
    start = torch.randn(count, features.shape[1], classes, generator=generator) / features.shape[1] ** 0.5
    weights = start.to(features).requires_grad_()
    biases = torch.zeros(count, classes, device=features.device, requires_grad=True)
    optimizer = torch.optim.Adam([weights, biases], RATE)
    with torch.enable_grad():
        for _ in range(STEPS):
            optimizer.zero_grad()
            logits = torch.einsum("nd,kdc->knc", inputs, weights) + biases[:, None]
            losses = cross_entropy(logits.flatten(0, 1), labels.repeat(count), reduction="none").view(count, -1)
            ((losses * weight_of).sum() + DECAY * weights.square().sum()).backward()
            optimizer.step()
    with torch.no_grad():
        plain = weights / scale[:, None]
        return plain.detach(), (biases - torch.einsum("d,kdc->kc", shift, plain)).detach()
