"""What a picture of a two-dimensional task is drawn from: density, learner and points on one square."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dp_common.arrays import Images, Labels
from dp_common.files import digest, write_atomic
from dp_common.learner.classifier import Learner
from dp_common.probes.density_samples import DensitySamples

GRID, DRAWN = 81, 1000  # cells a side; points of an addition that are kept


def save_map(
    folder: Path,
    file: str,
    teacher: Any,
    learner: Learner,
    models: Sequence[Any],
    seen: Sequence[int],
    additions: Sequence[tuple[int, Images, Labels]],
    plain: DensitySamples,
) -> dict[str, str]:
    """Write an .npz without pickles; returns {"file", "digest"}.

    ``axis`` [G] of both numbers; ``log_density`` [G, G, C] of P, second number first; ``probabilities`` [A + 1, G, G,
    C] of the learner at each addition and at the end, ``seen`` [A + 1] images; ``points`` uint8 [n, 2] with
    ``labels`` and ``addition``, and ``plain`` with ``plain_labels``.

    Args:
        folder: Of the run.
        file: Name of the file.
        teacher: Has ``log_density``.
        learner: Runs ``models``.
        models: Of each addition and, None, at the end: [A + 1].
        seen: Images trained on at each: [A + 1].
        additions: (call, images, labels) of each: [A].
        plain: Images of the plain sampler.
    """
    axis = np.linspace(-1, 1, GRID)
    across, up = np.meshgrid(axis, axis)
    cells = torch.from_numpy(np.stack([across, up], -1)).float().reshape(-1, *learner.shape).to(learner.device)
    with torch.no_grad():
        probabilities = [on_grid(learner.logits(cells, model).softmax(1)) for model in models]
        log_density = on_grid(teacher.log_density(cells))
    columns = [
        (images[:DRAWN].reshape(-1, 2), labels[:DRAWN], np.full(min(DRAWN, len(labels)), number))
        for number, (_, images, labels) in enumerate(additions)
    ]
    columns = columns or [(np.empty((0, 2)), np.empty(0), np.empty(0))]
    points, labels, addition = (np.concatenate(column) for column in zip(*columns))
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        axis=axis,
        log_density=log_density.astype(np.float32),
        probabilities=np.stack(probabilities).astype(np.float16),
        seen=np.array(seen),
        points=points.astype(np.uint8),
        labels=labels.astype(np.int16),
        addition=addition.astype(np.int16),
        plain=plain.stored[:DRAWN].reshape(-1, 2),
        plain_labels=plain.labels[:DRAWN],
    )
    write_atomic(Path(folder) / file, buffer.getvalue())
    return {"file": file, "digest": digest(buffer.getvalue())}


def on_grid(values: torch.Tensor) -> np.ndarray:
    """[G·G, C] -> [G, G, C]."""
    return values.cpu().numpy().reshape(GRID, GRID, -1)
