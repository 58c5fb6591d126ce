"""The card says what the weights file says, and the grid shows one class per column."""

import io
import json

import numpy as np
import pytest

from dp_common.teacher_training.card import card, grid_png, quality_lines
from dp_common.teachers import unet


@pytest.mark.parametrize("channels", [1, 3])
def test_the_grid_has_a_frame_around_each_image_and_columns_to_a_row(channels):
    from PIL import Image

    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * 50 * np.ones((1, channels, 8, 8), np.uint8)
    picture = np.asarray(Image.open(io.BytesIO(grid_png(images, 3))))
    assert picture.shape[:2] == (2 * 26, 3 * 26) and picture.ndim == (2 if channels == 1 else 3)
    assert (picture[0] == 128).all(), "the frame"
    assert (picture[1:25, 27:51] == 50).all() and (picture[27:51, 1:25] == 150).all(), (
        "row by row, three times as large"
    )


def test_what_was_not_measured_is_not_shown():
    assert quality_lines({}) == ["label accuracy not measured (quality=none)", ""]
    lines = quality_lines({"fid": 1.5, "kid": 0.25, "kid_sd": 0.125, "distance_images": 1000})
    assert lines[0].startswith("FID 1.50, KID 0.25000 (SD over subsets 0.12500) of 1,000 samples") and len(lines) == 4


def test_the_packaged_card_is_that_of_its_file():
    path = unet.PACKAGED / "digits.safetensors"
    about, _ = unet.read(path)
    assert path.stat().st_size <= 3_000_000
    text = path.with_suffix(".md").read_text()
    assert card(about, path) == text
    q = about["quality"]
    assert (
        q["label_accuracy"] > 0.95
        and q["judge_test_accuracy"] > 0.95
        and abs(q["pixel_sd_samples"] / q["pixel_sd_train"] - 1) < 0.05
    )
    assert (
        f"{100 * q['label_accuracy']:.2f} %" in text
        and about["command"] in text
        and json.dumps(about["data"]["images"]) == "2823"
    )
    assert "out=dp_common/teachers/weights/digits.safetensors" in about["command"]
