"""What a set holds, found out without decoding; what cannot be a set is one line, and nothing hangs."""

import io
import os
import shutil
import tarfile

import pytest

from dp_common.errors import BadInput
from dp_common.real_images.content import content
from dp_common.real_images.image_files import Files
from dp_common.real_images.listing import brief, listing, natural_key, walk
from tests.dp_common.real_images.pictures import tar_of, tree


@pytest.fixture
def path(tmp_path):
    return tree(tmp_path / "set", {"cat": 2, "dog": 1})


def names(path):
    return {label: [file for file, _ in images] for label, images in listing("data.train", path).classes.items()}


def refused(path):
    with pytest.raises(BadInput) as caught:
        listing("data.train", path)
    assert str(caught.value).startswith(f"data.train={path}: ") and "\n" not in str(caught.value)
    return str(caught.value)


def test_classes_files_and_sizes(path):
    (path / "cat/notes.txt").write_text("x")
    found = listing("data.train", path)
    sizes = [(path / name).stat().st_size for name in ("cat/000.png", "cat/001.png", "dog/000.png")]
    assert found.classes == {"cat": [("000.png", sizes[0]), ("001.png", sizes[1])], "dog": [("000.png", sizes[2])]}
    assert found.beside == ["1 file (cat/notes.txt) ignored: not named like an image"]


def test_hidden_files_and_folders_are_no_part_of_it(path):
    before = names(path)
    for name in (".ipynb_checkpoints", "__MACOSX", "@eaDir", "cat/lost+found", "dog/.thumbnails"):
        (path / name).mkdir()
        shutil.copy(path / "cat/000.png", path / name / "000.png")
    (path / "cat/._000.png").write_text("x")
    assert names(path) == before and listing("data.train", path).beside == []


@pytest.mark.parametrize("links", [["cat/all"], ["cat/all", "dog/all"]])
def test_a_link_to_a_folder_that_it_lies_in_is_refused_at_once(path, links):
    for link in links:
        (path / link).symlink_to(path, target_is_directory=True)
    assert "cat/all is a link to a folder that it lies in: remove it" in refused(path)


def test_links_that_lead_in_a_circle_are_refused(path):
    (path / "cat/friends").symlink_to(path / "dog")
    (path / "dog/friends").symlink_to(path / "cat")
    assert "cat/friends/friends is a link to a folder that it lies in" in refused(path)


def test_other_links_are_followed(path, tmp_path):
    tree(tmp_path / "elsewhere", {"bird": 2}, seed=5)
    (path / "bird").symlink_to(tmp_path / "elsewhere/bird")
    (path / "dog/x.png").symlink_to(path / "cat/000.png")
    (path / "dog/self.png").symlink_to("self.png")
    assert names(path) == {
        "bird": ["000.png", "001.png"],
        "cat": ["000.png", "001.png"],
        "dog": ["000.png", "self.png", "x.png"],
    }
    assert dict(listing("data.train", path).classes["dog"])["self.png"] == -1, "found, and named when it is read"


def test_a_folder_that_may_not_be_read_is_named(path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (path / "dog").chmod(0)
    try:
        assert "dog/ cannot be read: Permission denied" in refused(path)
    finally:
        (path / "dog").chmod(0o755)


def test_a_pipe_and_a_device_in_a_folder_are_named_and_never_opened(path):
    os.mkfifo(path / "cat/pipe.png")
    (path / "dog/endless.png").symlink_to("/dev/zero")
    found, read = listing("data.train", path), Files("data.train", path, {"cat": 0, "dog": 1})
    assert found.classes == {"cat": found.classes["cat"][:2], "dog": found.classes["dog"][:1]} and len(read) == 3
    line = "2 special files (cat/pipe.png, dog/endless.png) ignored: a pipe, socket or device"
    assert found.beside == read.beside == [line]
    assert content("data.train", path).classes["cat"][0] == 2 and not content("data.train", path).suspects
    os.mkfifo(path.with_name("pipe.tar"))
    assert "neither a folder nor a file; expected" in refused(path.with_name("pipe.tar"))


def packed(path, file, **kinds):
    """A .tar of a folder, in which there are more names, of these kinds."""
    tar_of(path, file)
    with tarfile.open(file, "a") as tar:
        for name, (kind, target) in kinds.items():
            member = tarfile.TarInfo(name.replace("__", "/") + ".png")
            member.type, member.linkname = kind, target
            tar.addfile(member)
    return file


def test_what_a_tar_holds_beside_images_is_told_by_each_who_reads_it(path, tmp_path):
    (path / "cat/notes.txt").write_text("x")
    kinds = {"cat__x": (tarfile.SYMTYPE, "000.png"), "dog__y": (tarfile.LNKTYPE, "dog/000.png")}
    kinds |= {"dog__p": (tarfile.FIFOTYPE, ""), "cat__d": (tarfile.CHRTYPE, ""), "cat__odd": (b"Z", "")}
    (tmp_path / "tars").mkdir()
    file = packed(path, tmp_path / "tars/a.tar", **kinds)
    lines = [
        "1 file (cat/notes.txt) ignored: not named like an image",
        "2 links (cat/x.png, dog/y.png) ignored: links in a tar are not followed",
        "3 special files (dog/p.png, cat/d.png, cat/odd.png) ignored: a pipe, socket or device",
    ]
    for where in (file, file.parent):
        found, read = listing("data.train", where), Files("data.train", where, {"cat": 0, "dog": 1})
        assert found.beside == read.beside == lines and len(read) == 3
        assert found.classes == listing("data.train", path).classes
    (tmp_path / "tars/read.me").write_text("x")
    (tmp_path / "tars/b.tar.gz").write_bytes(b"x")
    lines[0] = "3 files (cat/notes.txt, b.tar.gz, read.me) ignored: not named like an image"
    assert listing("data.train", file.parent).beside == lines
    shutil.copy(path / "cat/000.png", tmp_path / "tars")
    assert "1 image (000.png) in no class folder" in refused(file.parent)


def test_a_tar_of_links_alone_says_so(tmp_path):
    (tmp_path / "none").mkdir()
    file = packed(tmp_path / "none", tmp_path / "a.tar", cat__x=(tarfile.SYMTYPE, "../y.png"))
    said = "no images there but 1 link (cat/x.png) ignored: links in a tar are not followed; expected"
    assert said in refused(file)


def test_a_walk_names_folders_with_a_slash_and_everything_once(path):
    found = [entry.name for entry in walk("x", path)]
    assert found == ["cat/", "cat/000.png", "cat/001.png", "dog/", "dog/000.png"]


def test_a_torn_tar_is_named(path, tmp_path):
    file = tar_of(path, tmp_path / "a.tar")
    file.write_bytes(file.read_bytes()[:700])
    assert "not a whole, uncompressed tar" in refused(file)
    buffer = io.BytesIO(b"x" * 2000)
    (tmp_path / "b.tar").write_bytes(buffer.getvalue())
    assert "not a whole, uncompressed tar" in refused(tmp_path / "b.tar")


def test_classes_are_in_natural_order():
    assert sorted(["c10", "c2", "C1", "b", "c", "2", "10", "Ä1"], key=natural_key) == [
        "2",
        "10",
        "b",
        "c",
        "C1",
        "c2",
        "c10",
        "Ä1",
    ]


def test_long_lists_are_cut():
    assert brief(["a"], "class") == "1 class (a)" and brief("ab", "class") == "2 classes (a, b)"
    assert brief("abcdef", "image") == "6 images (a, b, c, d, e, ...)"
