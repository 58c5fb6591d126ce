"""Which of the teacher's real images a strategy may start from: those that the learner finds hard, or by lot."""

from typing import TYPE_CHECKING

import numpy as np

from dp_common.arrays import Indices
from dp_common.errors import Problem
from dp_common.seeds import derive

if TYPE_CHECKING:  # strategies read WHICH, and --help reads strategies: without torch
    from dp_common.lab.context import RunContext

WHICH = ("wrong", "slow", "right", "random")


def anchors(run: "RunContext", n: int, which: str, number: int) -> Indices:
    """At most ``n`` rows of the teacher's real training images, by lot, all different.

    Args:
        run: What is worked with; the learner looks at every image of the split, but for ``random``.
        n: How many are asked for.
        which: ``wrong``: that the learner gets wrong; ``right``: that it gets right; ``slow``: per class, the cluster
            of two of its answers that has the higher loss (TADA, arXiv 2505.21574); ``random``: any.
        number: Of the call, for the lot.

    Raises:
        Problem: There is no such choice.
    """
    if which not in WHICH:
        raise Problem(f"anchors: which={which}: one of {', '.join(WHICH)}")
    real, meter = run.data.real, run.io.meter
    among = np.arange(len(real))
    if which != "random":
        with meter.phase("score"):
            meter.count(classifier_evaluations=len(real))
            if which == "slow":
                among = slow(run)
            else:
                right = run.models.learner.correct(real)
                among = np.flatnonzero(right if which == "right" else ~right)
    lot = np.random.Generator(np.random.Philox(derive(run.spec.seed, "anchors", number)))
    return np.sort(lot.permutation(among)[:n])


def slow(run: "RunContext") -> Indices:
    """Rows of each class whose answers lie in the cluster of two with the higher mean loss."""
    import torch

    real, learner, found = run.data.real, run.models.learner, []
    labels = np.asarray(real.labels)
    chunks = [np.arange(start, min(start + 1024, len(real))) for start in range(0, len(real), 1024)]

    logits = torch.cat([learner.predict(np.asarray(real.read(rows))) for rows in chunks])
    answers = logits.softmax(1).numpy()
    losses = -logits.log_softmax(1).numpy()[np.arange(len(labels)), labels]
    for label in range(learner.classes):
        rows = np.flatnonzero(labels == label)
        if len(rows) > 1:
            second = two_means(answers[rows], losses[rows])
            found.append(rows[second])
    return np.concatenate(found) if found else np.empty(0, np.int64)


def two_means(points: np.ndarray, losses: np.ndarray, rounds: int = 20) -> np.ndarray:
    """[n] bool: the cluster of two with the higher mean loss, by Lloyd's rounds from the points of least and most
    loss.
    """
    centres = points[[losses.argmin(), losses.argmax()]].astype(np.float64)
    far = np.zeros(len(points), bool)
    for _ in range(rounds):
        distances = ((points[:, None] - centres[None]) ** 2).sum(2)
        far = distances[:, 1] < distances[:, 0]
        if far.all() or not far.any():
            break
        centres = np.stack([points[~far].mean(0), points[far].mean(0)])
    return far
