"""The digits recipe: mixture teacher, plain and guided by each rule, path and frequency; learner; encoding."""

from functools import partial

from benchmarks.speed_suites import Item, Setting
from dp_common.config import registry
from dp_common.config.resolve import resolve
from dp_common.diffusion.guidance import THROUGH, Guidance

RUN_KEYS = False
NAMES = ("sample.plain", "sample.*.*.every?", "learner.train", "learner.forward", "learner.gradient", "store.encode")


def items(setting: Setting) -> dict[str, Item]:
    """Items of the digits recipe."""
    import numpy as np
    import torch

    from dp_common.diffusion.image_sampler import ImageSampler, quantise
    from dp_common.learner.classifier import Learner
    from dp_common.persistence.meter import Meter
    from dp_common.seeds import label_of
    from dp_common.training_data import shards

    block = setting.block
    run = resolve(["strategy=static"])
    run.task.load(0)
    run.teacher.prepare(run.task, torch.device("cpu"))
    learner, sampler = (
        Learner(run.spec, run.task, "cpu"),
        ImageSampler(run.spec, run.teacher, torch.device("cpu"), Meter()),
    )
    indices = np.arange(block)
    labels = label_of(indices, len(run.task.classes))
    images = quantise(sampler.sample(indices, labels))
    batch = run.spec.train.batch
    examples = images[np.arange(batch) % block], labels[np.arange(batch) % block]

    def guided(rule: str, through: str, every: int) -> None:
        guidance = Guidance("entropy", 0.05, rule, through, every)
        sampler.sample(indices, labels, sampler.guidance_step(guidance, learner))

    def gradient() -> None:
        x = learner.to_float(images).requires_grad_()
        torch.autograd.grad(learner.logits(x).logsumexp(1).sum(), x)

    found = {"sample.plain": Item("images", block, partial(sampler.sample, indices, labels))}
    for rule in registry.plugins("guidance rule"):
        for through in THROUGH:
            for every in (1, 5) if (rule, through) != ("relative", "denoiser") else (1, 2, 5):
                found[f"sample.{rule}.{through}.every{every}"] = Item(
                    "images", block, partial(guided, rule, through, every), "sample.plain"
                )
    return found | {
        "learner.train": Item("images", batch, partial(learner.step, [examples], 0)),
        "learner.forward": Item("images", block, partial(learner.predict, images), "learner.train"),
        "learner.gradient": Item("images", block, gradient, "learner.train"),
        "store.encode": Item("images", block, lambda: [shards.encode(image) for image in images]),
    }
