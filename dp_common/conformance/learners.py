"""What a learner must keep, each rule a function; the contract is ``dp_common.contracts.Learner``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dp_common.config.resolve import Resolved, resolve
from dp_common.conformance.rules import Say, hold_to, require, silent

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

ROWS = 6


@dataclass
class Trial:
    """A learner on the images of a task."""

    resolved: Resolved
    shape: tuple[int, ...]  # (channels, height, width)
    classes: int
    images: "Tensor"  # [ROWS, *shape], about [-1, 1]
    make: Callable[[int], "Module"]  # from the seed of its weights


def check_learner(learner: str, *words: str, say: Say = silent) -> None:
    """Hold a learner (a name, one of timm's, or ``./file.py:Class``) to the contract.

    Args:
        learner: of the command line.
        *words: further ``key=value``, the task and ``train.model_args.NAME=VALUE`` among them.
        say: is told of each rule that holds.

    Raises:
        Nonconforming: it breaks a rule.
        BadInput: it cannot be built for this task's images.
    """
    import torch

    keys = {word.partition("=")[0] for word in words}
    usual = [word for word in ("strategy=static", "teacher=mixture") if word.partition("=")[0] not in keys]
    resolved = resolve([f"learner={learner}", *usual, *words])
    hold_to((fits, repeats, answers_by_row, is_differentiable, is_stored_whole, learns), say, trial_of(resolved, torch))


def trial_of(resolved: Resolved, torch: Any) -> Trial:
    """The learner of a run, with images to answer to."""
    from dp_common.learner.build import build

    spec, shape, classes = resolved.spec, resolved.task.shape, len(resolved.task.classes)

    def make(seed: int) -> "Module":
        torch.manual_seed(seed)
        return build(spec.learner, spec.train.model_args, shape, classes)

    images = torch.rand(ROWS, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Trial(resolved, shape, classes, images, make)


def fits(trial: Trial) -> None:
    """fits: one image or several in, one finite logit per class out"""
    import torch

    from dp_common.learner.build import check_fits

    spec = trial.resolved.spec
    check_fits(spec.learner, spec.train.model_args, trial.shape, trial.classes)
    with torch.no_grad():
        logits = trial.make(0).eval()(trial.images)
    right = logits.shape == (ROWS, trial.classes) and bool(torch.isfinite(logits).all())
    require(right, "fits", f"{tuple(logits.shape)} of {ROWS} images and {trial.classes} classes, or not finite")


def repeats(trial: Trial) -> None:
    """repeats itself: weights follow from torch's seed, and answers in eval mode from the weights"""
    import torch

    first, again, other = (trial.make(seed).eval() for seed in (0, 0, 1))
    same = [torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values())]
    require(same and all(same), "repeats itself", "two of one seed differ, or it has no weights")
    require(differ(first, other), "repeats itself", "two of different seeds are alike: draw weights by torch")
    with torch.no_grad():
        require(torch.equal(first(trial.images), first(trial.images)), "repeats itself", "it answers differently")


def differ(a: "Module", b: "Module") -> bool:
    """Do two networks of one architecture differ in any weight?"""
    import torch

    return not all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values()))


def answers_by_row(trial: Trial) -> None:
    """answers by row: in eval mode a batch equals its singles"""
    import torch

    model = trial.make(0).eval()
    with torch.no_grad():
        together = model(trial.images)
        alone = torch.cat([model(trial.images[i : i + 1]) for i in range(ROWS)])
    gap = float((together - alone).abs().max())
    require(torch.allclose(together, alone, rtol=1e-3, atol=1e-4), "answers by row", f"they differ by {gap:.2g}")


def is_differentiable(trial: Trial) -> None:
    """is differentiable from the image to the logits, so that its scores can guide"""
    import torch

    images = trial.images.clone().requires_grad_()
    logits = trial.make(0).eval()(images)
    require(logits.requires_grad, "is differentiable", "logits do not hang on the image by differentiable steps")
    (gradient,) = torch.autograd.grad(logits.log_softmax(1)[:, 0].sum(), images)
    finite = bool(torch.isfinite(gradient).all()) and bool((gradient != 0).any())
    require(finite, "is differentiable", f"gradient {gradient.flatten()[:3]}")


def is_stored_whole(trial: Trial) -> None:
    """is stored whole: another one with its weights gives its answers"""
    import torch

    model, other = trial.make(0).eval(), trial.make(1).eval()
    other.load_state_dict(model.state_dict())
    with torch.no_grad():
        require(torch.equal(model(trial.images), other(trial.images)), "is stored whole", "answers differ")


def learns(trial: Trial) -> None:
    """learns: an iteration of training ends finite and moves weights"""
    import numpy as np
    import torch

    from dp_common.learner.classifier import Learner

    train, rng = trial.resolved.spec.train, np.random.default_rng(0)
    learner = Learner(trial.resolved.spec, trial.resolved.task, "cpu")
    before = {key: value.clone() for key, value in learner.model.state_dict().items()}
    size, part = train.batch, train.micro or train.batch
    images = rng.integers(0, 256, (size, *trial.shape)).astype(np.uint8)
    labels = np.arange(size) % trial.classes
    parts = [(images[i : i + part], labels[i : i + part]) for i in range(0, size, part)]
    loss = float(learner.step(parts, train.seen // 2))
    moved = any(not torch.equal(value, before[key]) for key, value in learner.model.state_dict().items())
    require(np.isfinite(loss) and moved, "learns", f"loss {loss}, weights {'moved' if moved else 'stayed'}")
