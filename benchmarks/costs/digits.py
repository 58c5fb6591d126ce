"""The digits recipe: the mixture teacher, plain and guided by each rule, path and frequency; the learner; encoding."""

from functools import partial

from benchmarks.costs import Item
from dp_common.config import registry
from dp_common.config.resolve import resolve
from dp_common.diffusion.guidance import THROUGH, Guidance


def items(options):
    import numpy as np
    import torch

    from dp_common.diffusion.image_sampler import ImageSampler, quantise
    from dp_common.learner.classifier import Learner
    from dp_common.persistence.meter import Meter
    from dp_common.seeds import label_of
    from dp_common.training_data import shards

    block = options.block
    run = resolve(["strategy=static"])
    run.task.load(0)
    run.teacher.prepare(run.task, torch.device("cpu"))
    learner, studio = (
        Learner(run.spec, run.task, "cpu"),
        ImageSampler(run.spec, run.teacher, torch.device("cpu"), Meter()),
    )
    indices = np.arange(block)
    labels = label_of(indices, len(run.task.classes))
    images = quantise(studio.sample(indices, labels))
    batch = run.spec.train.batch
    examples = images[np.arange(batch) % block], labels[np.arange(batch) % block]

    def guided(rule, through, every):
        guidance = Guidance("entropy", 0.05, rule, through, every)
        studio.sample(indices, labels, studio.guidance_step(guidance, learner))

    def gradient():
        x = learner.to_float(images).requires_grad_()
        torch.autograd.grad(learner.logits(x).logsumexp(1).sum(), x)

    found = {"sample.plain": Item("images", block, partial(studio.sample, indices, labels))}
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
