"""What is kept is given back bit by bit, for the same input alone, and a damaged file is as good as none."""

import os

import numpy as np
import pytest

from dp_common.config.resolve import resolve
from dp_common.real_images import kept_arrays
from dp_common.real_images.kept_arrays import kept


@pytest.fixture(autouse=True)
def memory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def finder(asked, *arrays):
    return lambda: asked.append(1) or arrays


def test_it_is_found_out_once_for_one_input():
    asked, given = [], [np.arange(6.0), np.arange(3)]
    arrays = np.random.default_rng(0).normal(size=(4, 3)), np.arange(5)
    for _ in range(3):
        again = kept("fit", given, [2, 0.5], finder(asked, *arrays))
        assert all(np.array_equal(one, other) and one.dtype == other.dtype for one, other in zip(arrays, again))
    assert len(asked) == 1
    others = [
        ("fit", [np.arange(6.0).reshape(2, 3), np.arange(3)], [2, 0.5]),  # the same bytes
        ("fit", [np.arange(6.0) + 1e-12, np.arange(3)], [2, 0.5]),
        ("fit", given, [3, 0.5]),
        ("split", given, [2, 0.5]),
    ]
    for number, other in enumerate(others, 2):
        kept(*other, finder(asked, *arrays))
        assert len(asked) == number


@pytest.mark.parametrize("name", ["cpu_model", "installed"])
def test_another_processor_or_library_finds_out_for_itself(monkeypatch, name):
    asked = []
    kept("fit", [], [], finder(asked, np.ones(1)))
    monkeypatch.setattr(kept_arrays, name, lambda *a: "another")
    kept("fit", [], [], finder(asked, np.ones(1)))
    assert len(asked) == 2


@pytest.mark.parametrize("harm", [lambda b: b[:-1], lambda b: b"", lambda b: b[:40] + bytes([b[40] ^ 1]) + b[41:]])
def test_a_damaged_memory_is_as_good_as_none(memory, harm):
    asked = []
    kept("fit", [], [], finder(asked, np.ones(3)))
    (file,) = memory.rglob("*.npz")
    file.write_bytes(harm(file.read_bytes()))
    assert kept("fit", [], [], finder(asked, np.ones(3)))[0].tolist() == [1, 1, 1] and len(asked) == 2
    kept("fit", [], [], finder(asked, np.ones(3)))
    assert len(asked) == 2  # it is whole again


def test_nowhere_to_keep_it_is_no_fault(memory, monkeypatch):
    (memory / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(memory / "file"))
    asked = []
    for _ in range(2):
        kept("fit", [], [], finder(asked, np.ones(3)))
    assert len(asked) == 2 and os.listdir(memory) == ["file"]


def test_a_mixture_that_was_kept_is_the_one_that_was_fitted(monkeypatch):
    task = resolve(["task=plane"]).task
    task.load(0)
    first, second = (resolve(["task=plane", "teacher=mixture"]).teacher for _ in range(2))
    first.prepare(task, "cpu")
    monkeypatch.setattr(type(second), "fit", lambda *a: pytest.fail("fitted again"))
    second.prepare(task, "cpu")
    for part in ("means", "log_shares", "lam", "basis"):
        assert (getattr(first, part) == getattr(second, part)).all()
    other = resolve(["task=plane", "teacher=mixture", "mixture.components=2"]).teacher
    with pytest.raises(pytest.fail.Exception):
        other.prepare(task, "cpu")
