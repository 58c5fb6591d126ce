"""Real images: whatever their format, they come out right, on one side of the split only, under the right label; what
is missing or broken is told in one line. All images here are made on the spot.
"""

import pickle
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import check_images
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Damaged
from dp_common.real_images import image_files
from dp_common.real_images.splits import LazySplit, Split
from tests.dp_common.real_images.pictures import pixels, saved, tar_of, tree

ROOT = Path(__file__).parents[3]
PARTS = ("train", "monitor", "test")


def task_of(*words):
    """The task as a run gets it, not loaded."""
    return resolve(["strategy=static", "teacher=mixture", *words]).task


def loaded(*words, split=0):
    task = task_of(*words)
    task.load(split)
    return task


def refused(*words, split=0):
    """The one line with which these words are refused."""
    with pytest.raises(BadInput) as caught:
        loaded(*words, split=split)
    assert caught.value.code == 2 and "\n" not in str(caught.value)
    return str(caught.value)


# ---------------------------------------------------------------------- task=folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    tree(root / "train", {"class10": 40, "class2": 60, "Class1": 30})
    tree(root / "test", {"class2": 10, "Class1": 10, "class10": 10}, seed=1)
    tree(root / "odd", {"class2": 5, "class10": 5}, seed=2)
    return root


def words(train, test="", *more, size=12):
    return ["task=folder", f"data.train={train}", f"data.test={test}", f"folder.size={size}", *more]


def test_folder_sizes_labels_and_disjointness(sets):
    task = loaded(*words(sets / "train", sets / "test"))
    assert task.classes == ["Class1", "class2", "class10"] and task.shape == (3, 12, 12)
    assert [len(getattr(task, part)) for part in PARTS] == [117, 13, 30]
    assert np.array_equal(np.bincount(task.monitor.labels), [3, 6, 4]) and np.array_equal(
        np.bincount(task.train.labels), [27, 54, 36]
    )
    assert len(set(sum((pixels(getattr(task, part)) for part in PARTS), []))) == 160
    for part in PARTS:
        split = getattr(task, part)
        assert (
            isinstance(split, Split)
            and split.images.dtype == np.uint8
            and split.labels.dtype == np.int64
            and split.among is None
        )
    image = image_files.decode((sets / "test" / "class2" / "003.png").read_bytes(), task.shape).tobytes()
    assert task.test.labels[pixels(task.test).index(image)] == 1


def test_without_a_test_set_a_share_of_train_is_held_out(sets):
    task = loaded(*words(sets / "train", "", "folder.test_share=0.3"))
    assert [len(getattr(task, part)) for part in PARTS] == [82, 9, 39]
    assert len(set(sum((pixels(getattr(task, part)) for part in PARTS), []))) == 130


def test_a_split_is_a_function_of_its_seed_and_limit_is_balanced(sets):
    both = words(sets / "train", sets / "test")
    first, again, other = (loaded(*both, split=split) for split in (0, 0, 1))
    assert pixels(first.monitor) == pixels(again.monitor) and set(pixels(first.monitor)) != set(pixels(other.monitor))
    few = loaded(*both, "data.limit=9")
    for part in PARTS:
        assert np.array_equal(np.bincount(getattr(few, part).labels), [3, 3, 3])
        assert set(pixels(getattr(few, part))) <= set(pixels(getattr(first, part)))


def test_folders_and_tars_are_the_same_data(sets, tmp_path):
    plain = words(sets / "train", sets / "test")
    one = tar_of(sets / "train", tmp_path / "train.tar", prefix="./some/prefix/")
    for name in ("0", "1"):
        (tmp_path / "tars").mkdir(exist_ok=True)
        tar_of(
            sets / "train",
            tmp_path / "tars" / f"part-{name}.tar",
            keep=lambda file, name=name: str(int(file[-5]) % 2) == name,
        )
    (tmp_path / "classes").mkdir()
    for folder in (sets / "train").iterdir():
        tar_of(folder, tmp_path / "classes" / f"{folder.name}.tar")
    shutil.copytree(sets / "train", tmp_path / "moved")
    (tmp_path / "moved" / ".DS_Store").write_text("x")
    (tmp_path / "moved" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "moved" / "class2" / "._000.png").write_text("x")
    expected = loaded(*plain)
    for path in (one, tmp_path / "tars", tmp_path / "classes", tmp_path / "moved"):
        same = loaded(*words(path, sets / "test"))
        assert same.classes == expected.classes and same.fingerprint() == expected.fingerprint(), path
        for part in PARTS:
            assert pixels(getattr(same, part)) == pixels(getattr(expected, part))
            assert np.array_equal(getattr(same, part).labels, getattr(expected, part).labels)


