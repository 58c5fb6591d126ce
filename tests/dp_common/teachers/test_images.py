"""teacher=images deals out what somebody made, by class and order, each once; what it cannot do is refused first."""

import os
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import export
from dp_common.config.resolve import resolve
from dp_common.errors import BadInput, Damaged, Problem
from dp_common.lab import runner
from dp_common.real_images import content, image_files
from dp_common.teachers import images
from tests.dp_common.real_images.pictures import noise, tar_of, tree

CLASSES = [str(label) for label in range(10)]


@pytest.fixture
def digits(tmp_path):
    """Four 8-pixel pictures of each digit, in folders; the tenth class has three."""
    counts = dict.fromkeys(CLASSES, 4) | {"9": 3}
    folder = tree(tmp_path / "digits", counts)
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        save(path, noise(number, (8, 8), 1)[..., 0])
    return folder


def save(path, pixels):
    from PIL import Image

    Image.fromarray(pixels).save(path)


def prepared(path, *words):
    resolved = resolve(["teacher=images", "strategy=static", f"images.path={path}", *words])
    resolved.task.load(0)
    resolved.teacher.prepare(resolved.task, "cpu")
    return resolved.teacher


def table_of(folder, **columns):
    files = sorted(folder.rglob("*.png"))
    given = {"image": [{"bytes": file.read_bytes(), "path": file.name} for file in files]}
    return pa.table(given | {name: [of(file) for file in files] for name, of in columns.items()})


def test_images_are_dealt_out_by_class_and_order(digits):
    teacher = prepared(digits)
    assert teacher.stored_counts == [4] * 9 + [3]
    indices = np.array([0, 13, 39 - 10, 30])
    found = teacher.stored(indices, indices % 10)
    for image, (label, rank) in zip(found, [(0, 0), (3, 1), (9, 2), (0, 3)], strict=True):
        assert np.array_equal(image, image_files.decode((digits / f"{label}/{rank:03d}.png").read_bytes(), (1, 8, 8)))
    with pytest.raises(BadInput, match="holds 3 images of class 9; number 4 was asked for"):
        teacher.stored(np.array([39]), np.array([9]))


def test_order_is_that_of_people(tmp_path):
    folder = tree(tmp_path / "set", dict.fromkeys(CLASSES, 1))
    (folder / "0/000.png").unlink()
    for number in (2, 10, 1):
        save(folder / f"0/img{number}.png", np.full((8, 8), number, np.uint8))
    found = prepared(folder).stored(np.array([0, 10, 20]), np.zeros(3, int))
    assert found[:, 0, 0, 0].tolist() == [1, 2, 10]


def test_parquet_folders_and_tars_of_the_same_images_are_the_same(digits, tmp_path):
    def label(file):
        return int(file.parent.name)

    tables = {
        "by-name": table_of(digits, class_name=lambda file: file.parent.name),
        "by-number": table_of(digits, label=label, index=label),
    }
    names = '{"info": {"features": {"label": {"names": ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"]}}}}'
    named = table_of(digits, label=lambda file: 9 - label(file))
    tables["by-named-number"] = named.replace_schema_metadata({"huggingface": names})
    plain = table_of(digits, label=label)
    tables["bytes"] = plain.set_column(0, "image", plain["image"].combine_chunks().field("bytes"))
    everything = np.arange(39)
    expected = prepared(digits).stored(everything, everything % 10)
    run_ids = {resolve(["teacher=images", "strategy=static", f"images.path={digits}"]).run_id}
    for name, table in tables.items():
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=7)
        found = prepared(tmp_path / f"{name}.parquet").stored(everything, everything % 10)
        assert np.array_equal(found, expected), name
        run_ids |= {resolve(["teacher=images", "strategy=static", f"images.path={tmp_path / name}.parquet"]).run_id}
    tar = tar_of(digits, tmp_path / "set.tar")
    assert np.array_equal(prepared(tar).stored(everything, everything % 10), expected)
    run_ids |= {resolve(["teacher=images", "strategy=static", f"images.path={tar}"]).run_id}
    assert len(run_ids) == 1


