"""task=folder: images come out right, on one side of the split only, under the right label, from folders and tars."""

import shutil
import subprocess
import sys

import numpy as np

from dp_common.config.resolve import resolve
from dp_common.real_images import image_files
from dp_common.real_images.splits import LazySplit, Split
from tests.dp_common.real_images.pictures import pixels, tar_of
from tests.dp_common.tasks.real_tasks import PARTS, ROOT, loaded, refused, task_of, words


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
