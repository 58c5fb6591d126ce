"""Small PNG files are written and read as Pillow does it, and what is not in order is left to Pillow."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from dp_common.training_data import shards, small_png

N = small_png.FEW
SHAPES = [(1, 8, 8), (3, 5, 7), (1, 28, 28), (1, 1, 1)]


def pictures(channels, height, width, n=N):
    """Some of noise, some smooth, some of one value."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (n, channels, height, width), dtype=np.uint8)
    ramps = np.arange(width) * 9 + np.arange(height)[:, None] * 5 + np.arange(n)[:, None, None, None]
    noise[n // 3 :] = (ramps[n // 3 :] % 256 * np.ones((channels, 1, 1))).astype(np.uint8)
    noise[-9:] = 7
    return noise


def as_pillow_reads(files):
    pixels = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
    return np.stack([image[None] if image.ndim == 2 else image.transpose(2, 0, 1) for image in pixels])


def filtered(images, kind):
    """Files of grey images [n, 1, H, W] with every row stored by one filter, by the specification's own words."""
    files = []
    for image in images[:, 0].astype(int):
        height, width = image.shape
        framed = np.zeros((height + 1, width + 1), int)
        framed[1:, 1:] = image
        a, b, c = framed[1:, :-1], framed[:-1, 1:], framed[:-1, :-1]
        p = a + b - c
        nearest = np.where(
            (abs(p - a) <= abs(p - b)) & (abs(p - a) <= abs(p - c)), a, np.where(abs(p - b) <= abs(p - c), b, c)
        )
        said = [np.zeros_like(a), a, b, (a + b) // 2, nearest][kind]
        rows = np.concatenate([np.full((height, 1), kind), (image - said) % 256], axis=1).astype(np.uint8)
        header = width.to_bytes(4) + height.to_bytes(4) + bytes((8, 0, 0, 0, 0))
        pieces = (small_png.HEADER, header), (small_png.DATA, zlib.compress(rows.tobytes()))
        chunks = b"".join(small_png.chunk(name, data) for name, data in pieces)
        files.append(small_png.SIGNATURE + chunks + small_png.END)
    return files


@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_is_pillows_to_the_byte(shape):
    for image in pictures(*shape, n=12):
        pixels = image[0] if shape[0] == 1 else image.transpose(1, 2, 0)
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=1)
        assert small_png.encoded(pixels, 1) == buffer.getvalue() == shards.encode(image)


@pytest.mark.parametrize("shape", SHAPES)
def test_many_files_are_read_as_they_are_one_by_one(shape):
    images = pictures(*shape)
    files = [shards.encode(image) for image in images]
    read = small_png.decoded(files)
    assert read.dtype == np.uint8 and read.flags.c_contiguous and read.flags.writeable
    assert np.array_equal(read, images) and np.array_equal(shards.decode_all(files[:5]), images[:5])


@pytest.mark.parametrize("kind", range(5))
def test_every_filter_is_undone(kind):
    images = pictures(1, 6, 9)
    files = filtered(images, kind)
    assert np.array_equal(as_pillow_reads(files[:20]), images[:20])  # that they are what they are to be
    assert np.array_equal(small_png.decoded(files), images)


def test_other_files_are_left_to_pillow():
    images = pictures(1, 8, 8)
    files = [shards.encode(image) for image in images]
    assert small_png.decoded(files[:-1]) is None  # too few to be worth it
    assert small_png.decoded([shards.encode(image, "jpeg") for image in images]) is None
    assert small_png.decoded([*files[1:], shards.encode(pictures(1, 8, 9)[0])]) is None  # not alike
    large = pictures(1, 29, 28, n=N)
    assert small_png.encoded(large[0, 0], 1) is None
    assert np.array_equal(shards.decode_all([shards.encode(image) for image in large]), large)
    buffer = io.BytesIO()
    Image.fromarray(images[0, 0]).convert("P").save(buffer, "PNG")
    assert small_png.decoded([buffer.getvalue()] * N) is None


@pytest.mark.parametrize("at", [3, 17, 30, 36, 39, 48, -14, -10, -1])
def test_a_damaged_file_is_not_read(at):
    files = [shards.encode(image) for image in pictures(1, 8, 8)]
    damaged = bytearray(files[4])
    damaged[at] ^= 1
    assert small_png.decoded([*files[:4], bytes(damaged), *files[5:]]) is None


def test_data_of_another_length_and_unknown_filters_are_not_read():
    files = filtered(pictures(1, 4, 4), 0)
    for rows in (bytes(19), bytes([5, *bytes(19)])):
        head = files[0][: small_png.HEAD]
        odd = head + small_png.chunk(small_png.DATA, zlib.compress(rows)) + small_png.END
        assert small_png.decoded([*files, odd]) is None