def test_what_lies_beside_the_images_is_told(digits, tmp_path, capsys):
    os.mkfifo(digits / "3/pipe.png")
    prepared(digits)
    assert f"note: {digits}: 1 special file (3/pipe.png) ignored: a pipe, socket" in capsys.readouterr().err
    (digits / "3/pipe.png").unlink()
    pq.write_table(table_of(digits.rename(tmp_path / "x"), label=lambda file: 0), tmp_path / "all.parquet")
    (tmp_path / "._all.parquet").write_bytes(b"a Mac's")
    os.mkfifo(tmp_path / "pipe.parquet")
    prepared(tmp_path)
    lines = capsys.readouterr().err
    assert "1 special file (pipe.parquet) ignored" in lines and "._all" not in lines
    assert "39 other files (x/0/000.png, " in lines and "ignored: only the Parquet files are read" in lines


def test_other_content_is_another_run_at_the_same_sizes(digits):
    before = resolve(["teacher=images", "strategy=static", f"images.path={digits}"]).run_id
    one, two = digits / "3/000.png", digits / "3/001.png"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    os.utime(one, ns=(1, 1))
    assert resolve(["teacher=images", "strategy=static", f"images.path={digits}"]).run_id != before
    one.write_bytes(first)
    two.write_bytes(second)
    assert resolve(["teacher=images", "strategy=static", f"images.path={digits}"]).run_id == before


@pytest.mark.parametrize("to", ["imagefolder", "parquet"])
def test_what_a_run_made_is_the_same_set_again(small, tmp_path, to):
    made = small("strategy=static", "scale=60")
    summary = runner.execute(made, quiet=True)
    export.main([str(runner.folder_of(made)), f"to={to}", f"out={tmp_path / 'set'}"])
    again = small("strategy=static", "scale=60", "teacher=images", f"images.path={tmp_path / 'set'}")
    again_summary = runner.execute(again, quiet=True)
    assert again_summary["store_digest"] == summary["store_digest"]
    assert again_summary["accuracy"] == summary["accuracy"]
    assert [again_summary[f"{unit}_evaluations"] for unit in ("network", "decoder")] == [0, 0]
    assert again_summary["gpu_hours"]["generate"] > 0


def test_no_image_is_decoded_twice(digits, small, monkeypatch):
    """Once to be dealt out, once ever to be compared with what is held out."""
    monkeypatch.setattr(content, "RACY", -60.0)  # these files were not written a moment ago
    words = ["strategy=static", "scale=39", "teacher=images", f"images.path={digits}"]
    before = small(*words)
    before.task.load(before.spec.data.split)
    before.teacher.prepare(before.task, "cpu")
    seen, decode = Counter(), image_files.decode
    monkeypatch.setattr(image_files, "decode", lambda data, shape: seen.update([data]) or decode(data, shape))
    runner.execute(small(*words), quiet=True)
    assert len(seen) == 39 and set(seen.values()) == {1}


@pytest.mark.parametrize("part", ["monitor", "test"])
def test_images_that_the_run_holds_out_are_refused(digits, small, tmp_path, part):
    run = small("strategy=static", "scale=30", "teacher=images", f"images.path={digits}")
    task = run.task
    task.load(run.spec.data.split)
    save(digits / "2/001.png", getattr(task, part).images[7, 0])
    with pytest.raises(BadInput, match=r"images.path=.*: 1 image \(2/001.png\) among them that this run holds out"):
        runner.execute(run, quiet=True)
    assert not (tmp_path / "runs").exists()
    save(digits / "2/001.png", task.train.images[7, 0])  # the teacher's own
    run.teacher.prepare(task, "cpu")