def test_the_fingerprint_is_of_names_and_content(sets, tmp_path):
    shutil.copytree(sets / "train", tmp_path / "train")
    fingerprint = lambda: task_of(*words(tmp_path / "train", sets / "test")).fingerprint()
    first = fingerprint()
    assert first != task_of(*words(tmp_path / "train")).fingerprint()
    (tmp_path / "train/class2/000.png").rename(tmp_path / "train/class2/999.png")
    renamed = fingerprint()
    with open(tmp_path / "train/class2/001.png", "ab") as file:
        file.write(b"0")
    assert len({first, renamed, fingerprint()}) == 3


def test_lazy_splits_hold_the_same_images_in_forked_workers_too(sets, tmp_path, monkeypatch):
    from dp_common.training_data import loading

    tar = tar_of(sets / "train", tmp_path / "train.tar")
    (tmp_path / "tars").mkdir()
    shutil.copy(tar, tmp_path / "tars")
    expected = loaded(*words(sets / "train", sets / "test"))
    monkeypatch.setattr(image_files, "IN_MEMORY", 100)
    for path in (sets / "train", tar, tmp_path / "tars"):
        lazy = loaded(*words(path, sets / "test")).train
        assert isinstance(lazy, LazySplit) and np.array_equal(lazy.labels, expected.train.labels)
        assert np.array_equal(lazy.read(np.arange(5)), expected.train.images[:5])  # opens the tar before the fork
        pieces = loading.SplitBatches(lazy, 4)
        for _ in range(2):
            found = np.concatenate(list(loading.stream(pieces, range(len(pieces)), workers=2)))
            assert np.array_equal(found, expected.train.images)
        assert np.array_equal(lazy.read(np.arange(9)), expected.train.images[:9])


def test_shifted_sets_may_hold_some_of_the_classes(sets):
    task = loaded(*words(sets / "train", sets / "test", f"folder.shifted_sets=odd={sets}/odd;all={sets}/train"))
    assert np.array_equal(task.shifted["odd"].among, [1, 2]) and np.array_equal(
        np.bincount(task.shifted["odd"].labels), [0, 5, 5]
    )
    assert task.shifted["all"].among is None and len(task.shifted["all"]) == 130
    assert task.fingerprint() != task_of(*words(sets / "train", sets / "test")).fingerprint()
    for given in ("odd", "train=/x", "a=/x;a=/y", "data.test=/x"):
        assert "folder.shifted_sets" in refused(*words(sets / "train", sets / "test", f"folder.shifted_sets={given}"))


def test_images_the_data_holds_twice_stay_on_one_side(sets, tmp_path, capsys):
    shutil.copytree(sets / "train", tmp_path / "train")
    shutil.copy(sets / "test/class2/000.png", tmp_path / "train/class2/copy.png")
    task = loaded(*words(tmp_path / "train", sets / "test"))
    assert (
        not set(pixels(task.test)) & set(pixels(task.train) + pixels(task.monitor))
        and len(task.train) + len(task.monitor) == 130
    )
    assert "1 of 118 images for training" in capsys.readouterr().err


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


