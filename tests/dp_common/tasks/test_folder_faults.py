"""task=folder: what is broken, does not fit or is not read is told in one line."""

import re
import shutil
import tarfile

import numpy as np
import pytest

from benchmarks import check_images
from dp_common.errors import BadInput, Damaged
from dp_common.real_images import image_files
from dp_common.real_images.splits import LazySplit
from tests.dp_common.real_images.pictures import pixels, tar_of, tree
from tests.dp_common.tasks.real_tasks import PARTS, loaded, refused, task_of, words


@pytest.fixture
def broken(tmp_path):
    """200 images of two classes, and a way to break some."""
    tree(tmp_path / "train", {"a": 120, "b": 80})

    def spoil(*names):
        for name in names:
            (tmp_path / "train" / name).write_bytes((tmp_path / "train" / name).read_bytes()[:40])
        return words(tmp_path / "train", "", "folder.monitor_share=0.2")

    return spoil


def test_a_few_corrupt_images_are_left_out_and_named(broken, capsys):
    task = loaded(*broken("a/007.png"))
    assert sum(len(getattr(task, part)) for part in PARTS) == 199
    told = [line for line in capsys.readouterr().err.splitlines() if "a/007.png" in line]
    assert len(told) == 1 and re.search(r"1 image \(a/007.png: \S.*\) cannot be decoded and left out", told[0])


def test_many_corrupt_images_are_refused(broken):
    told = refused(*broken(*(f"a/{number:03d}.png" for number in range(30))))
    assert "more than 1 %" in told and told.startswith("data.train=") and "a/0" in told
    assert "no other of their class" in refused(*broken(*(f"b/{number:03d}.png" for number in range(80))))


def test_a_truncated_image_is_left_out_whether_images_are_held_or_read_as_they_are_needed(broken, monkeypatch, capsys):
    given = broken("a/007.png")
    held = loaded(*given)
    told = [line for line in capsys.readouterr().err.splitlines() if "a/007.png" in line]
    monkeypatch.setattr(image_files, "IN_MEMORY", 100)
    lazy = loaded(*given)
    assert [line for line in capsys.readouterr().err.splitlines() if "a/007.png" in line] == told and len(told) == 1
    for part in PARTS:
        assert pixels(getattr(lazy, part)) == pixels(getattr(held, part)), part
        assert np.array_equal(getattr(lazy, part).labels, getattr(held, part).labels), part
    assert isinstance(lazy.train, LazySplit) and sum(len(getattr(lazy, part)) for part in PARTS) == 199
    assert "more than 1 %" in refused(*broken(*(f"a/{number:03d}.png" for number in range(30))))


def test_what_looks_whole_in_a_lazy_split_and_is_not_is_named_when_read(broken, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(image_files, "IN_MEMORY", 100)
    given, file = broken(), tmp_path / "train/b/011.png"
    file.write_bytes(file.read_bytes()[:40] + bytes(99) + file.read_bytes()[-40:])
    task = loaded(*given)
    with pytest.raises(Damaged, match="b/011.png cannot be decoded") as caught:
        for part in PARTS:
            getattr(task, part).read(np.arange(len(getattr(task, part))))
    assert "python -m benchmarks.check_images" in str(caught.value) and "\n" not in str(caught.value)
    assert check_images.main([given[1].partition("=")[2]]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("b/011.png cannot be decoded: ") and told[1:] == ["1 of 200 images cannot be decoded"]


def test_folders_that_do_not_fit_are_refused_in_one_line(sets, tmp_path):
    train, test = sets / "train", sets / "test"
    assert "task=folder reads your own images" in refused("task=folder")
    assert f"data.train={tmp_path}/none: no such folder" in refused(*words(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    assert "no images there; expected one folder per class" in refused(*words(tmp_path / "empty"))
    tree(tmp_path / "zoo", {"zebra": 2})
    assert f"data.test={tmp_path}/zoo: 1 class (zebra) not in data.train={train}" in refused(
        *words(train, tmp_path / "zoo")
    )
    assert f"data.test={sets}/odd: 1 class (Class1) of data.train" in refused(*words(train, sets / "odd"))
    assert "nothing would be held out" in refused(*words(train, train))
    assert "at least two classes" in refused(*words(tmp_path / "zoo"))
    for made in ("hollow", "loose", "deep"):
        shutil.copytree(test, tmp_path / made)
    for file in (tmp_path / "hollow/class2").iterdir():
        file.unlink()
    shutil.copy(test / "class2/000.png", tmp_path / "loose/x.png")
    (tmp_path / "deep/more/cat").mkdir(parents=True)
    shutil.copy(test / "class2/000.png", tmp_path / "deep/more/cat")
    assert "1 class folder (class2) without an image" in refused(*words(tmp_path / "hollow"))
    assert "1 image (x.png) in no class folder" in refused(*words(tmp_path / "loose"))
    assert "class folders must lie side by side" in refused(*words(tmp_path / "deep"))
    (tmp_path / "x.tar").write_bytes(b"nothing" * 999)
    assert "not a whole, uncompressed tar" in refused(*words(tmp_path / "x.tar"))
    (tmp_path / "x.zip").write_bytes(b"nothing")
    assert "a file that is no .tar" in refused(*words(tmp_path / "x.zip"))
    small = tree(tmp_path / "small", {"a": 30, "b": 3})
    assert "folder.monitor_share=0.1: no image of 1 class (b) is left for monitor" in refused(*words(small))
    assert "folder.test_share=0.1: no image of 1 class (b) is left for test" in refused(
        *words(small, "", "folder.test_share=0.1")
    )


def test_sets_of_equal_names_and_sizes_are_the_same_only_if_their_pixels_are(tmp_path):
    train = tree(tmp_path / "train", {"a": 20, "b": 20}, ending="bmp")
    test = tree(tmp_path / "test", {"a": 20, "b": 20}, seed=1, ending="bmp")
    assert len(loaded(*words(train, test)).test) == 40
    assert "nothing would be held out" in refused(*words(train, shutil.copytree(train, tmp_path / "copy")))
    assert "nothing would be held out" in refused(*words(train, tar_of(train, tmp_path / "train.tar")))


def test_links_that_a_tar_holds_are_told(sets, tmp_path, capsys):
    file = tar_of(sets / "train", tmp_path / "train.tar")
    with tarfile.open(file, "a") as tar:
        member = tarfile.TarInfo("class2/again.png")
        member.type, member.linkname = tarfile.SYMTYPE, "000.png"
        tar.addfile(member)
    task = loaded(*words(file, sets / "test"))
    assert len(task.train) + len(task.monitor) == 130
    assert "1 link (class2/again.png) ignored: links in a tar are not followed" in capsys.readouterr().err


def test_a_link_that_leads_in_a_circle_is_one_line_in_a_dry_run(sets, tmp_path):
    shutil.copytree(sets / "train", tmp_path / "train")
    (tmp_path / "train/class2/all").symlink_to("../../train")
    with pytest.raises(BadInput, match="class2/all is a link to a folder that it lies in"):
        task_of(*words(tmp_path / "train", sets / "test"))


def test_files_that_are_no_images_are_told(sets, tmp_path, capsys):
    shutil.copytree(sets / "train", tmp_path / "train")
    (tmp_path / "train/class2/x.heic").write_text("x")
    loaded(*words(tmp_path / "train", sets / "test"))
    assert "1 file (class2/x.heic) ignored: not named like an image" in capsys.readouterr().err
