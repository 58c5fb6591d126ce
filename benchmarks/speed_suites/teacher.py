"""Teacher, sampler and learner of a run, by its keys: plain images, guided by path and frequency, training."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from benchmarks.speed_suites import Item, Setting
from dp_common.config.resolve import resolve
from dp_common.diffusion.guidance import THROUGH, Guidance

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved

RUN_KEYS = True
NAMES = ("*.plain", "*.relative.*", "*.learner.train", "*.learner.forward")


def items(setting: Setting) -> dict[str, Item]:
    """The items of the run that the keys describe."""
    run = resolve(["strategy=static", *setting.overrides])
    run.task.load(run.spec.data.split)
    return measured(run, setting)


def measured(run: "Resolved", setting: Setting, decodes: Sequence[str] = ()) -> dict[str, Item]:
    """Items named after the teacher of a run.

    Args:
        run: its task is loaded as far as its teacher needs.
        setting: of the command.
        decodes: values of the teacher's ``guide_decode`` to take in turn; matrix work is then counted too.
    """
    import numpy as np

    from dp_common.diffusion.image_sampler import ImageSampler, quantise
    from dp_common.learner.classifier import Learner
    from dp_common.persistence.meter import Meter
    from dp_common.seeds import label_of

    teacher: Any = run.teacher
    teacher.prepare(run.task, setting.device)
    learner = Learner(run.spec, run.task, setting.device)
    sampler = ImageSampler(run.spec, run.teacher, setting.device, Meter())
    block, batch, name = (
        min(setting.block, run.spec.sampler.block),
        run.spec.train.micro or run.spec.train.batch,
        run.spec.teacher,
    )
    indices = np.arange(block)
    labels = label_of(indices, len(run.task.classes))
    images = quantise(sampler.sample(indices, labels))
    rows, looked = np.arange(batch) % block, images[np.arange(max(block, learner.chunk)) % block]
    run.spec.train.batch = batch

    def guided(through: str, every: int, decode: str | None = None) -> None:
        if decode:
            teacher.guide_decode = decode
        guidance = Guidance("entropy", 0.05, "relative", through, every)
        sampler.sample(indices, labels, sampler.guidance_step(guidance, learner))

    plain, train = partial(sampler.sample, indices, labels), partial(learner.step, [(images[rows], labels[rows])], 0)
    found = {f"{name}.plain": Item("images", block, plain, flops=flops_of(plain) if decodes else None)}
    for through, every, decode in product(THROUGH, (1, 5), decodes or (None,)):
        called = ".".join(filter(None, (name, "relative", through, f"every{every}", decode)))
        found[called] = Item("images", block, partial(guided, through, every, decode), f"{name}.plain")
    return found | {
        f"{name}.learner.train": Item("images", batch, train, f"{name}.plain", flops_of(train) if decodes else None),
        f"{name}.learner.forward": Item("images", len(looked), partial(learner.predict, looked), f"{name}.plain"),
    }


def flops_of(call: Callable[[], Any]) -> float:
    """Floating-point operations of the matrix products, convolutions and attentions in one call."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()
