"""ViT-B at 224 pixels: training, looking, reading from disk."""

from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.gpu_checks import GIB, Finding, Findings, Place
from dp_common import device as devices

PARTS = 4  # micro-batches of an iteration
VIT = ["task=imagenet1k", "strategy=static", "data.root=."]
SMALL = "task=digits strategy=static precision=bf16 train.ema=0.9 train.mixup=0.5 train.clip_grad=1".split()


def learner_of(place: Place, micro: int, *words: str) -> Any:
    """The learner of the presets on the device, at ``PARTS`` micro-batches of this size."""
    from dp_common.config.resolve import resolve
    from dp_common.learner.classifier import Learner

    sizes = [f"train.batch={PARTS * micro}", f"train.micro={micro}"]
    run = resolve([*(SMALL if place.small else VIT), *sizes, *words])
    return Learner(run.spec, run.task, place.device)


def batches(learner: Any, pinned: bool = False) -> list[tuple[Any, Any]]:
    """Micro-batches of noise, as arrays or as pinned tensors."""
    import numpy as np
    import torch

    rng, micro = np.random.default_rng(0), learner.spec.train.micro
    images = rng.integers(0, 256, (micro, *learner.shape), dtype=np.uint8)
    labels = np.arange(micro) % learner.classes
    if pinned:
        return [(torch.from_numpy(images).pin_memory(), torch.from_numpy(labels).pin_memory())] * PARTS
    return [(images, labels)] * PARTS


def training(place: Place) -> Findings:
    """Iterations with clipping, AdamW and averaged weights."""
    ways = [("eager.128", 128, False, 1500)]
    if place.device.type == "cuda":
        ways.append(("eager.128.pinned", 128, True, 1500))
    ways.append(("eager.256", 256, False, 1500))
    for name, micro, pinned, low in ways:
        learner = learner_of(place, 64 if place.small else micro)
        given = batches(learner, pinned)
        devices.reset_peak(place.device)
        seconds = place.timed(partial(learner.step, given, 0))
        yield Finding(f"training.{name}", learner.spec.train.batch / seconds, "images/s", low, 4000, rate=True)
        if (peak := devices.peak(place.device)) is not None:
            yield Finding(f"training.{name}.peak", peak / GIB, "GiB", None, 18 if micro == 128 else 34, rate=True)
        if pinned:
            waits = place.waits(partial(learner.step, given, 0))
            yield Finding("training.waits", waits, "", 0, 0, note="of the host for the device in an iteration")


def looking(place: Place) -> Findings:
    """As monitor and test are looked at, by precision; and what decoding JPEGs anew each time costs beside it."""
    import numpy as np

    from benchmarks.speed_suites.loader import pictures
    from dp_common.training_data import shards

    rates = {}
    for precision, low, high in (("fp32", 700, 1600), ("tf32", 3000, 7000), ("bf16", 5000, 14000)):
        learner = learner_of(place, 64 if place.small else 128, f"guide_precision={precision}")
        images = np.zeros((64 if place.small else 445, *learner.shape), np.uint8)
        rates[precision] = len(images) / place.timed(partial(learner.predict, images))
        yield Finding(f"looking.{precision}", rates[precision], "images/s", low, high, rate=True)
    encoded = [shards.encode(image, "jpeg") for image in pictures(8)]
    decoding = len(encoded) / place.timed(lambda: [shards.decode(data) for data in encoded])
    note = "one core, against looking in TF32: so many cores would keep the device busy"
    yield Finding("looking.decode_jpeg", decoding, "images/s", 300, None, rate=True, note=note)
    yield Finding("looking.cores", rates["tf32"] / decoding, "cores")


def reading(place: Place) -> Findings:
    """Training from shards on disk, augmented, by readers: seconds until the first iteration, and the share of the time
    after it that the device waits.
    """
    learner = learner_of(place, 64 if place.small else 128)
    train_set = stored(place.folder, 512 if place.small else 8192, learner.shape)
    for readers in (2,) if place.small else (4, 8, 12):
        rate, waiting, begins = shares(place, learner, train_set, readers)
        yield Finding(f"reading.{readers}_readers", rate, "images/s", 250 * readers if readers < 8 else 1800, rate=True)
        yield Finding(f"reading.{readers}_readers.begins", begins, "s", None, 2.0, rate=True)
        bound = 0.05 if readers >= 12 else None
        yield Finding(f"reading.{readers}_readers.waiting", waiting, "", None, bound, rate=True)


def shares(place: Place, learner: Any, train_set: Any, readers: int) -> tuple[float, float, float]:
    """(images a second, share of the time waited for readers) after the first iteration, and seconds until then."""
    import time

    from dp_common.config.specification import Train
    from dp_common.training_data import loading
    from dp_common.training_data.augmentation import augment_of

    micro, batch = learner.spec.train.micro, learner.spec.train.batch
    augment = augment_of(0, Train(crop=0.08, flip=True, randaugment=9), learner.shape)
    spans = [(first, first + micro) for first in range(0, len(train_set) // batch * batch, micro)]
    pinned = place.device.type == "cuda"
    begun = time.perf_counter()
    stream = loading.stream(loading.Examples(train_set, 0, augment=augment), spans, readers, pinned)
    waited, first = 0.0, 0.0
    for _ in range(len(spans) // PARTS):
        since = time.perf_counter()
        given = [next(stream) for _ in range(PARTS)]
        waited += time.perf_counter() - since
        learner.step(given, 0)
        if not first:
            place.synchronise()
            waited, first = 0.0, time.perf_counter()
    place.synchronise()
    seconds = time.perf_counter() - first
    return (len(spans) - PARTS) * micro / seconds, waited / seconds, first - begun


def stored(folder: Path, images: int, shape: tuple[int, ...]) -> Any:
    """A training set of JPEGs in shards."""
    import numpy as np

    from benchmarks.speed_suites.loader import pictures
    from dp_common.arrays import EncodedImages
    from dp_common.training_data import shards
    from dp_common.training_data.block_set import BlockSet

    made = [shards.encode(image[: shape[0], : shape[1], : shape[2]], "jpeg") for image in pictures(16)]
    indices, train_set = np.arange(images), BlockSet()
    content = EncodedImages([made[index % len(made)] for index in indices], indices, indices % 10)
    path, origin = folder / "check.parquet", shards.Origin(seed=0, round=0, strategy="static")
    digest = shards.write(path, content, [str(n) for n in range(10)], origin, format="jpeg")
    train_set.add_shard(path, digest, images)
    return train_set
