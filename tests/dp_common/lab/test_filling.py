"""Fillers share a pool's ranges through its locks alone; a killed one leaves nothing half, and its range to others."""

import os
import signal
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from dp_common.errors import BadInput
from dp_common.lab import filling
from dp_common.pool.store import ImagePool

RUN = SimpleNamespace(spec=SimpleNamespace(sampler=SimpleNamespace(block=64), teacher="none"), teacher=None)
BLOCKS = [(start, start + 64) for start in range(0, 1024, 64)]  # in four ranges


@pytest.fixture
def fills(tmp_path, monkeypatch):
    """fills(name, turn, dies_at, n): a filler that writes down the blocks it makes; returns what it made."""

    class Sampler:
        def __init__(self, spec, teacher, device, meter):
            pass

        def pixels(self, indices, labels):
            with open(tmp_path / self.log, "a") as said:
                said.write(f"{indices[0]}\n")
            return np.repeat(indices.astype(np.uint8), 64).reshape(-1, 1, 8, 8), None

        def density_means(self, floats, labels):
            return {}

    monkeypatch.setattr(filling, "ImageSampler", Sampler)
    monkeypatch.setattr(filling, "pool_of", lambda *_: pool(tmp_path))
    monkeypatch.setattr(filling.devices, "synchroniser", lambda device: lambda: None)

    def run(name, turn=0.0, dies_at=0, n=1024):
        Sampler.log, calls, shown = name, Counter(), []

        def pause():
            calls["all"] += 1
            if calls["all"] == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

        made = filling.fill(RUN, n, "cpu", shown.append, pause, turn)
        assert sum(shown) == n
        return made

    return run


def pool(root):
    return ImagePool(root, "0123456789abcdef", {"task": "none"}, 64, 10)


def made_by(tmp_path, name):
    return [int(line) for line in (tmp_path / name).read_text().split()] if (tmp_path / name).exists() else []


def forked(fills, *args, **keys):
    child = os.fork()
    if not child:
        try:
            fills(*args, **keys)
            os._exit(0)
        finally:
            os._exit(1)
    return child


def test_what_is_there_is_not_made_again_and_each_begins_where_it_is_told(tmp_path, fills):
    assert fills("one", turn=0.5).images == 1024 and made_by(tmp_path, "one")[0] == 512
    assert fills("two") == (0, 0.0) and not made_by(tmp_path, "two")
    assert fills("three", n=1100).images == 76, "a whole block and one that is cut off"
    assert [key for number in range(4) for key in sorted(pool(tmp_path).read(number)[0])] == BLOCKS


def test_two_fillers_make_each_block_once_and_a_killed_ones_range_is_made_by_another(tmp_path, fills):
    dying, other = forked(fills, "dying", dies_at=8), forked(fills, "other", turn=0.5)
    assert os.waitpid(dying, 0)[1] == signal.SIGKILL and os.waitpid(other, 0)[1] == 0
    counts = Counter(made_by(tmp_path, "dying") + made_by(tmp_path, "other"))
    assert sorted(counts) == [start for start, _ in BLOCKS]
    assert all(n == 1 or 256 <= start < 512 for start, n in counts.items()), "but for the range it was killed in"
    assert [key for number in range(4) for key in sorted(pool(tmp_path).read(number)[0])] == BLOCKS


def test_a_range_that_another_holds_is_left_to_the_end(tmp_path, fills):
    holds, told = os.pipe()
    child = os.fork()
    if not child:
        held = pool(tmp_path)  # what is open keeps the lock
        held.lock(1) and os.write(told, b"1")
        signal.pause()
    os.read(holds, 1)
    ends = filling.PooledImages.wait

    def wait(self):
        if self.number == 1:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        return ends(self)

    filling.PooledImages.wait = wait
    try:
        assert fills("one").images == 1024
    finally:
        filling.PooledImages.wait = ends
    assert made_by(tmp_path, "one") == [*range(0, 256, 64), *range(512, 1024, 64), *range(256, 512, 64)]


def test_a_file_that_was_cut_is_made_again_and_a_stale_temporary_goes(tmp_path, fills, capsys):
    fills("one")
    path = pool(tmp_path).files_of(2)[0]
    path.write_bytes(path.read_bytes()[:-10])
    stale, fresh = (path.with_name(f".{path.name}.{pid}.tmp") for pid in (1, 2))
    for temporary, age in ((stale, 7200), (fresh, 0)):
        temporary.touch()
        os.utime(temporary, (temporary.stat().st_atime, temporary.stat().st_mtime - age))
    assert fills("two").images == 256 and made_by(tmp_path, "two") == list(range(512, 768, 64))
    assert f"{path}: not what was written" in capsys.readouterr().err
    assert fresh.exists() and not stale.exists()


def test_a_teacher_that_holds_its_images_has_none_to_make(fills, monkeypatch):
    monkeypatch.setattr(filling, "pool_of", lambda *_: None)
    with pytest.raises(BadInput, match="made already"):
        fills("one")
