"""The teacher, sampler and learner of one run, as its own keys say: plain images, guided ones by path and frequency, training."""

from functools import partial

from dp_common import config
from dp_common.options import THROUGH


def items(options):
    """{item: (unit, units per call, call, item it is compared with)}; items are named after the teacher."""
    import numpy as np

    from dp_common.clock import Clock
    from dp_common.generation import Studio, quantise
    from dp_common.learner import Learner
    from dp_common.seeds import label_of

    run = config.resolve(["strategy=static", *options.words])
    run.task.load(run.spec.data.split)
    run.teacher.prepare(run.task, options.device)
    learner = Learner(run.spec, run.task, options.device)
    studio = Studio(run.spec, run.teacher, options.device, Clock())
    block, batch, name = min(options.block, run.spec.sampler.block), run.spec.train.micro or run.spec.train.batch, run.spec.teacher
    indices = np.arange(block)
    labels = label_of(indices, len(run.task.classes))
    images = quantise(studio.sample(indices, labels))
    rows = np.arange(batch) % block
    run.spec.train.batch = batch

    def guided(through, every):
        guide = studio.guide("entropy", learner, None, omega=0.05, rule="relative", through=through, every=every)
        studio.sample(indices, labels, guide)

    found = {f"{name}.plain": ("images", block, partial(studio.sample, indices, labels), None)}
    for through in THROUGH:
        for every in (1, 5):
            found[f"{name}.relative.{through}.every{every}"] = ("images", block, partial(guided, through, every), f"{name}.plain")
    return found | {
        f"{name}.learner.train": ("images", batch, partial(learner.step, [(images[rows], labels[rows])], 0), f"{name}.plain"),
        f"{name}.learner.forward": ("images", block, partial(learner.predict, images), f"{name}.plain"),
    }
