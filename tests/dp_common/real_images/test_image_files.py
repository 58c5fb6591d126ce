"""Images of whatever format come out as they show; what does not decode is named with the reason."""

import pickle
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from dp_common.errors import BadInput, Problem
from dp_common.real_images import image_files
from dp_common.real_images.image_files import Files, Undecodable, decode
from dp_common.real_images.splits import LazySplit
from tests.dp_common.real_images.pictures import noise, saved, tar_of, tree

RAMP = np.stack(
    [
        np.add.outer(np.arange(40), 2 * np.arange(40)),
        np.add.outer(3 * np.arange(40), np.arange(40)),
        np.full((40, 40), 90),
    ],
    2,
).astype(np.uint8)


def turned():
    """The ramp lying on its side, with the EXIF tag that says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(Image.fromarray(np.ascontiguousarray(np.rot90(RAMP))), "PNG", exif=exif)


def rgba():
    """Left half of the ramp; the right half of hidden green is wholly transparent."""
    image = np.concatenate([RAMP, np.full((40, 40, 1), 255, np.uint8)], 2)
    image[:, 20:] = (0, 255, 0, 0)
    return Image.fromarray(image)


GREY = RAMP[:, :, 1]
WHITE = np.where((np.arange(40) < 20)[None, :, None], RAMP, 255)
CASES = {
    "png": (lambda: saved(Image.fromarray(RAMP), "PNG"), RAMP, 0),
    "bmp": (lambda: saved(Image.fromarray(RAMP), "BMP"), RAMP, 0),
    "tiff": (lambda: saved(Image.fromarray(RAMP), "TIFF"), RAMP, 0),
    "ppm": (lambda: saved(Image.fromarray(RAMP), "PPM"), RAMP, 0),
    "jpeg": (lambda: saved(Image.fromarray(RAMP), "JPEG", quality=98, subsampling=0), RAMP, 4),
    "webp": (lambda: saved(Image.fromarray(RAMP), "WEBP", lossless=True), RAMP, 0),
    "palette": (lambda: saved(Image.fromarray(RAMP).quantize(256), "PNG"), RAMP, 20),
    "gif": (lambda: saved(Image.fromarray(RAMP), "GIF"), RAMP, 40),
    "animated gif": (
        lambda: saved(Image.fromarray(RAMP), "GIF", save_all=True, append_images=[Image.new("RGB", (40, 40))]),
        RAMP,
        40,
    ),
    "grey": (lambda: saved(Image.fromarray(GREY), "PNG"), GREY[:, :, None].repeat(3, 2), 0),
    "grey and alpha": (lambda: saved(Image.fromarray(GREY).convert("LA"), "PNG"), GREY[:, :, None].repeat(3, 2), 0),
    "16 bit": (lambda: saved(Image.fromarray(GREY.astype(np.uint16) * 257), "PNG"), GREY[:, :, None].repeat(3, 2), 0),
    "1 bit": (
        lambda: saved(Image.fromarray(GREY).point(lambda v: v > 60, "1"), "PNG"),
        np.where(GREY > 60, 255, 0)[:, :, None].repeat(3, 2),
        0,
    ),
    "cmyk jpeg": (lambda: saved(Image.fromarray(RAMP).convert("CMYK"), "JPEG", quality=98), RAMP, 6),
    "transparency": (lambda: saved(rgba(), "PNG"), WHITE, 0),
    "exif": (turned, RAMP, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_every_format_gives_the_image_it_shows(name):
    make, shown, tolerance = CASES[name]
    out = decode(make(), (3, 40, 40))
    assert out.dtype == np.uint8 and out.shape == (3, 40, 40) and out.flags.c_contiguous
    assert np.abs(out.transpose(1, 2, 0).astype(int) - shown).max() <= tolerance
    assert decode(make(), (1, 16, 16)).shape == (1, 16, 16)


def test_a_palette_entry_that_is_transparent_is_white():
    image = Image.fromarray(np.repeat([[0, 1]], 4, 0).repeat(4, 1).astype(np.uint8), "L").convert("P")
    out = decode(saved(image, "PNG", transparency=0), (3, 4, 8))
    assert (out[:, :, :4] == 255).all() and (out[:, :, 4:] < 10).all()


def test_the_centre_of_a_wide_or_high_image_is_kept_whole():
    wide = np.zeros((32, 96, 3), np.uint8)
    wide[:, 32:64] = 200  # the middle third is all there should be
    assert (decode(saved(Image.fromarray(wide), "PNG"), (3, 32, 32)) == 200).all()
    high = Image.fromarray(wide.transpose(1, 0, 2).copy())
    resized_then_cut = np.asarray(high.resize((16, 48), Image.Resampling.BICUBIC))[16:32].transpose(2, 0, 1)
    assert np.array_equal(decode(saved(high, "PNG"), (3, 16, 16)), resized_then_cut)


def test_shrinking_does_not_alias_and_growing_works():
    board = np.indices((64, 64)).sum(0) % 2 * 255
    out = decode(saved(Image.fromarray(board.astype(np.uint8)), "PNG"), (1, 16, 16))
    assert np.abs(out.astype(int) - 127).max() < 30  # nearest or plain bicubic would give black or white
    assert decode(saved(Image.fromarray(RAMP), "PNG"), (3, 64, 64)).shape == (3, 64, 64)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        saved(Image.fromarray(RAMP), "PNG")[:-200],
        saved(Image.fromarray(RAMP), "JPEG")[:-200],
        saved(Image.fromarray(RAMP[:, :, 0].astype(np.float32)), "TIFF"),
    ],
)
def test_what_is_broken_does_not_decode(data):
    with pytest.raises((OSError, ValueError, SyntaxError)):
        decode(data, (3, 8, 8))


def test_a_png_with_a_long_compressed_text_decodes():
    """Three megabytes, as tools that keep their whole history in a picture write; it is not looked at."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("history", "x" * 3_000_000, zip=True)
    notes.add_itxt("prompt", "y" * 3_000_000, zip=True)
    assert np.array_equal(
        decode(saved(Image.fromarray(RAMP), "PNG", pnginfo=notes), (3, 40, 40)).transpose(1, 2, 0), RAMP
    )


