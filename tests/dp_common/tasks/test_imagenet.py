"""ImageNet: real val is test, monitor and train_heldout are of real train, shifted sets have their own classes."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dp_common.config.resolve import resolve
from dp_common.real_images import image_files
from dp_common.real_images.splits import LazySplit, Split
from tests.dp_common.real_images.pictures import saved
from tests.dp_common.tasks.real_tasks import PARTS, ROOT, loaded, refused, task_of


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
