"""A pool keeps what it is given, lets one process make a range at a time, and loses nothing to one that is killed."""

import os
import signal
import time

import pytest

from dp_common.errors import Damaged
from dp_common.lab.pooled import Made, PooledImages
from dp_common.persistence.meter import Meter
from dp_common.persistence.places import look_under
from dp_common.pool.store import Block, ImagePool, blocks_in, file_of, read_file

BLOCKS = [(start, start + 64) for start in range(0, 1024, 64)]  # in four ranges


def pool_in(root):
    return ImagePool(root, "0123456789abcdef", {"task": "none"}, 64, 10)


def block(start, stop):
    return Block(
        start, stop, [b"%d" % index for index in range(start, stop)], 0.5, {"network_evaluations": 3}, {"a": 0.1}
    )


def test_what_is_written_is_read(tmp_path):
    pool, blocks = pool_in(tmp_path), [block(0, 64), block(64, 100)]
    pool.write(blocks)
    pool.write([block(256, 320)])
    assert pool.read(0) == ({(0, 64): blocks[0], (64, 100): blocks[1]}, [])
    assert list(pool.read(1)[0]) == [(256, 320)] and pool.read(2) == ({}, [])
    assert not any(look_under([tmp_path])), "no run is in a pool"


def test_a_byte_that_changed_is_noticed_and_taken_away_by_the_holder(tmp_path):
    pool = pool_in(tmp_path)
    pool.write([block(0, 64)])
    (path,) = pool.files_of(0)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match="its digest is another"):
        read_file(path, pool.key)
    found, wrong = pool.read(0)
    assert not found and len(wrong) == 1 and path.exists()
    pool.read(0, remove=True)
    assert not path.exists()
    with pytest.raises(Damaged):
        blocks_in(file_of([block(0, 64)], "another", 10), path, pool.key)


def makes(root, log, dies_at=None):
    """In a process of its own: walk all blocks; write down each that this process makes."""
    child = os.fork()
    if child:
        return child
    try:
        with PooledImages(pool_in(root), Meter(), lambda: None) as images, open(log, "a", buffering=1) as said:
            for start, stop in BLOCKS:
                if start == dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                if images.take(start, stop) is None:
                    said.write(f"{start}\n")
                    time.sleep(0.02)
                    spent = {"phases": {"generate": 0.02}, "counts": {}}
                    images.keep(Made(start, stop, lambda one=start, end=stop: block(one, end).encoded, {}, spent))
        os._exit(0)
    finally:
        os._exit(1)


def test_two_processes_make_each_block_once(tmp_path):
    children = [makes(tmp_path, tmp_path / f"log{number}") for number in range(2)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    made = [int(line) for number in range(2) for line in (tmp_path / f"log{number}").read_text().split()]
    assert sorted(made) == [start for start, _ in BLOCKS]


def test_a_killed_one_loses_its_range_at_most_and_another_goes_on(tmp_path):
    killed = makes(tmp_path, tmp_path / "killed", dies_at=640)  # in the third range, of which two blocks are made
    other = makes(tmp_path, tmp_path / "other")
    assert os.waitpid(killed, 0)[1] == signal.SIGKILL and os.waitpid(other, 0)[1] == 0
    first, second = ([int(line) for line in (tmp_path / name).read_text().split()] for name in ("killed", "other"))
    assert set(first) | set(second) == {start for start, _ in BLOCKS}
    assert set(first) & set(second) <= {512, 576}
    found = [key for number in range(4) for key in pool_in(tmp_path).read(number)[0]]
    assert sorted(found) == BLOCKS
