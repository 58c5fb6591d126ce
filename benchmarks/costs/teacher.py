"""The teacher, sampler and learner of one run, as its own keys say: plain images, guided ones by path and frequency, training."""

from functools import partial
from itertools import product

from benchmarks.costs import Item
from dp_common.config.resolve import resolve
from dp_common.diffusion.guidance import THROUGH, Guidance


def items(options):
    run = resolve(["strategy=static", *options.words])
    run.task.load(run.spec.data.split)
    return measured(run, options)


def measured(run, options, decodes=()):
    """Items named after the teacher of a resolved run, whose task is loaded as far as its teacher needs. ``decodes``: values of
    the teacher's ``guide_decode`` to take in turn; matrix work is then counted too.
    """
    import numpy as np

    from dp_common.diffusion.image_sampler import ImageSampler, quantise
    from dp_common.learner.classifier import Learner
    from dp_common.persistence.meter import Meter
    from dp_common.seeds import label_of

    run.teacher.prepare(run.task, options.device)
    learner = Learner(run.spec, run.task, options.device)
    studio = ImageSampler(run.spec, run.teacher, options.device, Meter())
    block, batch, name = (
        min(options.block, run.spec.sampler.block),
        run.spec.train.micro or run.spec.train.batch,
        run.spec.teacher,
    )
    indices = np.arange(block)
    labels = label_of(indices, len(run.task.classes))
    images = quantise(studio.sample(indices, labels))
    rows = np.arange(batch) % block
    run.spec.train.batch = batch

    def guided(through, every, decode=None):
        if decode:
            run.teacher.guide_decode = decode
        guidance = Guidance("entropy", 0.05, "relative", through, every)
        studio.sample(indices, labels, studio.guidance_step(guidance, learner))

    plain, train = partial(studio.sample, indices, labels), partial(learner.step, [(images[rows], labels[rows])], 0)
    found = {f"{name}.plain": Item("images", block, plain, flops=flops_of(plain) if decodes else None)}
    for through, every, decode in product(THROUGH, (1, 5), decodes or (None,)):
        called = ".".join(filter(None, (name, "relative", through, f"every{every}", decode)))
        found[called] = Item("images", block, partial(guided, through, every, decode), f"{name}.plain")
    return found | {
        f"{name}.learner.train": Item("images", batch, train, f"{name}.plain", flops_of(train) if decodes else None),
        f"{name}.learner.forward": Item("images", block, partial(learner.predict, images), f"{name}.plain"),
    }


def flops_of(call):
    """Floating-point operations of the matrix products, convolutions and attentions in one call."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()
