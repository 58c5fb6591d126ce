"""A run through the lab with a Stable Diffusion and a ViT, on a folder of images: do its phases say where time went?"""

import time
from pathlib import Path
from typing import Any

from benchmarks.gpu_checks import Finding, Findings, Place

CLASSES = ("first", "second", "third", "fourth")
FULL = (
    "learner=vit_base_patch16_224 precision=bf16 folder.size=224 scale=64 dp.initial=32 dp.per_round=32 "
    "train.seen=1024 train.batch=256"
).split()
SMALL = (
    "learner=vit-digits folder.size=8 scale=16 dp.every=1 dp.initial=8 dp.per_round=8 train.seen=512 train.batch=128 "
    "sampler.steps=3"
).split()
WORDS = (
    "task=folder strategy=dp dp.schedule=even dp.omega=0.05 teacher=stable-diffusion sampler.cfg_scale=4 "
    "sampler.block=16 shard=64"
).split()


def lab(place: Place) -> Findings:
    """Generate, train, look, guide through the full VAE: seconds of phases beside a stopwatch, and beside the wall."""
    from benchmarks.speed_suites import stable_diffusion
    from dp_common.config.resolve import resolve
    from dp_common.diffusion.image_sampler import ImageSampler
    from dp_common.lab import runner
    from dp_common.persistence import ledger

    pictures(place.folder / "real", 8 if place.small else 224)
    stable_diffusion.write(place.folder / "weights", place.device, place.small)
    words = [*WORDS, *(SMALL if place.small else FULL), f"stable_diffusion.weights={place.folder / 'weights'}"]
    words += [f"data.train={place.folder / 'real'}", f"root={place.folder / 'lab'}", f"device={place.device}"]
    resolved = resolve(words)
    watch, pixels = [0.0], ImageSampler.pixels

    def watched(*args: Any) -> Any:
        place.synchronise()
        since = time.perf_counter()
        found = pixels(*args)
        place.synchronise()
        watch[0] += time.perf_counter() - since
        return found

    ImageSampler.pixels = watched  # type: ignore[method-assign, assignment]
    try:
        summary = runner.execute(resolved, quiet=True)
    finally:
        ImageSampler.pixels = pixels  # type: ignore[method-assign]
    seconds = {phase: 3600 * hours for phase, hours in summary["gpu_hours"].items() if hours and phase != "total"}
    wall = next(r["wall"] for r in ledger.read(runner.folder_of(resolved)) if r["kind"] == "close")
    sampled = seconds["generate"] + seconds["guided"]  # a try of one guided block is in it, and not on the watch
    yield Finding("lab.sampling", abs(sampled / watch[0] - 1), "", None, 0.1, note="beside a stopwatch")
    yield Finding("lab.wall", wall, "s", note=", ".join(f"{name} {value:.1f}" for name, value in seconds.items()))
    yield Finding("lab.phases", abs(sum(seconds.values()) / wall - 1), "", None, 0.02, note="of all, beside the wall")
    yield Finding("lab.images", summary["images_generated"], "images", *(2 * [summary["scale"]]))


def pictures(folder: Path, side: int) -> None:
    """Twenty images of noise for each class."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(folder / name / f"{number}.png")
