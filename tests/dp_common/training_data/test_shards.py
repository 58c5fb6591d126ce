"""Shards: what is read is what was written, in the format other tools read; a damaged or missing file is named."""

import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from dp_common.arrays import EncodedImages
from dp_common.errors import Damaged
from dp_common.training_data import shards

CLASSES = ["cat", "dog", "eel"]


def pictures(n, channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, channels, 8, 6), dtype=np.uint8)


def written(path, n=5, channels=1, scores=None, first=0):
    images = pictures(n, channels)
    indices = np.arange(first, first + n)
    shard_digest = shards.write(
        path,
        EncodedImages([shards.encode(image) for image in images], indices, indices % 3, scores),
        CLASSES,
        shards.Origin(seed=4, round=2, strategy="dp", omega=0.05),
    )
    return images, indices, shard_digest


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("n", [1, 150])
def test_round_trip_is_exact(tmp_path, channels, n):
    scores = np.linspace(0, 1, n, dtype=np.float32)
    images, indices, shard_digest = written(tmp_path / "a.parquet", n, channels, scores, first=30)
    table = shards.read_checked(tmp_path / "a.parquet", shard_digest)
    read, labels, numbers = shards.decoded_of(table)
    assert read.dtype == np.uint8 and np.array_equal(read, images)
    assert np.array_equal(labels, indices % 3) and np.array_equal(numbers, indices)
    assert np.array_equal(table["score_at_birth"].to_numpy(), scores)
    for column, value in (("seed", 4), ("round", 2), ("strategy", "dp"), ("omega", pytest.approx(0.05))):
        assert table[column].to_pylist() == [value] * n
    assert [f.name for f in tmp_path.iterdir()] == ["a.parquet"]


def test_no_scores_are_nulls(tmp_path):
    *_, shard_digest = written(tmp_path / "a.parquet")
    assert shards.read_checked(tmp_path / "a.parquet", shard_digest)["score_at_birth"].null_count == 5


def test_row_groups_hold_at_most_64(tmp_path):
    written(tmp_path / "a.parquet", 150)
    file = pq.ParquetFile(tmp_path / "a.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [64, 64, 22]


def test_hugging_face_reads_the_image_feature(tmp_path):
    """The metadata are those that ``datasets`` writes and looks for; every column is described, with its own type."""
    images, *_ = written(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == table.column_names
    assert features["image"] == {"_type": "Image"} and features["label"] == {"names": CLASSES, "_type": "ClassLabel"}
    for name, feature in features.items():
        if feature["_type"] == "Value":
            assert str(table.schema.field(name).type).replace("float", "float32") == feature["dtype"]
    assert str(table.schema.field("image").type) == "struct<bytes: binary, path: string>"
    assert str(table.schema.field("label").type) == "int64"


def test_pandas_and_pillow_read_it_without_us(tmp_path):
    import pandas
    from PIL import Image

    images, *_ = written(tmp_path / "a.parquet", channels=3)
    frame = pandas.read_parquet(tmp_path / "a.parquet")
    opened = np.asarray(Image.open(io.BytesIO(frame["image"][3]["bytes"])))
    assert opened.shape == (8, 6, 3) and np.array_equal(opened.transpose(2, 0, 1), images[3])


def test_the_digest_is_of_the_content(tmp_path):
    first, second = written(tmp_path / "a.parquet")[2], written(tmp_path / "b.parquet")[2]
    assert first == second  # nothing of the file's name, of time or of chance is in it
    assert written(tmp_path / "c.parquet", first=1)[2] != first


@pytest.mark.parametrize("place", [0, 0.3, 0.7, -1])
def test_a_corrupted_byte_is_named(tmp_path, place):
    path = tmp_path / "shard-7.parquet"
    *_, shard_digest = written(path)
    data = bytearray(path.read_bytes())
    data[int(place * len(data)) if place >= 0 else -1] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged, match=r"shard-7\.parquet: corrupted"):
        shards.read_checked(path, shard_digest)


def test_a_cut_file_is_named(tmp_path):
    path = tmp_path / "shard-7.parquet"
    *_, shard_digest = written(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Damaged, match=r"shard-7\.parquet"):
        shards.read_checked(path, shard_digest)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Damaged, match=r"shard-9\.parquet: .*not there"):
        shards.read_checked(tmp_path / "shard-9.parquet", "00")


def test_a_failed_write_leaves_the_old_shard_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    *_, shard_digest = written(path)
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError):
        written(path, n=20)
    monkeypatch.undo()
    assert len(shards.read_checked(path, shard_digest)) == 5 and [f.name for f in tmp_path.iterdir()] == ["a.parquet"]


def test_digest_of_a_set_sees_pixels_labels_indices_and_order_but_not_shards():
    images, labels, indices = pictures(6), np.arange(6) % 3, np.arange(6)
    shard_digest = shards.digest_of(images, labels, indices)
    assert shards.digest_of(images.copy(), labels.astype(np.int32), indices) == shard_digest
    changed = images.copy()
    changed[5, 0, 7, 5] ^= 1
    order = [1, 0, 2, 3, 4, 5]
    others = [
        (changed, labels, indices),
        (images, labels[order], indices),
        (images, labels, indices + 1),
        (images[order], labels[order], indices[order]),
    ]
    assert len({shard_digest, *(shards.digest_of(*other) for other in others)}) == 5
