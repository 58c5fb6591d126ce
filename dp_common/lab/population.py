"""The population: a fixed draw of held-out images of the teacher's own distribution, to test on in its own world.

The same for every run of a comparison and used for nothing else: no strategy can reach it. Where the density is known
it is exact samples of it, so that accuracy is short of Bayes's by the learner's fault alone; any other teacher's are
plain samples of a seed below all runs', by ``STEPS`` steps, made once and kept under ``<root>/population``.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from dp_common import files
from dp_common.config.resolve import Resolved
from dp_common.config.specification import Sampler, canonical
from dp_common.diffusion.image_sampler import ImageSampler, quantise
from dp_common.lab.context import RunContext
from dp_common.persistence.meter import Meter
from dp_common.progress import note
from dp_common.real_images.splits import Split
from dp_common.seeds import derive, label_of

EXACT = 20_000  # images where nothing is asked for and the density is known
SEED = -1  # runs have seeds from 0 on
STEPS = 50  # of a population that is drawn, whatever the arms do
KEPT = ("sampler.cfg_scale", "sampler.clip")  # keys of the sampler that a drawn population shares with the run


def images_of(resolved: Resolved) -> int:
    """How many images the population of this run has; 0: none."""
    asked = resolved.spec.population.images
    if asked >= 0:
        return asked
    return EXACT if resolved.teacher.knows_density else 0


def population(run: RunContext, resolved: Resolved, folder: Path) -> Split | None:
    """The population of a run; None where it has none. On every rank.

    Args:
        run: Of which the teacher is asked.
        resolved: The run.
        folder: Of the run; drawn images that cost time are kept beside it.
    """
    n = images_of(resolved)
    if not n:
        return None
    labels = label_of(np.arange(n), len(run.data.classes))
    teacher = run.models.teacher
    if teacher.knows_density:
        return Split(exact_pixels(teacher, labels), labels)
    path = folder.parent / "population" / f"{key_of(resolved, n)}.npy"
    if run.group.rank == 0 and not path.exists():
        note(f"drawing a population of {n:,} images, once: {path}")
        draw(run, labels, path)
    run.group.broadcast(None)  # it is there
    return Split(np.load(path, mmap_mode="r"), labels)


def exact_pixels(teacher: "object", labels: np.ndarray) -> np.ndarray:
    """Exact samples of the density, as images are stored: uint8 [n, C, H, W] for labels [n]."""
    import torch

    return quantise(teacher.exact(torch.from_numpy(labels), derive(SEED, "population")))  # type: ignore[attr-defined]


def key_of(resolved: Resolved, n: int) -> str:
    """What decides a population's images: teacher, sampler, task's data, arithmetic; not seed, scale or strategy."""
    values, section = resolved.values, resolved.spec.teacher.replace("-", "_") + "."
    decides = ("task", "teacher", "threads", "data.split", "data.limit", "sampler.block", *KEPT)
    kept = {key: value for key, value in values.items() if key in decides or key.startswith(section)}
    prints = {key: value for key, value in resolved.fingerprints.items() if key.startswith(("data_", "t"))}
    return files.digest(canonical({"values": kept, "fingerprints": prints, "images": n}))[:16]


def draw(run: RunContext, labels: np.ndarray, path: Path) -> None:
    """Sample them block by block into a file that is whole or not there; paid for by no run."""
    own = run.spec.sampler
    plain = Sampler(steps=STEPS, cfg_scale=own.cfg_scale, clip=own.clip, block=own.block)
    spec = replace(run.spec, seed=SEED, sampler=plain)
    sampler = ImageSampler(spec, run.models.teacher, run.models.sampler.device, Meter())
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.stem}.{os.getpid()}.tmp")
    try:
        kept: np.memmap | None = None
        for start in range(0, len(labels), run.spec.sampler.block):
            rows = np.arange(start, min(start + run.spec.sampler.block, len(labels)))
            images = quantise(sampler.sample(rows, labels[rows]))
            if kept is None:
                shape = (len(labels), *images.shape[1:])
                kept = np.lib.format.open_memmap(beside, "w+", np.uint8, shape)
            kept[rows] = images
        if kept is not None:
            kept.flush()
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
