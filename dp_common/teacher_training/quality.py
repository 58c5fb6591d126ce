"""What a trained unet teacher is worth, in numbers: its samples beside real images, by a classifier, by distances, by
its own loss.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dp_common.config.registry import one_line
from dp_common.contracts import Task, Teacher
from dp_common.errors import BadInput, Interrupted, Problem
from dp_common.teacher_training.source import Source
from dp_common.teacher_training.trainer import Trainer

if TYPE_CHECKING:
    import torch

    from dp_common.learner.classifier import Learner

AT_MOST = 10_000  # real images that samples are held against
STOPPED = "stopped while the trained teacher was being judged; the same command goes on from there"


def samples(
    teacher: Teacher,
    n: int,
    classes: int,
    device: "torch.device",
    seed: int,
    block: int = 512,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[np.ndarray, np.ndarray]:
    """Samples as a run with default settings makes them: 20 DDIM steps, no classifier-free guidance.

    Args:
        teacher: prepared.
        n: how many, balanced over classes.
        classes: of the task.
        device: where it samples.
        seed: of the run whose images 0 .. n-1 these are.
        block: images sampled at once.
        stop: asked between blocks whether to break off.

    Returns:
        (images uint8 [n, C, H, W], labels [n]).

    Raises:
        Interrupted: it was asked to stop.
    """
    from dp_common.config.specification import Spec
    from dp_common.diffusion.image_sampler import ImageSampler, quantise
    from dp_common.persistence.meter import Meter
    from dp_common.seeds import label_of

    sampler = ImageSampler(Spec(teacher="unet", seed=seed), teacher, device, Meter())
    images, labels = [], label_of(np.arange(n), classes)
    for start in range(0, n, block):
        if stop():
            raise Interrupted(STOPPED)
        rows = np.arange(start, min(start + block, n))
        images.append(quantise(sampler.sample(rows, labels[rows])))
    return np.concatenate(images), labels


def judge(task: Task, source: Source, seed: int, device: "torch.device", stop: Callable[[], bool]) -> "Learner":
    """The task's own learner, trained with the task's recipe on the teacher's real training images, unaugmented.

    Raises:
        Interrupted: it was asked to stop.
    """
    from dp_common.config.specification import Spec
    from dp_common.learner.classifier import Learner
    from dp_common.seeds import uniforms

    recipe = task.recipe
    spec = Spec(seed=seed, learner=recipe.get("learner", Spec.learner))
    given = {key.removeprefix("train."): value for key, value in recipe.items() if key.startswith("train.")}
    spec.train = replace(spec.train, **{key: value for key, value in given.items() if "." not in key})
    learner, batch, n = Learner(spec, task, device), spec.train.batch, len(source.labels)
    part = spec.train.micro or batch

    def rows_of(step: int) -> np.ndarray:
        return (uniforms(seed, "batch", np.arange(step * batch, (step + 1) * batch)) * n).astype(np.int64)

    steps = range(-(-spec.train.seen // batch))
    for step, images in zip(steps, source.batches(rows_of, steps)):
        if stop():
            raise Interrupted(STOPPED)
        labels = source.labels[rows_of(step)]
        learner.step([(images[i : i + part], labels[i : i + part]) for i in range(0, batch, part)], step * batch)
    return learner


def quality(
    teacher: Teacher,
    trainer: Trainer,
    task: Task,
    source: Source,
    n: int,
    device: "torch.device",
    stop: Callable[[], bool],
) -> dict[str, float]:
    """Numbers of ``n`` samples and of real images beside them, by name; what each means stands in the card.

    Raises:
        Interrupted: it was asked to stop.
    """
    seed, classes = trainer.settings.seed, len(task.classes)
    images, labels = samples(teacher, n, classes, device, seed, stop=stop)
    learner = judge(task, source, seed, device, stop)
    test = np.arange(min(len(task.test), AT_MOST))
    real_images = task.test.read(test)
    logits, real_logits = learner.predict(images), learner.predict(real_images)
    train_images = read(source, np.arange(0, len(source.labels), -(-len(source.labels) // AT_MOST)))
    monitor = task.monitor.read(np.arange(min(len(task.monitor), 2_000)))
    monitor_labels = np.asarray(task.monitor.labels)[: len(monitor)]
    rows = np.arange(len(source.labels))[:: max(1, len(source.labels) // len(monitor))][: len(monitor)]
    return {
        "samples": n,
        "label_accuracy": float((logits.argmax(1).numpy() == labels).mean()),
        "judge_test_accuracy": float((real_logits.argmax(1).numpy() == np.asarray(task.test.labels)[test]).mean()),
        "judge_entropy_samples": mean_entropy(logits),
        "judge_entropy_test": mean_entropy(real_logits),
        "pixel_mean_samples": float(images.mean() / 127.5 - 1),
        "pixel_mean_train": float(train_images.mean() / 127.5 - 1),
        "pixel_sd_samples": float(images.std() / 127.5),
        "pixel_sd_train": float(train_images.std() / 127.5),
        "nearest_train_samples": nearest(images[:1000], train_images),
        "nearest_train_test": nearest(real_images[:1000], train_images),
        "loss_train": denoising_loss(trainer, read(source, rows), source.labels[rows]),
        "loss_monitor": denoising_loss(trainer, monitor, monitor_labels),
    }


def read(source: Source, rows: np.ndarray) -> np.ndarray:
    """Training images of these rows: uint8 [len(rows), C, H, W]."""
    return next(iter(source.batches(lambda _: rows, [0])))


def mean_entropy(logits: "torch.Tensor") -> float:
    """Mean entropy of the predictions of logits [n, C], nats."""
    log_p = logits.log_softmax(1)
    return float(-(log_p.exp() * log_p).sum(1).mean())


def nearest(images: np.ndarray, among: np.ndarray) -> float:
    """Median over ``images`` of the Euclidean distance to the nearest of ``among``, pixels in [-1, 1]; both uint8 [n,
    C, H, W].
    """
    import torch

    def flat(x: np.ndarray) -> "torch.Tensor":
        return torch.from_numpy(np.ascontiguousarray(x)).flatten(1).float() / 127.5 - 1

    return float(torch.cat([torch.cdist(part, flat(among)).amin(1) for part in flat(images).split(256)]).median())


def denoising_loss(trainer: Trainer, images: np.ndarray, labels: np.ndarray, repeats: int = 8) -> float:
    """Training loss of the averaged weights on images uint8 [n, C, H, W] and labels [n], the same noise for each
    call.
    """
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        parts = [
            trainer.loss(
                trainer.average.module.eval(),
                torch.from_numpy(images[i : i + 256]).to(trainer.device).float() / 127.5 - 1,
                torch.from_numpy(labels[i : i + 256]).to(trainer.device),
            )
            * len(labels[i : i + 256])
            for _ in range(repeats)
            for i in range(0, len(images), 256)
        ]
    return float(sum(parts)) / (repeats * len(images))


# ---------------------------------------------------------------------- FID and KID


def need_torchmetrics() -> None:
    """Raise BadInput where what ``distances`` needs is not installed."""
    from importlib.util import find_spec

    if not (find_spec("torchmetrics") and find_spec("torch_fidelity")):
        raise BadInput(
            "distance", "inception", "needs torchmetrics and torch-fidelity: pip install 'torchmetrics[image]'"
        )


def beside_real(
    teacher: Teacher, task: Task, n: int, device: "torch.device", seed: int, stop: Callable[[], bool]
) -> tuple[np.ndarray, np.ndarray]:
    """(samples, real test images), at most ``n`` and equally many of each: uint8 [n, C, H, W]."""
    real = task.test.read(np.arange(min(n, len(task.test))))
    return samples(teacher, len(real), len(task.classes), device, seed, stop=stop)[0], real


def distances(
    images: np.ndarray, real: np.ndarray, device: "torch.device | str", extractor: "torch.nn.Module | None" = None
) -> dict[str, float]:
    """FID and KID between two sets of images by torchmetrics; KID in subsets of a tenth, at most 1,000.

    Args:
        images: uint8 [n, C, H, W], C = 1 or 3.
        real: likewise.
        device: where features are taken.
        extractor: a module from uint8 [B, 3, H, W] to features [B, d] in place of the Inception network.

    Returns:
        ``fid``, ``kid``, ``kid_sd`` (over subsets) and ``distance_images``.

    Raises:
        Problem: the Inception network cannot be fetched.
    """
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    feature, subset = extractor or 2048, min(1000, max(2, len(real) // 10))
    try:
        fid = FrechetInceptionDistance(feature=feature).to(device)
        kid = KernelInceptionDistance(feature=feature, subset_size=subset).to(device)
    except OSError as error:
        raise Problem(
            f"distance=inception: its network cannot be fetched ({one_line(error)[:160]}); "
            "with distance=none this command ends"
        ) from error
    for some, is_real in ((real, True), (images, False)):
        for part in torch.from_numpy(some).split(64):
            rgb = part.expand(-1, 3, -1, -1).to(device)
            fid.update(rgb, real=is_real)
            kid.update(rgb, real=is_real)
    torch.manual_seed(0)  # KID draws subsets
    mean, sd = kid.compute()
    return {"fid": float(fid.compute()), "kid": float(mean), "kid_sd": float(sd), "distance_images": len(real)}
