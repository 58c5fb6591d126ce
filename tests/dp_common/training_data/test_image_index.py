"""Images of a shard are read one by one: where they are is in the footer, and what is not what was written is found."""

import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from dp_common.arrays import EncodedImages
from dp_common.config.specification import Train
from dp_common.distributed.batch_share import spans
from dp_common.errors import Damaged
from dp_common.training_data import image_index, shards
from dp_common.training_data.block_set import BlockSet
from dp_common.training_data.image_index import OpenShard

ORIGIN = shards.Origin(seed=0, round=0, strategy="static")


def written(path, files, first=0):
    indices = np.arange(first, first + len(files))
    return shards.write(path, EncodedImages(files, indices, indices % 7), list("abcdefg"), ORIGIN)


def noise(seed, size):
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8).tobytes()


FILES = [noise(n, 1 + n * 37 % 9000) for n in range(150)] + [b"the same"] * 5 + [noise(7, 3_000_000), b"x"]


@pytest.mark.parametrize("first", [0, 50])  # a first row group of 64, or of 14
def test_every_image_is_found_at_its_place(tmp_path, first):
    written(tmp_path / "a.parquet", FILES, first)
    shard = OpenShard(str(tmp_path / "a.parquet"))
    groups = [pq.read_metadata(shard.path).row_group(n).num_rows for n in range(len(shard.firsts) - 1)]
    found = [shard.image(group, row) for group, size in enumerate(groups) for row in range(size)]
    assert found == [(data, (first + n) % 7) for n, data in enumerate(FILES)]
    assert groups[0] == 64 - first % 64


def test_the_same_without_an_index_as_shards_were_before(tmp_path, monkeypatch):
    monkeypatch.setattr(image_index, "index_of", lambda *given: None)
    written(tmp_path / "a.parquet", FILES)
    assert OpenShard(str(tmp_path / "a.parquet")).index is None
    read = shards.reader_of(tmp_path / "a.parquet", 1)
    assert [read(row) for row in range(64)] == [(FILES[n], n % 7) for n in range(64, 128)]


def test_images_that_are_not_stored_as_they_are_have_no_index():
    assert image_index.index_of(memoryview(b"abcdefgh"), [b"ef", b"h"], np.arange(2)) is not None
    assert image_index.index_of(memoryview(b"abcdefgh"), [b"ef", b"a"], np.arange(2)) is None


@pytest.mark.parametrize("harm", [lambda b, at: b[:at] + bytes([b[at] ^ 1]) + b[at + 1 :], lambda b, at: b[: at - 1]])
def test_damage_is_found_and_named(tmp_path, harm):
    path = tmp_path / "a.parquet"
    written(path, FILES)
    data = path.read_bytes()
    at = data.find(FILES[100]) + 3
    read = shards.reader_of(path, 1)
    assert read(100 - 64) == (FILES[100], 2)
    with open(path, "r+b") as file:  # in place: the footer is known already
        file.truncate(0)
        file.write(harm(data, at))
    with pytest.raises(Damaged, match=r"a.parquet: row group 1 cannot be read \(image 36 in it"):
        read(100 - 64)
    path.write_bytes(data[:-20])
    with pytest.raises(Damaged, match="row group 1 cannot be read"):
        shards.reader_of(path, 1)


def test_readers_of_many_ranks_read_little_more_than_what_they_use(tmp_path, monkeypatch):
    """32 ranks with 2 readers each: a reader uses a 32nd of a window. Counted in bytes, footers included; by whole row
    groups it would be 32 times what is used. The shards are 256 names of one.
    """
    monkeypatch.setattr(shards, "decode", np.frombuffer)
    monkeypatch.setattr(np, "stack", list)
    images = [noise(n, 30_000) for n in range(512)]
    digest, first = written(tmp_path / "0.parquet", images), BlockSet()
    for number in range(256):
        if number:
            os.link(tmp_path / "0.parquet", tmp_path / f"{number}.parquet")
        first.add_shard(tmp_path / f"{number}.parquet", digest, 512)
    footer = pq.read_metadata(tmp_path / "0.parquet").serialized_size
    read, used, pread, opening = [], [], os.pread, OpenShard.__init__
    monkeypatch.setattr(os, "pread", lambda fd, n, at: read.append(n) or pread(fd, n, at))
    monkeypatch.setattr(OpenShard, "__init__", lambda self, path: read.append(footer) or opening(self, path))
    train = Train(batch=4096, micro=128, seen=40960)
    pieces = [span for n in range(8) for span in spans(train, 4096 * n, 17, 32)]  # one rank's, as those of any other
    for reader in range(2):
        shards.indexed.cache_clear()  # each is a process of its own
        mine = BlockSet()
        mine.sources, mine.groups, mine.newest, mine.total = first.sources, first.groups, first.newest, first.total
        for start, stop in pieces[reader::2]:
            drawn, _ = mine.draw(0, np.arange(start, stop))
            used.append(30_000 * len(drawn))
    assert sum(used) == 8 * 128 * 30_000
    print(f"{sum(read) / sum(used):.2f} bytes read for each that is used")
    assert sum(read) <= 4 * sum(used)
    shards.indexed.cache_clear()
