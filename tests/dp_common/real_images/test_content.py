"""Data is identified by content: whatever is the same is found the same, whatever differs differs, and little is read
twice.
"""

import io
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from dp_common.config.resolve import resolve
from dp_common.real_images import content as module
from dp_common.real_images.content import END, content, digest_of
from dp_common.real_images.structure import looks_whole
from tests.dp_common.real_images.pictures import noise, saved, tar_of, tree


@pytest.fixture
def one(tmp_path):
    return tree(tmp_path / "one", {"cat": 4, "dog": 3}, ending="bmp")


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """A cache of its own, in which also what was written a moment ago is remembered."""
    monkeypatch.setattr(module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(module, "RACY", -1e6)
    return tmp_path / "cache"


@pytest.fixture
def read(monkeypatch):
    """The names of images that are looked into, as they are."""
    names, look_at = [], module.Reading.look_at
    monkeypatch.setattr(module.Reading, "look_at", lambda self, e: names.append(e.name) or look_at(self, e))
    return names


def classes(path, **given):
    return content("data.train", path, **given).classes


def sizes(folder):
    return {str(file.relative_to(folder)): file.stat().st_size for file in folder.rglob("*.*")}


def overwrite(file, data):
    """In place, as long as before, with the times of before."""
    before = file.stat()
    assert len(data) == before.st_size
    file.write_bytes(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_other_pixels_under_the_same_names_and_sizes_are_other_data(one, tmp_path):
    two = tree(tmp_path / "two", {"cat": 4, "dog": 3}, seed=1, ending="bmp")
    assert sizes(one) == sizes(two) and classes(one) != classes(two)
    assert {label: count for label, (count, _) in classes(one).items()} == {"cat": 4, "dog": 3}


def test_two_folders_are_two_runs(one, tmp_path):
    two = tree(tmp_path / "two", {"cat": 4, "dog": 3}, seed=1, ending="bmp")
    words = ["task=folder", "folder.size=8", "strategy=static", "teacher=mixture"]
    run_id = lambda path: resolve([*words, f"data.train={path}", f"data.test={tmp_path / 'test'}"]).run_id
    tree(tmp_path / "test", {"cat": 2, "dog": 2}, seed=2, ending="bmp")
    first = run_id(one)
    assert first != run_id(two) and first == run_id(shutil.copytree(one, tmp_path / "moved"))
    overwrite(one / "cat/000.bmp", (two / "cat/000.bmp").read_bytes())
    assert run_id(one) not in (first, run_id(two))


def test_what_is_overwritten_in_place_with_its_times_put_back_is_seen(one, memory):
    first = classes(one)
    assert classes(one) == first and list(memory.rglob("*.json"))
    data = bytearray((one / "dog/001.bmp").read_bytes())
    data[-7] ^= 1
    overwrite(one / "dog/001.bmp", data)
    second = classes(one)
    assert second["cat"] == first["cat"] and second["dog"] != first["dog"]
    data[-7] ^= 1
    overwrite(one / "dog/001.bmp", data)
    assert classes(one) == first


def test_the_same_images_are_the_same_wherever_and_however_they_lie(one, tmp_path):
    copy = shutil.copytree(one, tmp_path / "copy", copy_function=shutil.copyfile)  # other times
    (copy / "cat/.hidden.bmp").write_bytes(b"x")
    (copy / "cat/readme.txt").write_bytes(b"x")
    (tmp_path / "tars").mkdir()
    for n in "01":
        tar_of(one, tmp_path / "tars" / f"{n}.tar", keep=lambda name, n=n: str(int(name[-5]) % 2) == n)
    (tmp_path / "link").symlink_to(one)
    for same in (copy, tar_of(one, tmp_path / "a.tar", prefix="some/where/"), tmp_path / "tars", tmp_path / "link"):
        assert classes(same) == classes(one), same
    (copy / "cat/000.bmp").rename(copy / "cat/renamed.bmp")
    assert classes(copy)["cat"] != classes(one)["cat"]
    (copy / "cat/renamed.bmp").rename(copy / "dog/000x.bmp")
    assert classes(copy)["dog"][0] == 4
    assert classes(one, labels=["dog"]) == {"dog": classes(one)["dog"]}
    assert classes(tmp_path / "a.tar", labels=["dog"]) == {"dog": classes(one)["dog"]}


def test_only_what_changed_is_read_again(one, memory, read, tmp_path):
    first = classes(one)
    assert len(read) == 7
    assert classes(one) == first and classes(one, labels=["cat"]) == {"cat": first["cat"]} and len(read) == 7
    Image.fromarray(noise(99)).save(one / "dog/new.bmp")
    read.clear()
    assert classes(one)["dog"][0] == 4 and {name.partition("/")[0] for name in read} == {"dog"}
    read.clear()
    tar = tar_of(one, tmp_path / "a.tar")
    for _ in range(2):
        assert classes(tar) == classes(one) and len(read) == 8
    assert not list(one.rglob("*.json")) and len(list(memory.rglob("*.json"))) == 2


def test_part_of_a_set_does_not_forget_the_rest(one, memory, read):
    classes(one)
    Image.fromarray(noise(99)).save(one / "dog/new.bmp")
    classes(one, labels=["dog"])
    read.clear()
    assert classes(one)["cat"][0] == 4 and read == []


def test_what_was_written_a_moment_ago_is_not_remembered(one, monkeypatch, memory, read):
    """It may be written once more within the same tick of the clock."""
    monkeypatch.setattr(module, "RACY", 3600)
    for times in (1, 2):
        classes(one)
        assert len(read) == 7 * times
    assert not memory.exists()


@pytest.mark.parametrize("state", ["a file is in the way", "damaged", "of another version", "relative"])
def test_a_cache_that_cannot_be_used_is_no_error(one, memory, state, monkeypatch):
    expected = classes(one)
    (file,) = memory.rglob("*.json")
    if state == "a file is in the way":
        shutil.rmtree(memory)
        memory.write_bytes(b"")
    elif state == "damaged":
        file.write_bytes(file.read_bytes()[:50])
    elif state == "of another version":
        file.write_text(json.dumps({"version": 0, "parts": {"cat": 7}}))
    else:
        monkeypatch.setattr(module, "cache_folder", lambda: module.Path("~/.cache"))
    assert classes(one) == expected


class Watched(io.BytesIO):
    """Counts what is read, and refuses to read much at once."""

    count = 0

    def read(self, n=-1):
        assert 0 <= n <= END
        self.count += n
        return super().read(n)


@pytest.mark.parametrize(
    "start, size, sampled",
    [(b"\xff\xd8\xff", 10 * END, True), (b"\xff\xd8\xff", 2 * END, False), (b"BM", 10 * END, False), (b"", 0, False)],
)
def test_of_large_compressed_files_both_ends_are_read(start, size, sampled):
    def look(changed=None):
        data = bytearray(start.ljust(size, b"x"))
        if changed is not None:
            data[changed] ^= 1
        file = Watched(bytes(data))
        return digest_of(file.read, file.seek, size)[0], file.count

    first, count = look()
    assert count == (2 * END if sampled else size)
    for changed in {5, size // 2, size - 1} if size else ():
        assert (look(changed)[0] == first) == (sampled and changed == size // 2)


SMOOTH = np.linspace(0, 255, 200 * 150 * 3).reshape(200, 150, 3).astype(np.uint8)
FORMATS = {"jpg": "JPEG", "png": "PNG", "gif": "GIF", "webp": "WEBP", "bmp": "BMP", "tif": "TIFF", "ppm": "PPM"}


def whole(data):
    file = io.BytesIO(data)
    return digest_of(file.read, file.seek, len(data))[1]


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("pixels", ["smooth", "noise", "large"])
def test_a_file_that_was_cut_off_does_not_look_whole(ending, pixels):
    image = {"smooth": SMOOTH, "noise": noise(1, (40, 50)), "large": noise(2, (300, 400))}[pixels]
    data = saved(Image.fromarray(image), FORMATS[ending])
    assert whole(data)
    for share in (0.0, 0.1, 0.5, 0.9):
        assert not whole(data[: int(share * len(data))]), share


@pytest.mark.parametrize("kind, options", [("JPEG", {"progressive": True}), ("TIFF", {"compression": "tiff_lzw"})])
def test_other_kinds_look_whole(kind, options):
    for mode in ("RGB", "L"):
        data = saved(Image.fromarray(SMOOTH).convert(mode), kind, **options)
        assert whole(data) and not whole(data[: 9 * len(data) // 10])


def test_the_end_of_a_preview_is_not_the_end_of_the_image():
    preview = saved(Image.fromarray(SMOOTH[:20, :20]), "JPEG")
    data = saved(Image.fromarray(noise(3, (100, 100))), "JPEG")
    data = data[:2] + b"\xff\xe1" + (len(preview) + 2).to_bytes(2, "big") + preview + data[2:]
    assert Image.open(io.BytesIO(data)).size == (100, 100)
    assert whole(data) and not whole(data[: len(data) // 2])
    assert whole(data + b"\0" * 9)  # padding after the end


def test_what_is_no_image_does_not_look_whole():
    for data in (b"", b"<html>not found</html>", b"\xff\xd8", b"P6 1", b"BM"):
        assert not looks_whole(data, data, len(data)), data


def test_suspects_are_named_with_their_class(one, tmp_path):
    (one / "cat/001.bmp").write_bytes((one / "cat/001.bmp").read_bytes()[:60])
    (one / "dog/gone.bmp").symlink_to(tmp_path / "nowhere")
    assert content("data.train", one).suspects == {"cat/001.bmp", "dog/gone.bmp"}
    assert content("data.train", tar_of(one, tmp_path / "a.tar")).suspects == {"cat/001.bmp"}
