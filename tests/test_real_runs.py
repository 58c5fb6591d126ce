"""Whole runs on folders of images, with teachers that are networks: the real code paths, small enough for a CPU."""

import io

import numpy as np
import pyarrow.parquet as pq
import pytest

from dp_common.config.resolve import resolve
from dp_common.conformance import AtYield, journal
from dp_common.errors import Interrupted, Problem
from dp_common.lab import runner
from dp_common.persistence import ledger

CLASSES = ("bar", "cross", "ring")


def picture(kind, rng, side):
    """uint8 [side, side, 3] of one of three shapes, in some colour on some ground."""
    y, x = (np.mgrid[:side, :side] - side / 2 + rng.normal(0, 1, (2, 1, 1))) / side
    mask = {
        "bar": abs(x) < 0.15,
        "cross": (abs(x) < 0.12) | (abs(y) < 0.12),
        "ring": abs(np.hypot(x, y) - 0.33) < 0.09,
    }[kind]
    ground, ink = rng.integers(0, 110, 3), rng.integers(150, 256, 3)
    return np.where(mask[..., None], ink, ground).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A folder with train/ and test/ of three classes, PNG and JPEG, of several sizes."""
    from PIL import Image

    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for part, n in (("train", 60), ("test", 20)):
        for kind in CLASSES:
            (folder / part / kind).mkdir(parents=True)
            for number in range(n):
                image = Image.fromarray(picture(kind, rng, int(rng.integers(16, 40))))
                image.save(folder / part / kind / f"{number}.{('png', 'jpg')[number % 2]}")
    return [f"data.train={folder}/train", f"data.test={folder}/test", "folder.size=8", "task=folder"]


@pytest.fixture(scope="module")
def unet(pictures, tmp_path_factory):
    """Overrides for a UNet teacher trained on them for a second, by the command."""
    from benchmarks import train_teacher

    out = tmp_path_factory.mktemp("teacher") / "shapes.safetensors"
    assert train_teacher.main([*pictures, "steps=40", "channels=8,16", "batch=32", "quality=none", f"out={out}"]) == 0
    return ["teacher=unet", f"unet.weights={out}", "sampler.steps=5"]


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory):

    from tests.dp_common.teachers import tiny_stable_diffusion as tiny_sd

    folder = tmp_path_factory.mktemp("sd")
    tiny_sd.make(folder)
    return [
        "teacher=stable-diffusion",
        f"stable_diffusion.weights={folder}",
        "stable_diffusion.dtype=fp32",
        "sampler.steps=5",
        "sampler.cfg_scale=2",
        "stable_diffusion.guide_decode=reduced",
    ]


RUN = [
    "strategy=dp",
    "scale=96",
    "train.seen=2560",
    "train.batch=128",
    "train.micro=64",
    "learner=vit-digits",
    "dp.interval=128",
    "dp.patience=1",
    "train.order=block",
    "train.flip=true",
    "train.mixup=0.5",
    "train.ema=0.9",
    "sampler.block=8",
    "shard=64",
    "checkpoint_every=0",
]


COUNTS = (
    "images_generated",
    "images_kept",
    "images_seen",
    "iterations",
    "rounds",
    "network_evaluations",
    "gradients",
    "monitor_evaluations",
)


def finished(words, root, stops=None):
    """-> (summary, journal, the bytes of all images in order) of a run, or of one interrupted again and again."""
    words = list({word.partition("=")[0]: word for word in words}.values())  # the last of a key counts
    resolved, attempts = resolve([*words, f"root={root}"]), 0
    while True:
        try:
            summary = runner.execute(resolved, quiet=True, stop=AtYield(2 + attempts % 4) if stops else lambda: False)
            break
        except Interrupted:
            attempts += 1
            resolved = resolve([*words, f"root={root}"])
    folder = runner.folder_of(resolved)
    records = ledger.read(folder)
    members = [member for r in ledger.surviving(records) if r["kind"] == "call" for member in r["added"]]
    images = [row["bytes"] for member in members for row in pq.read_table(folder / member["file"])["image"].to_pylist()]
    assert not stops or attempts > 3
    return summary, journal(records), images


@pytest.mark.parametrize(
    "teacher, how",
    [
        pytest.param("unet", ["images.format=jpeg", "readers=2"], marks=pytest.mark.slow),
        ("stable_diffusion", ["images.format=webp", "images.quality=80", "train.seen=1536", "dp.schedule=even"]),
    ],
)
def test_a_folder_from_end_to_end_interrupted_and_not(pictures, request, tmp_path, teacher, how):
    words = [*pictures, *request.getfixturevalue(teacher), *RUN, *how]
    whole = finished(words, tmp_path / "whole")
    parts = finished(words, tmp_path / "parts", stops=True)
    for key in ("accuracy", "monitor_accuracy", "store_digest", "images_generated", "network_evaluations", "gradients"):
        assert whole[0][key] == parts[0][key], key
    assert whole[1:] == parts[1:]
    assert whole[0]["gradients"] > 0 and whole[0]["scale_reached"] and len(whole[2]) == 96
    from PIL import Image

    stored = Image.open(io.BytesIO(whole[2][0]))
    assert stored.format.lower() == how[0].partition("=")[2] and stored.size == (8, 8)


@pytest.mark.gpu
def test_a_gpu_does_as_much_work_for_as_many_images_as_a_cpu(pictures, unet, tmp_path):
    words = [*pictures, *unet, *RUN, "dp.schedule=even"]  # by a schedule that does not look at accuracies
    on = {device: finished([*words, f"device={device}"], tmp_path / device)[0] for device in ("cpu", "cuda")}
    for count in COUNTS:
        assert on["cuda"][count] == on["cpu"][count] > 0, count
    assert on["cpu"]["device"] == "cpu" != on["cuda"]["device"]


@pytest.mark.slow
def test_what_is_trained_on_is_what_was_stored(pictures, unet, tmp_path):
    """In memory, an attempt that made its lossy images and one that read them back draw the same pixels."""
    words = [*pictures, *unet, *RUN, "train.order=uniform", "images.format=jpeg", "images.quality=30"]
    whole, parts = finished(words, tmp_path / "whole"), finished(words, tmp_path / "parts", stops=True)
    assert (whole[0]["accuracy"], whole[0]["store_digest"]) == (
        parts[0]["accuracy"],
        parts[0]["store_digest"],
    ) and whole[2] == parts[2]


def test_pruning_at_a_fixed_share_keeps_the_bytes_it_stored(pictures, unet, tmp_path):
    words = [
        *pictures,
        *unet,
        *[word for word in RUN if not word.startswith("dp.")],
        "strategy=prune",
        "prune.rounds=1",
        "prune.at=0.4",
        "prune.interval=128",
        "prune.oversample=2",
        "images.format=jpeg",
    ]
    summary, _, images = finished(words, tmp_path)
    first, second = summary["additions"]
    assert second["seen"] == 1024 and summary["images_generated"] == 24 + 2 * 72 and len(images) == 96


@pytest.mark.parametrize(
    "where, named",
    [
        ("dp_common.diffusion.image_sampler.ImageSampler.sample", "sampler.block (now 8)"),
        ("dp_common.learner.classifier.Learner.step", "train.micro (now 64)"),
    ],
)
def test_out_of_memory_names_the_setting_to_lower(pictures, unet, tmp_path, monkeypatch, where, named):
    import torch

    def full(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB\nand so on")

    monkeypatch.setattr(where, full)
    with pytest.raises(Problem) as caught:
        runner.execute(resolve([*pictures, *unet, *RUN, f"root={tmp_path}"]), quiet=True)
    assert named in str(caught.value) and "\n" not in str(caught.value)
