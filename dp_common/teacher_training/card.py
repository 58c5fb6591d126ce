"""What a trained unet teacher is worth, in numbers, and the card that says so."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from dp_common.config.registry import one_line
from dp_common.errors import BadInput, Interrupted, Problem

GRID = 8  # rows of the sample grid


def studio(teacher, seed, device):
    """Samples as a run with default settings does: 20 DDIM steps, no classifier-free guidance."""
    from dp_common.config.specification import Spec
    from dp_common.diffusion.image_sampler import ImageSampler
    from dp_common.persistence.meter import Meter

    return ImageSampler(Spec(teacher="unet", seed=seed), teacher, device, Meter())


def samples(teacher, n, classes, device, seed, block=512, stop=lambda: False):
    """(uint8 images [n, C, H, W], labels [n]), balanced."""
    from dp_common.diffusion.image_sampler import quantise
    from dp_common.seeds import label_of

    made, labels, s = [], label_of(np.arange(n), classes), studio(teacher, seed, device)
    for start in range(0, n, block):
        if stop():
            raise Interrupted("stopped while the trained teacher was being judged; the same command goes on from there")
        rows = np.arange(start, min(start + block, n))
        made.append(quantise(s.sample(rows, labels[rows])))
    return np.concatenate(made), labels


def grid_png(images, columns):
    """Images [n, C, H, W] uint8 (C = 1 or 3) -> bytes of a PNG, ``columns`` to a row, small images enlarged."""
    import io

    from PIL import Image

    n, channels, height, width = images.shape
    times = max(1, 24 // height)
    big = images.repeat(times, 2).repeat(times, 3)
    framed = np.pad(big, ((0, -n % columns), (0, 0), (1, 1), (1, 1)), constant_values=128)
    rows = (
        framed.reshape(-1, columns, *framed.shape[1:])
        .transpose(0, 3, 1, 4, 2)
        .reshape(-1, columns * framed.shape[3], channels)
    )
    buffer = io.BytesIO()
    Image.fromarray(rows[..., 0] if channels == 1 else rows).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def judge(task, source, seed, device, stop):
    """The task's own learner, trained with the task's recipe (images unaugmented) on the teacher's real training images."""
    from dp_common.config.specification import Spec
    from dp_common.learner.classifier import Learner
    from dp_common.seeds import uniforms

    recipe = task.recipe
    spec = Spec(seed=seed, learner=recipe.get("learner", Spec.learner))
    spec.train = replace(
        spec.train,
        **{
            key.removeprefix("train."): value
            for key, value in recipe.items()
            if key.startswith("train.") and key.count(".") == 1
        },
    )
    learner, batch, n = Learner(spec, task, device), spec.train.batch, len(source.labels)
    part = spec.train.micro or batch
    rows_of = lambda step: (uniforms(seed, "batch", np.arange(step * batch, (step + 1) * batch)) * n).astype(np.int64)
    steps = range(-(-spec.train.seen // batch))
    for step, images in zip(steps, source.batches(rows_of, steps)):
        if stop():
            raise Interrupted("stopped while the trained teacher was being judged; the same command goes on from there")
        labels = source.labels[rows_of(step)]
        learner.step([(images[i : i + part], labels[i : i + part]) for i in range(0, batch, part)], step * batch)
    return learner


def quality(teacher, trainer, task, source, n, device, stop):
    """{name: number} of ``n`` samples and of real images beside them."""
    import torch

    seed, classes = trainer.settings.seed, len(task.classes)
    of = lambda rows: next(iter(source.batches(lambda _: rows, [0])))
    images, labels = samples(teacher, n, classes, device, seed, stop=stop)
    learner = judge(task, source, seed, device, stop)

    def entropy(logits):
        log_p = logits.log_softmax(1)
        return float(-(log_p.exp() * log_p).sum(1).mean())

    test = np.arange(min(len(task.test), 10_000))
    real_images = task.test.read(test)
    made, real = learner.predict(images), learner.predict(real_images)
    some = of(np.arange(0, len(source.labels), -(-len(source.labels) // 10_000)))
    float_of = lambda x: torch.from_numpy(np.ascontiguousarray(x)).flatten(1).float() / 127.5 - 1
    nearest = lambda x: float(
        torch.cat([torch.cdist(part, float_of(some)).amin(1) for part in float_of(x).split(256)]).median()
    )
    held = task.monitor.read(np.arange(min(len(task.monitor), 2_000)))
    held_labels = np.asarray(task.monitor.labels)[: len(held)]
    rows = np.arange(len(source.labels))[:: max(1, len(source.labels) // len(held))][: len(held)]
    return {
        "samples": n,
        "label_accuracy": float((made.argmax(1).numpy() == labels).mean()),
        "judge_test_accuracy": float((real.argmax(1).numpy() == np.asarray(task.test.labels)[test]).mean()),
        "judge_entropy_samples": entropy(made),
        "judge_entropy_test": entropy(real),
        "pixel_mean_samples": float(images.mean() / 127.5 - 1),
        "pixel_mean_train": float(some.mean() / 127.5 - 1),
        "pixel_sd_samples": float(images.std() / 127.5),
        "pixel_sd_train": float(some.std() / 127.5),
        "nearest_train_samples": nearest(images[:1000]),
        "nearest_train_test": nearest(real_images[:1000]),
        "loss_train": denoising_loss(trainer, of(rows), source.labels[rows]),
        "loss_monitor": denoising_loss(trainer, held, held_labels),
    }


def need_torchmetrics():
    from importlib.util import find_spec

    if not (find_spec("torchmetrics") and find_spec("torch_fidelity")):
        raise BadInput(
            "distance", "inception", "needs torchmetrics and torch-fidelity: pip install 'torchmetrics[image]'"
        )


def beside_real(teacher, task, n, device, seed, stop):
    """(samples, as many real test images): uint8 [n, C, H, W] both."""
    real = task.test.read(np.arange(min(n, len(task.test))))
    return samples(teacher, len(real), len(task.classes), device, seed, stop=stop)[0], real


def distances(made, real, device, extractor=None):
    """{"fid", "kid", "kid_sd"} between two sets of images by torchmetrics; KID in subsets of a tenth, at most 1,000.

    ``extractor``: a module from uint8 [B, 3, H, W] to features [B, d] in place of the Inception network. Raises Problem where
    that cannot be fetched.
    """
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

    try:
        fid = FrechetInceptionDistance(feature=extractor or 2048).to(device)
        kid = KernelInceptionDistance(feature=extractor or 2048, subset_size=min(1000, max(2, len(real) // 10))).to(
            device
        )
    except OSError as error:
        raise Problem(
            f"distance=inception: its network cannot be fetched ({one_line(error)[:160]}); with distance=none this command ends"
        ) from error
    for images, is_real in ((real, True), (made, False)):
        for part in torch.from_numpy(images).split(64):
            rgb = part.expand(-1, 3, -1, -1).to(device)
            fid.update(rgb, real=is_real)
            kid.update(rgb, real=is_real)
    torch.manual_seed(0)  # KID draws subsets
    mean, sd = kid.compute()
    return {"fid": float(fid.compute()), "kid": float(mean), "kid_sd": float(sd), "distance_images": len(real)}


def denoising_loss(trainer, images, labels, repeats=8):
    """Training loss of the averaged weights on these images, the same noise for each call."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        parts = [
            trainer.loss(
                trainer.average.module.eval(),
                torch.from_numpy(images[i : i + 256]).to(trainer.device).float() / 127.5 - 1,
                torch.from_numpy(labels[i : i + 256]).to(trainer.device),
            )
            * len(labels[i : i + 256])
            for _ in range(repeats)
            for i in range(0, len(images), 256)
        ]
    return float(sum(parts)) / (repeats * len(images))


def card(about, file):
    """Markdown; a pure function of what the weights file says of itself."""
    q, s, d = about["quality"], about["settings"], about["data"]
    name = Path(file).name
    lines = [
        f"# Teacher `{name}`",
        "",
        f"Class-conditional pixel diffusion for task `{about['task']}` ({len(about['classes'])} classes, {'x'.join(map(str, about['shape']))} images), "
        f"{about['parameters']:,} parameters, predicts {about['prediction']} on the {about['schedule']} schedule. "
        f"Used by `teacher=unet`. Samples: `{Path(file).stem}.png`, one class per column.",
        "",
        "    " + about["command"],
        "",
        "## Data",
        "",
        f"- {d['images']:,} real training images of data.split={s['data.split']}, and no others; data fingerprint `{d['fingerprint']}`",
        f"- the file holds a hash of each image's pixels ({d['hashes']:,}, digest `{d['hash_digest']}`): `teacher=unet` refuses runs whose monitor or test images are among them",
        f"- {d['twins']} training image(s) have the same pixels as a monitor or test image of this split; their hashes are left out",
        "",
        "## Settings",
        "",
        ", ".join(f"{key}={value}" for key, value in s.items()),
        "",
        "## Made on",
        "",
        f"{about['device']}, {about['seconds']:,.0f} s of training; "
        + ", ".join(f"{k} {v}" for k, v in about["versions"].items()),
        "",
        "## Quality",
        "",
    ]
    if "fid" in q:
        lines += [
            f"FID {q['fid']:.2f}, KID {q['kid']:.5f} (SD over subsets {q['kid_sd']:.5f}) of {q['distance_images']:,} samples to as many real test "
            "images, by torchmetrics; FID of so few images is biased upwards.",
            "",
        ]
    if "label_accuracy" not in q:
        return "\n".join([*lines, "label accuracy not measured (quality=none)", ""])
    rows = [
        (
            "label accuracy of samples, by a classifier trained on the real training images",
            f"{100 * q['label_accuracy']:.2f} %",
            "",
        ),
        ("the same classifier on real test images", "", f"{100 * q['judge_test_accuracy']:.2f} %"),
        ("its mean entropy, nats", f"{q['judge_entropy_samples']:.4f}", f"{q['judge_entropy_test']:.4f} (test)"),
        ("pixel mean, in [-1, 1]", f"{q['pixel_mean_samples']:.4f}", f"{q['pixel_mean_train']:.4f} (train)"),
        ("pixel standard deviation", f"{q['pixel_sd_samples']:.4f}", f"{q['pixel_sd_train']:.4f} (train)"),
        (
            "median distance to the nearest training image",
            f"{q['nearest_train_samples']:.3f}",
            f"{q['nearest_train_test']:.3f} (test)",
        ),
        (
            "denoising loss on training images, and on monitor images",
            f"{q['loss_train']:.4f}",
            f"{q['loss_monitor']:.4f}",
        ),
    ]
    lines += [
        f"{q['samples']:,} samples, 20 DDIM steps, trailing, cfg_scale 1, 8 bits. A distance of samples well under that of real test images would be memorisation.",
        "",
        "| | samples | real |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
    return "\n".join(lines)