def test_a_text_that_would_fill_the_memory_is_refused():
    bomb = zlib.compress(bytes(image_files.TEXT_LIMIT + 1))
    chunk = b"zTXtbomb\0\0" + bomb
    data = saved(Image.fromarray(RAMP), "PNG")
    length = (len(chunk) - 4).to_bytes(4, "big")
    with pytest.raises(ValueError, match="Decompressed data too large"):
        decode(data[:33] + length + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[33:], (3, 8, 8))


# ---------------------------------------------------------------------- the images of a set


@pytest.fixture
def path(tmp_path):
    return tree(tmp_path / "set", {"cat": 3, "dog": 2})


def files(path, **labels):
    return Files("data.train", path, labels or {"cat": 0, "dog": 1})


def test_images_are_sorted_by_name_and_labelled_by_folder(path, tmp_path):
    expected = ["cat/000.png", "cat/001.png", "cat/002.png", "dog/000.png", "dog/001.png"]
    for where in (path, tar_of(path, tmp_path / "set.tar")):
        found = files(where)
        assert [found.name(row) for row in range(len(found))] == expected and found.labels.tolist() == [0, 0, 0, 1, 1]
        assert np.array_equal(found.one(3, (3, 12, 12)).transpose(1, 2, 0), noise(3))


def test_only_folders_that_have_a_label_are_read(path, tmp_path):
    for where in (path, tar_of(path, tmp_path / "set.tar")):
        assert files(where, dog=7).labels.tolist() == [7, 7]
        with pytest.raises(BadInput, match=r"no images in 1 class folder \(bird\); expected one folder per class"):
            files(where, bird=0)


def test_hidden_folders_are_no_classes(path):
    for name in (".ipynb_checkpoints", "__MACOSX", "cat/.ipynb_checkpoints"):
        (path / name).mkdir()
        (path / name / "000.png").write_bytes((path / "cat/000.png").read_bytes())
    assert len(files(path)) == 5
    with pytest.raises(BadInput, match="no images in 1 class folder"):
        files(path, **{".ipynb_checkpoints": 0})


def test_what_does_not_decode_is_named_with_the_decoders_reason(path):
    (path / "cat/001.png").write_bytes((path / "cat/001.png").read_bytes()[:60])
    with pytest.raises(Undecodable) as caught:
        files(path).one(1, (3, 8, 8))
    assert (caught.value.name, caught.value.path) == ("cat/001.png", str(path)) and caught.value.reason
    assert str(caught.value) == (
        f"{path}: cat/001.png cannot be decoded ({caught.value.reason}); "
        f"`python -m benchmarks.check_images {path}` names all such files"
    )
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value), "also from another process"


def test_a_refusal_gives_each_file_its_own_reason(path):
    (path / "cat/001.png").write_bytes(b"")
    (path / "dog/000.png").write_bytes((path / "dog/000.png").read_bytes()[:60])
    (path / "dog/001.png").write_bytes(b"<html>")
    reasons = "cat/001.png: the file is empty, dog/000.png: OSError: .*, dog/001.png: of no format that Pillow knows"
    with pytest.raises(
        BadInput, match=rf"of 5 images 3 images \({reasons}\) cannot be decoded: no other of their class"
    ):
        files(path).split(np.arange(5), (3, 8, 8))


def test_a_link_to_nowhere_cannot_be_read_by_its_name(path):
    (path / "cat/001.png").unlink()
    (path / "cat/001.png").symlink_to(path / "gone.png")
    with pytest.raises(Problem, match=r"cat/001.png cannot be read: .*No such file"):
        files(path).one(1, (3, 8, 8))


def test_a_split_that_does_not_fit_in_memory_is_read_when_it_is_asked_for(path, monkeypatch):
    whole = files(path).split(np.array([4, 0]), (3, 12, 12))
    monkeypatch.setattr(image_files, "IN_MEMORY", 2 * 3 * 144 - 1)
    lazy = files(path).split(np.array([4, 0]), (3, 12, 12))
    assert isinstance(lazy, LazySplit) and lazy.labels.tolist() == whole.labels.tolist() == [1, 0]
    assert np.array_equal(lazy.read(np.arange(2)), whole.images)
