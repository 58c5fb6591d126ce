"""What ``torch.compile`` gains, last: compiling takes minutes that the other items may need."""

from functools import partial

from benchmarks.gpu_checks import LEFT_OUT, Finding, Findings, Place
from benchmarks.gpu_checks.sampling import STEPS, Bench, classifying, gib, guided_block
from benchmarks.gpu_checks.training import batches, learner_of
from dp_common import device as devices
from dp_common.diffusion.guidance import THROUGH, Guidance
from dp_common.diffusion.guidance_step import Chunk


def compiled(place: Place) -> Findings:
    """Plain steps, the decode and guided steps of Stable Diffusion 1.5; an iteration of training."""
    if place.small:
        yield Finding("compiled", None, verdict=LEFT_OUT, note="in a rehearsal")
        return
    bench = Bench(place, 16)
    bench.choose("full")
    bench.teacher.use_compiled(True)
    step = place.timed(bench.step)
    yield Finding("compiled.step", 1000 * step, "ms", 55, 85, rate=True)
    decode = place.timed(bench.decode)
    yield Finding("compiled.decode", 1000 * decode, "ms", 60, 180, rate=True)
    plain = STEPS * step + decode
    yield Finding("compiled.images_per_second", 16 / plain, "images/s", 6, 9, rate=True)
    bench.sampler.chunk = Chunk(4)  # the way back is not compiled; nothing is expected of it beside compiled steps
    for through in THROUGH:
        guidance = Guidance("entropy", 0.05, "relative", through)
        devices.reset_peak(place.device)
        with classifying(place, bench, "bf16"):
            seconds = place.timed(partial(bench.step, guidance))
        ratio, note = guided_block(plain, step, seconds) / plain, f"a guided step {1000 * seconds:.0f} ms"
        yield Finding(f"compiled.full.{through}.ratio", ratio, "x plain", note=note)
        yield Finding(f"compiled.full.{through}.peak", gib(place), "GiB")
    learner = learner_of(place, 128, "train.compile=yes")
    seconds = place.timed(partial(learner.step, batches(learner), 0))
    yield Finding("compiled.training", learner.spec.train.batch / seconds, "images/s", 2200, 4000, rate=True)
