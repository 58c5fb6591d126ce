"""What ``torch.compile`` gains, last: compiling takes minutes that the other items may need."""

from functools import partial

from benchmarks.gpu_checks import LEFT_OUT, Finding, Findings, Place
from benchmarks.gpu_checks.sampling import Bench
from benchmarks.gpu_checks.training import batches, learner_of


def compiled(place: Place) -> Findings:
    """An iteration of training, and a plain step of Stable Diffusion 1.5."""
    import torch

    if place.small:
        yield Finding("compiled", None, verdict=LEFT_OUT, note="in a rehearsal")
        return
    learner = learner_of(place, 128, "train.compile=yes")
    seconds = place.timed(partial(learner.step, batches(learner), 0))
    yield Finding("compiled.training", learner.spec.train.batch / seconds, "images/s", 2200, 4000, rate=True)
    bench = Bench(place, 16)
    bench.teacher.unet = torch.compile(bench.teacher.unet)
    yield Finding("compiled.step", 1000 * place.timed(bench.step), "ms", 55, 110, rate=True)