def test_a_run_on_folders(sets, tmp_path, monkeypatch):
    from dp_common.lab import runner

    monkeypatch.setattr(image_files, "IN_MEMORY", 100)  # nothing is in memory
    run = resolve(
        [
            *words(sets / "train", sets / "test", f"folder.shifted_sets=odd={sets}/odd", size=8),
            "teacher=mixture",
            "mixture.components=2",
            "learner=vit-digits",
            "strategy=real",
            "scale=60",
            "train.seen=640",
            "train.batch=64",
            "sampler.steps=4",
            f"root={tmp_path}",
            f"decoded={tmp_path}/decoded",
            "evaluate=curve",
        ]
    )
    summary = runner.execute(run, quiet=True)
    assert summary["state"] == "done" and summary["scale_reached"] and set(summary["shifted"]) == {"odd"}
    often = [run.task.monitor, run.task.test, run.task.shifted["odd"]]
    assert len(list((tmp_path / "decoded").iterdir())) == 3 and run.task.train.kept is None
    assert all(split.kept.holds(np.arange(len(split))) for split in often)


# ---------------------------------------------------------------------- ImageNet


def official(name):
    import timm

    return (Path(timm.__file__).parent / "data/_info" / name).read_text().split()


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """All five sets with a few images per class, each of one colour that tells its index among the 1,000."""
    from timm.data import ImageNetInfo

    root, wnids = tmp_path_factory.mktemp("imagenet"), ImageNetInfo().label_names()
    r, a = (list(map(int, official(f"imagenet_{name}_indices.txt"))) for name in "ra")
    for index, wnid in enumerate(wnids):
        data = saved(
            Image.new("RGB", (18, 16), (index // 32 * 8, index % 32 * 8, 0)), "JPEG", quality=95, subsampling=0
        )
        for folder, count in (
            (f"train/{wnid}", 3),
            (f"val/{wnid}", 1),
            (f"imagenetv2-matched-frequency-format-val/{index}", 1),
            (f"sketch/{wnid}", 1),
            (f"imagenet-r/{wnid}", index in r),
            (f"imagenet-a/{wnid}", index in a),
        ):
            if count:
                (root / folder).mkdir(parents=True)
                for number in range(count):
                    (root / folder / f"{wnid}_{number}.JPEG").write_bytes(data)
    return root


def shown(split):
    """The index among the 1,000 that each image's colour tells."""
    red, green, _ = np.round(split.read(np.arange(len(split))).mean((2, 3)) / 8).astype(int).T
    return 32 * red + green


@pytest.mark.parametrize("name", ["imagenet100", "imagenet1k"])
def test_imagenet(imagenet, name, capsys):
    task = loaded(
        f"task={name}",
        f"data.root={imagenet}",
        f"{name}.size=16",
        f"{name}.monitor_images=100",
        f"{name}.heldout_images=120",
    )
    wnids, count = official("imagenet_synsets.txt"), len(task.classes)
    index_of = np.array([wnids.index(wnid) for wnid in task.classes])
    assert count == {"imagenet100": 100, "imagenet1k": 1000}[name] and len(set(task.classes)) == count
    assert name == "imagenet100" or task.classes == wnids
    assert [len(getattr(task, part)) for part in PARTS] == [3 * count - 100, 100, count]
    assert isinstance(task.train, LazySplit) and isinstance(task.test, Split) and task.test.among is None
    assert set(task.shifted) == {"train_heldout", "imagenet-v2", "imagenet-sketch", "imagenet-r", "imagenet-a"}
    assert "note" not in capsys.readouterr().err
    for split in (task.monitor, task.test, *task.shifted.values()):
        assert np.array_equal(shown(split), index_of[split.labels])
    for letter in "ra":
        held = set(map(int, official(f"imagenet_{letter}_indices.txt"))) & set(index_of)
        split = task.shifted[f"imagenet-{letter}"]
        assert set(index_of[split.among]) == held and set(index_of[split.labels]) == held and len(split) == len(held)
    assert len(task.shifted["train_heldout"]) == 120 and task.shifted["imagenet-v2"].among is None
    assert sorted(task.shifted["imagenet-sketch"].labels) == list(range(count))


def test_imagenet_splits_of_real_train_are_disjoint(imagenet, monkeypatch, capsys):
    rows = {}
    (imagenet / "train/read.me").write_text("x")
    cut = image_files.Files.split
    monkeypatch.setattr(
        image_files.Files,
        "split",
        lambda self, which, *more, **words: (
            rows.setdefault(Path(self.path).name, []).append({self.name(row) for row in which}),
            cut(self, which, *more, **words),
        )[1],
    )
    root = [
        f"data.root={imagenet}",
        "imagenet100.size=16",
        "imagenet100.monitor_images=100",
        "imagenet100.heldout_images=60",
    ]
    loaded("task=imagenet100", *root)
    (imagenet / "train/read.me").unlink()
    assert f"{imagenet}/train: 1 file (read.me) ignored: not named like an image" in capsys.readouterr().err
    monitor, train, heldout = rows["train"]
    assert not monitor & train and len(monitor | train) == 300 and heldout < train and len(heldout) == 60
    rows.clear()
    few = loaded("task=imagenet100", *root, "data.limit=50")
    assert (
        all(len(split) <= 50 for split in (few.train, few.monitor, few.test, *few.shifted.values()))
        and len(few.train) == 50
    )
    assert len(loaded("task=imagenet100", *root[:3], "imagenet100.heldout_images=0").shifted["train_heldout"]) == 200


def test_imagenet_is_identified_by_its_content(imagenet, tmp_path):
    """Of the task's own classes; where it is not there yet, by its classes."""
    fingerprint = lambda root: task_of("task=imagenet100", f"data.root={root}").fingerprint()
    mine = task_of("task=imagenet100").classes
    for part in ("train", "val", "sketch"):
        for wnid in (*mine, "n01440764"):
            shutil.copytree(imagenet / part / wnid, tmp_path / "here" / part / wnid, dirs_exist_ok=True)
    here = tmp_path / "here"
    first = fingerprint(here)
    assert first not in (fingerprint(tmp_path / "nowhere"), fingerprint(imagenet))
    assert fingerprint(shutil.copytree(here, tmp_path / "copy")) == first
    for file, mine_too in ((here / "val/n01440764/n01440764_0.JPEG", "n01440764" in mine), (None, True)):
        file = file or next((here / "sketch" / mine[7]).iterdir())
        file.write_bytes(file.read_bytes()[:-2] + b"\0\0")
        assert (fingerprint(here) != first) == mine_too, file


def test_imagenet_names():
    task = task_of("task=imagenet1k")
    prompts = dict(zip(task.classes, task.prompts))
    assert (
        len(prompts) == 1000
        and prompts["n01440764"] == "tench"
        and prompts["n02012849"] == prompts["n03126707"] == "crane"
    )
    hundred = task_of("task=imagenet100")
    assert hundred.classes == (ROOT / "dp_common/tasks/imagenet100_wnids.txt").read_text().split() and set(
        hundred.classes
    ) < set(task.classes)
    assert (
        hundred.prompts == [prompts[wnid] for wnid in hundred.classes] and hundred.fingerprint() != task.fingerprint()
    )


def test_imagenet_that_is_not_there(imagenet, tmp_path, capsys):
    told = refused("task=imagenet1k", f"data.root={tmp_path}")
    assert told.startswith(
        f"data.root={tmp_path}: no folder {tmp_path}/train nor {tmp_path}/val; expected train/<wnid>/*.JPEG"
    )
    assert "https://image-net.org/download.php" in told and f"ImageNet('{tmp_path}', part)" in told
    (tmp_path / "train").symlink_to(imagenet / "train")
    assert f"no folder {tmp_path}/val;" in refused("task=imagenet1k", f"data.root={tmp_path}")
    (tmp_path / "val").mkdir()
    for number in range(3):
        (tmp_path / "val" / f"ILSVRC2012_val_{number:08d}.JPEG").write_bytes(saved(Image.new("RGB", (16, 16)), "JPEG"))
    assert "lie loose, not in class folders: remove it; expected" in refused("task=imagenet1k", f"data.root={tmp_path}")
    shutil.rmtree(tmp_path / "val")
    (tmp_path / "val").mkdir()
    for folder in list((imagenet / "val").iterdir()):
        if folder.name != "n01440764":
            (tmp_path / "val" / folder.name).symlink_to(folder)
    few = ["imagenet1k.size=16", "imagenet1k.monitor_images=100"]
    assert f"{tmp_path}/val has no images of 1 class (n01440764)" in refused(
        "task=imagenet1k", f"data.root={tmp_path}", *few
    )
    assert "imagenet1k.monitor_images=10000: leaves some classes without images" in refused(
        "task=imagenet1k", f"data.root={imagenet}"
    )
    (tmp_path / "val" / "n01440764").symlink_to(imagenet / "val" / "n01440764")
    capsys.readouterr()
    task = loaded("task=imagenet1k", f"data.root={tmp_path}", *few)
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")]
    assert set(task.shifted) == {"train_heldout"} and len(told) == 1
    assert all(
        name in told[0]
        for name in ("imagenet-v2", "imagenet-sketch", "imagenet-r", "imagenet-a", str(tmp_path), "https://")
    )


def test_the_recipe_of_imagenet_is_the_papers():
    run = resolve(["task=imagenet1k", "strategy=static"])
    assert (run.spec.teacher, run.spec.learner) == ("stable-diffusion", "vit_base_patch16_224")
    assert (run.spec.train.seen, run.spec.train.batch, run.spec.train.lr) == (409_600_000, 4096, 0.0016)
    assert run.runtime.readers == 8 and run.spec.train.order == "block" and run.spec.images.format == "jpeg"
    hundred = resolve(["task=imagenet100", "strategy=static"]).spec.train
    assert (hundred.seen, hundred.batch, hundred.lr, hundred.ema, hundred.label_smoothing) == (
        102_400_000,
        2048,
        0.003,
        0.999,
        0.11,
    )


# ---------------------------------------------------------------------- torchvision's sets


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """Files as CIFAR's, of 20 images each but for their sums."""
    from torchvision.datasets import cifar

    monkeypatch.setattr(cifar, "check_integrity", lambda path, md5=None: Path(path).is_file())
    for name, folder, key, meta, count in (
        ("cifar10", "cifar-10-batches-py", "labels", ("batches.meta", "label_names"), 10),
        ("cifar100", "cifar-100-python", "fine_labels", ("meta", "fine_label_names"), 100),
    ):
        (tmp_path / folder).mkdir()
        files = [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"] if count == 10 else ["train", "test"]
        for number, file in enumerate(files):
            images = np.random.default_rng(number).integers(0, 256, (2 * count, 3072), np.uint8)
            (tmp_path / folder / file).write_bytes(pickle.dumps({"data": images, key: list(range(count)) * 2}))
        (tmp_path / folder / meta[0]).write_bytes(pickle.dumps({meta[1]: task_of(f"task={name}").classes}))
    return tmp_path


@pytest.mark.parametrize("name, sizes", [("cifar10", [80, 20, 20]), ("cifar100", [160, 40, 200])])
def test_cifar(cifar, name, sizes):
    task = loaded(f"task={name}", f"data.root={cifar}", f"{name}.monitor_images={sizes[1]}")
    assert (
        [len(getattr(task, part)) for part in PARTS] == sizes
        and len(task.classes) == len(set(task.classes))
        and task.shifted == {}
    )
    assert (
        task.train.images.shape == (sizes[0], 3, 32, 32)
        and task.train.images.dtype == np.uint8
        and task.train.labels.dtype == np.int64
    )
    assert len(set(sum((pixels(getattr(task, part)) for part in PARTS), []))) == sum(sizes)
    first = np.random.default_rng(5 if name == "cifar10" else 1).integers(
        0, 256, (2 * len(task.classes), 3072), np.uint8
    )[3]
    assert (
        np.array_equal(task.test.images[3].ravel(), first) and task.test.labels[3] == 3
    )  # channels before rows, as the files have them
    few = loaded(f"task={name}", f"data.root={cifar}", f"{name}.monitor_images={sizes[1]}", "data.limit=10")
    assert [len(getattr(few, part)) for part in PARTS] == [10, 10, 10] and set(pixels(few.train)) <= set(
        pixels(task.train)
    )
    assert f"{name}.monitor_images=5000: at most half" in refused(f"task={name}", f"data.root={cifar}")


def test_another_data_set_in_cifars_place_is_refused(cifar):
    (cifar / "cifar-10-batches-py/batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    assert "this is not CIFAR10" in refused("task=cifar10", f"data.root={cifar}", "cifar10.monitor_images=20")


def idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()
    )


@pytest.mark.parametrize("name, source", [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_mnist(name, source, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 28), np.uint8)
    for part, rows in (("train", range(40)), ("t10k", range(40, 60))):
        idx(tmp_path / source / "raw" / f"{part}-images-idx3-ubyte", images[list(rows)])
        idx(tmp_path / source / "raw" / f"{part}-labels-idx1-ubyte", np.array([row % 10 for row in rows], np.uint8))
    task = loaded(f"task={name}", f"data.root={tmp_path}", f"{name.replace('-', '_')}.monitor_images=10")
    assert [len(getattr(task, part)) for part in PARTS] == [30, 10, 20] and np.array_equal(
        task.test.images[:, 0], images[40:]
    )
    assert np.array_equal(np.bincount(task.monitor.labels), [1] * 10)
    first = task.fingerprint()
    assert first != task_of(f"task={name}", f"data.root={tmp_path / 'elsewhere'}").fingerprint()
    idx(tmp_path / source / "raw/t10k-images-idx3-ubyte", images[40:][::-1])
    assert task_of(f"task={name}", f"data.root={tmp_path}").fingerprint() != first
    file = tmp_path / source / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:5000])
    assert "is not there, or not whole" in refused(f"task={name}", f"data.root={tmp_path}")


def test_svhn(tmp_path, monkeypatch):
    from scipy.io import savemat
    from torchvision.datasets import SVHN

    monkeypatch.setattr(SVHN, "_check_integrity", lambda self: True)
    images = np.random.default_rng(0).integers(0, 256, (60, 32, 32, 3), np.uint8)
    for part, rows in (("train", range(40)), ("test", range(40, 60))):
        tens = np.array([[row % 10 or 10] for row in rows])  # a zero is stored as 10
        savemat(tmp_path / f"{part}_32x32.mat", {"X": images[list(rows)].transpose(1, 2, 3, 0), "y": tens})
    task = loaded("task=svhn", f"data.root={tmp_path}", "svhn.monitor_images=10")
    assert [len(getattr(task, part)) for part in PARTS] == [30, 10, 20] and task.test.labels[0] == 0
    assert np.array_equal(task.test.images, images[40:].transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    "name, source",
    [
        ("cifar10", "CIFAR10"),
        ("cifar100", "CIFAR100"),
        ("svhn", "SVHN"),
        ("mnist", "MNIST"),
        ("fashion-mnist", "FashionMNIST"),
    ],
)
def test_what_torchvision_has_not_yet_downloaded_is_told_with_the_command(name, source, tmp_path):
    told = refused(f"task={name}", f"data.root={tmp_path}")
    assert told.startswith(f"data.root={tmp_path}: torchvision's {source} is not there")
    command = told.partition('python -c "')[2].removesuffix('"')
    compile(command, "command", "exec")
    assert (
        f"from torchvision.datasets import {source}; " in command
        and f"'{tmp_path}'" in command
        and "download=True" in command
    )


# ---------------------------------------------------------------------- no torch


def test_tasks_resolve_without_torch(sets):
    tasks = ["cifar10", "cifar100", "svhn", "mnist", "fashion-mnist", "imagenet100", "imagenet1k"]
    given = [[f"task={name}"] for name in tasks] + [
        words(sets / "train", sets / "test"),
        words(tar_of(sets / "train", sets / "t.tar")),
    ]
    code = f"""if True:
        import sys
        from dp_common.config.resolve import resolve
        ids = set()
        for words in {given!r}:
            run = resolve(["strategy=static", *words])
            ids.add(run.run_id)
            assert len(run.task.prompts) == len(run.task.classes) == run.budget.classes, words
            assert run.task.fingerprint(), words
        heavy = {{"torch", "timm", "torchvision", "diffusers", "PIL"}} & set(sys.modules)
        assert not heavy, heavy
        assert len(ids) == 9
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
