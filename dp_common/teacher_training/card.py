"""The card of a trained unet teacher, in Markdown, and its grid of samples."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

GRID = 8  # rows of the sample grid


def grid_png(images: np.ndarray, columns: int) -> bytes:
    """Images uint8 [n, C, H, W] (C = 1 or 3) as a PNG, ``columns`` to a row, small images enlarged."""
    from PIL import Image

    channels, height = images.shape[1:3]
    times = max(1, 24 // height)
    big = images.repeat(times, 2).repeat(times, 3)
    framed = np.pad(big, ((0, -len(images) % columns), (0, 0), (1, 1), (1, 1)), constant_values=128)
    tiles = framed.reshape(-1, columns, *framed.shape[1:]).transpose(0, 3, 1, 4, 2)
    rows = tiles.reshape(-1, columns * framed.shape[3], channels)
    buffer = io.BytesIO()
    Image.fromarray(rows[..., 0] if channels == 1 else rows).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def card(about: Mapping[str, Any], file: str | Path) -> str:
    """Markdown; a pure function of what the weights file says of itself (teachers/unet.py)."""
    settings, data = about["settings"], about["data"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return "\n".join(
        [
            f"# Teacher `{Path(file).name}`",
            "",
            f"Class-conditional pixel diffusion for task `{about['task']}` ({len(about['classes'])} classes, "
            f"{'x'.join(map(str, about['shape']))} images), {about['parameters']:,} parameters, "
            f"predicts {about['prediction']} on the {about['schedule']} schedule. Used by `teacher=unet`. "
            f"Samples: `{Path(file).stem}.png`, one class per column.",
            "",
            "    " + about["command"],
            "",
            "## Data",
            "",
            f"- {data['images']:,} real training images of data.split={settings['data.split']}, and no others; "
            f"data fingerprint `{data['fingerprint']}`",
            f"- the file holds a hash of each image's pixels ({data['hashes']:,}, digest `{data['hash_digest']}`): "
            "`teacher=unet` refuses runs whose monitor or test images are among them",
            f"- {data['twins']} training image(s) have the same pixels as a monitor or test image of this split; "
            "their hashes are left out",
            "",
            "## Settings",
            "",
            ", ".join(f"{key}={value}" for key, value in settings.items()),
            "",
            "## Made on",
            "",
            f"{about['device']}, {about['seconds']:,.0f} s of training; {versions}",
            "",
            "## Quality",
            "",
            *quality_lines(about["quality"]),
        ]
    )


def quality_lines(q: Mapping[str, float]) -> list[str]:
    """What was measured (quality.py), each number with what it is."""
    lines = []
    if "fid" in q:
        lines += [
            f"FID {q['fid']:.2f}, KID {q['kid']:.5f} (SD over subsets {q['kid_sd']:.5f}) of {q['distance_images']:,} "
            "samples to as many real test images, by torchmetrics; FID of so few images is biased upwards.",
            "",
        ]
    if "label_accuracy" not in q:
        return [*lines, "label accuracy not measured (quality=none)", ""]

    def percent(key: str) -> str:
        return f"{100 * q[key]:.2f} %"

    def number(key: str, digits: int = 4) -> str:
        return f"{q[key]:.{digits}f}"

    rows = [
        (
            "label accuracy of samples, by a classifier trained on the real training images",
            percent("label_accuracy"),
            "",
        ),
        ("the same classifier on real test images", "", percent("judge_test_accuracy")),
        ("its mean entropy, nats", number("judge_entropy_samples"), number("judge_entropy_test") + " (test)"),
        ("pixel mean, in [-1, 1]", number("pixel_mean_samples"), number("pixel_mean_train") + " (train)"),
        ("pixel standard deviation", number("pixel_sd_samples"), number("pixel_sd_train") + " (train)"),
        (
            "median distance to the nearest training image",
            number("nearest_train_samples", 3),
            number("nearest_train_test", 3) + " (test)",
        ),
        ("denoising loss on training images, and on monitor images", number("loss_train"), number("loss_monitor")),
    ]
    return [
        *lines,
        f"{q['samples']:,} samples, 20 DDIM steps, trailing, cfg_scale 1, 8 bits. "
        "A distance of samples well under that of real test images would be memorisation.",
        "",
        "| | samples | real |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]