def test_content_is_read_once_and_again_when_a_file_has_changed(digits, monkeypatch):
    monkeypatch.setattr(content, "RACY", -60.0)
    words, read = ["teacher=images", "strategy=static", f"images.path={digits}"], []
    monkeypatch.setattr(images, "content", lambda *a, old=images.content: read.append(1) or old(*a))
    first = resolve(words).run_id
    assert resolve(words).run_id == first and len(read) == 1
    save(digits / "3/000.png", noise(99, (8, 8), 1)[..., 0])
    assert resolve(words).run_id != first and len(read) == 2


def test_pruning_takes_its_candidates_from_them(digits, small):
    words = ["strategy=prune", "prune.initial=10", "prune.rounds=1", "prune.oversample=2", "prune.at=0.5"]
    run = small(*words, "scale=20", "teacher=images", f"images.path={digits}")
    summary = runner.execute(run, quiet=True)
    assert (summary["images_generated"], summary["images_kept"], summary["network_evaluations"]) == (30, 20, 0)


@pytest.mark.parametrize(
    "words, said",
    [
        (["strategy=static", "scale=40"], "teacher=images: holds 3 images of class 9; this run takes 4 of each class"),
        (["strategy=dp", "scale=20", "dp.patience=1"], "dp.omega=0.1: no guidance with teacher=images"),
        (["strategy=static", "scale=20", "images.path="], "images.path: teacher=images needs a folder"),
        (["strategy=static", "scale=20", "images.path=/no/such"], "images.path=/no/such: no such folder or file"),
        (["strategy=static", "scale=20", "sampler.cfg_scale=2"], "has no unconditional mode"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(digits, small, tmp_path, words, said):
    given = {word.partition("=")[0] for word in words}
    path = [] if "images.path" in given else [f"images.path={digits}"]
    with pytest.raises(Problem) as caught:
        runner.execute(small(*words, *path, "teacher=images"), quiet=True)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not list((tmp_path / "runs").rglob("*.parquet"))


def test_growing_without_guidance_goes(digits, small):
    words = ["strategy=dp", "dp.omega=0", "scale=20", "dp.schedule=even", "teacher=images", f"images.path={digits}"]
    assert runner.execute(small(*words), quiet=True)["scale_reached"]


@pytest.mark.parametrize(
    "harm, said",
    [
        (lambda f: (f / "3").rename(f / "cat"), "1 class folder (cat) of no class; the task has 0, 1, 2, 3, 4, ..."),
        (lambda f: [(f / f"t{n}.parquet").write_bytes(b"no") for n in (1,)], "not a readable Parquet file"),
        (lambda f: pq.write_table(pa.table({"a": [1]}), f / "a.parquet"), "columns image and label or class_name"),
        (
            lambda f: pq.write_table(table_of(f, label=lambda file: 10), f / "a.parquet"),
            "1 class (10) not of the task",
        ),
        (
            lambda f: pq.write_table(pa.table({"image": ["a"], "label": [1]}), f / "a.parquet"),
            "a column image of encoded files",
        ),
    ],
)
def test_sets_that_are_none_are_one_line(digits, harm, said):
    harm(digits)
    with pytest.raises(BadInput) as caught:
        prepared(digits)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_broken_image_is_named(digits):
    (digits / "4/002.png").write_bytes(b"no picture")
    with pytest.raises(Damaged, match="4/002.png cannot be decoded"):
        prepared(digits).stored(np.array([24]), np.array([4]))
    pq.write_table(table_of(digits, label=lambda file: int(file.parent.name)), digits / "all.parquet")
    with pytest.raises(Damaged, match="all.parquet, row group 0, row 18 cannot be decoded"):
        prepared(digits / "all.parquet").stored(np.array([24]), np.array([4]))


def test_keys_of_the_group_are_told_apart():
    with pytest.raises(BadInput, match="images.path=x: a key of teacher=images; this run has teacher=mixture"):
        resolve(["images.path=x"])
    with pytest.raises(BadInput, match="images.formt=x: no such key. Did you mean images.format"):
        resolve(["images.formt=x"])
