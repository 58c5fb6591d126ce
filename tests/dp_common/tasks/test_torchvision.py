"""torchvision's small sets, made on the spot in its formats."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from tests.dp_common.real_images.pictures import pixels
from tests.dp_common.tasks.real_tasks import PARTS, loaded, refused, task_of


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
