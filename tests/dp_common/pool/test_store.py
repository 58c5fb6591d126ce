"""A pool keeps what it is given, lets one process make a range at a time, and loses nothing to one that is killed."""

import io
import os
import signal
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dp_common.errors import BadInput, Damaged
from dp_common.files import digest
from dp_common.lab.pooled import Made, PooledImages
from dp_common.persistence.meter import Meter
from dp_common.persistence.places import look_under
from dp_common.pool.store import ABOUT, Block, ImagePool, about_of, blocks_in, file_of, read_file

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


def parquet(table):
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "columns, metadata, said",
    [
        ({"image": [b"x"]}, None, "no file of a pool"),
        ({"index": [0]}, {"pool": '{"key": "0123456789abcdef", "blocks": []}'}, "no file of a pool"),
        ({"image": [b"x"]}, {"pool": '{"key": "another", "blocks": []}'}, "of another pool, another"),
    ],
)
def test_a_file_of_somebody_else_is_named_and_passed_over(tmp_path, columns, metadata, said):
    pool = pool_in(tmp_path)
    data = parquet(pa.table(columns).replace_schema_metadata(metadata))
    pool.folder_of(0).mkdir(parents=True)
    (pool.folder_of(0) / f"0000000000-0000000064-{digest(data)[:16]}.parquet").write_bytes(data)
    found, (wrong,) = pool.read(0)
    assert not found and said in wrong and not pool.said(0)


def test_what_lies_at_the_place_of_a_file_or_folder_and_is_none_stops_nobody_or_is_one_line(tmp_path):
    pool = pool_in(tmp_path)
    pool.write([block(0, 64)])
    (pool.folder_of(0) / "0000000064-0000000128-0123456789abcdef.parquet").mkdir()
    found, wrong = pool.read(0, remove=True)
    assert list(found) == [(0, 64)] and len(wrong) == 1
    number = 64 * 4
    pool.folder_of(number).write_bytes(b"")
    with pytest.raises(BadInput, match="Not a directory"):
        pool.read(number)


@pytest.mark.parametrize("there", ["", "{}", "[]", '{"task": "dig'])
def test_what_a_pool_says_of_itself_is_mended_by_who_writes(tmp_path, there):
    about = {"task": "digits", "teacher": "mixture", "seed": 0, "device": "cpu"}
    pool = ImagePool(tmp_path, "0123456789abcdef", about, 64, 10)
    pool.folder.mkdir(parents=True)
    (pool.folder / ABOUT).write_text(there)
    assert about_of(pool.folder) is None
    pool.begin()
    assert about_of(pool.folder) == about


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
