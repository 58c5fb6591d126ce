"""Image shards: Parquet with the Hugging Face image feature, so that other tools read them as they are.

Columns: image (struct of encoded bytes and path), index, label, seed, round, strategy, omega, score_at_birth. Row
groups of at most 64, cut where a run of consecutive indices passes a multiple of 64, so that how an addition was cut
into shards does not show in its groups. A shard exists once the ledger names it.
"""

import hashlib
import io
import json
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dp_common.arrays import DecodedImages, EncodedImages, Images, Indices, Labels
from dp_common.config.specification import ROW_GROUP
from dp_common.errors import Damaged
from dp_common.files import digest, write_atomic
from dp_common.training_data import image_index, small_png

LEVEL = 1  # of compression, of png
OPEN = 128  # shards that a process keeps open to read row groups from
INDEXED = 256  # to read images from: a descriptor and 80 kB each


@dataclass(frozen=True)
class Origin:
    """Where the images of a shard come from: columns that are the same in each of its rows."""

    seed: int
    round: int  # additions before this one, the initial set among them
    strategy: str
    omega: float = 0.0


def encode(image: np.ndarray, format: str = "png", quality: int = 95) -> bytes:
    """uint8 [C, H, W] -> bytes of an image file. ``quality`` is of jpeg and webp."""
    from PIL import Image

    buffer = io.BytesIO()
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    if format == "png" and (small := small_png.encoded(pixels, LEVEL)):
        return small
    settings = {"compress_level": LEVEL} if format == "png" else {"quality": quality}
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format.upper(), **settings)
    return buffer.getvalue()


def decode(data: bytes) -> np.ndarray:
    """Bytes of an image file -> uint8 [C, H, W]."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def decode_all(files: Sequence[bytes]) -> Images:
    """Bytes of image files of one size -> uint8 [n, C, H, W], as ``decode`` has them."""
    found = small_png.decoded(files)
    return np.stack([decode(data) for data in files]) if found is None else found


COLUMNS: dict[
    str, tuple[Any, dict[str, Any]]
] = {  # name: (Arrow type, the feature that Hugging Face's datasets reads it as)
    "image": (pa.struct([("bytes", pa.binary()), ("path", pa.string())]), {"_type": "Image"}),
    "index": (pa.int64(), {"dtype": "int64", "_type": "Value"}),
    "label": (pa.int64(), {"_type": "ClassLabel"}),
    "seed": (pa.int64(), {"dtype": "int64", "_type": "Value"}),
    "round": (pa.int32(), {"dtype": "int32", "_type": "Value"}),
    "strategy": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "omega": (pa.float32(), {"dtype": "float32", "_type": "Value"}),
    "score_at_birth": (pa.float32(), {"dtype": "float32", "_type": "Value"}),
}


def schema(classes: Sequence[str], total: str) -> pa.Schema:
    """The Arrow schema of a shard; ``total`` is the ``sum_of`` its images."""
    features = {name: feature for name, (_, feature) in COLUMNS.items()}
    features["label"] = {"names": list(classes), "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}}), "sum": total}
    return pa.schema([(name, arrow) for name, (arrow, _) in COLUMNS.items()], metadata=metadata)


def write(path: Path, stored: EncodedImages, classes: Sequence[str], origin: Origin, format: str = "png") -> str:
    """Write one shard atomically; returns its digest.

    Args:
        path: Of the Parquet file.
        stored: Its images, in order of index.
        classes: Names of the labels.
        origin: What all of them share.
        format: Of the encoded images; the extension of their paths.
    """
    n, indices = len(stored.encoded), np.asarray(stored.indices, np.int64)
    scores = pa.nulls(n, pa.float32()) if stored.scores is None else np.asarray(stored.scores, np.float32)
    files = [{"bytes": data, "path": f"{index}.{format}"} for data, index in zip(stored.encoded, indices)]
    table = pa.table(
        {
            "image": pa.array(files, COLUMNS["image"][0]),
            "index": indices,
            "label": np.asarray(stored.labels, np.int64),
            "seed": np.full(n, origin.seed, np.int64),
            "round": np.full(n, origin.round, np.int32),
            "strategy": pa.array([origin.strategy] * n),
            "omega": np.full(n, origin.omega, np.float32),
            "score_at_birth": scores,
        },
        schema=schema(classes, sum_of(stored.encoded, indices, stored.labels)),
    )
    labels = np.asarray(stored.labels, np.int64)
    data = parquet_bytes(
        table, rows_of_first_group(indices), lambda written: image_index.index_of(written, stored.encoded, labels)
    )
    write_atomic(path, data)
    return digest(data)


def rows_of_first_group(indices: Indices) -> int:
    """Row groups are cut where consecutive indices pass a multiple of ``ROW_GROUP``, so that the first may be
    shorter.
    """
    consecutive = len(indices) and indices[-1] - indices[0] == len(indices) - 1
    return ROW_GROUP - int(indices[0]) % ROW_GROUP if consecutive else ROW_GROUP


def parquet_bytes(
    table: pa.Table, first_group: int, index: Callable[[memoryview], str | None] = lambda written: None
) -> bytes:
    """The file of a table whose first row group has at most ``first_group`` rows, the others ``ROW_GROUP``; ``index``
    says what else the footer holds (image_index.py), given what comes before it.
    """
    buffer = io.BytesIO()
    # Statistics of image bytes would put whole images into the footer, which a streaming reader parses again and again.
    with pq.ParquetWriter(
        buffer,
        table.schema,
        compression="none",
        use_dictionary=["strategy"],
        write_statistics=["index", "label", "round"],
        write_page_checksum=True,
    ) as file:
        file.write_table(table[:first_group], row_group_size=ROW_GROUP)
        if len(table) > first_group:
            file.write_table(table[first_group:], row_group_size=ROW_GROUP)
        with buffer.getbuffer() as written:
            found = index(written)
        if found:
            file.add_key_value_metadata({image_index.KEY: found})
    return buffer.getvalue()


def read_checked(path: Path | str, expected: str) -> pa.Table:
    """The table of a shard whose bytes have the digest the ledger says. Raises Damaged, naming the file."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Damaged(f"{path}: the ledger names this file, but it is not there") from None
    if digest(data) != expected:
        raise Damaged(f"{path}: corrupted (its digest is not the ledger's); delete the run's folder to start it anew")
    return pq.read_table(io.BytesIO(data))


def group_sizes(path: Path | str, expected: int) -> list[int]:
    """Rows of each row group of a shard with ``expected`` rows. Its images are checked when they are read.

    Raises:
        Damaged: The file is not there, is not Parquet, or has another number of rows.
    """
    try:
        metadata = pq.read_metadata(path)
    except FileNotFoundError:
        raise Damaged(f"{path}: the ledger names this file, but it is not there") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise Damaged(
            f"{path}: not a readable Parquet file ({error}); delete the run's folder to start it anew"
        ) from error
    if metadata.num_rows != expected:
        raise Damaged(
            f"{path}: has {metadata.num_rows} rows, the ledger says {expected}; "
            "delete the run's folder to start it anew"
        )
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def read_group(path: Path | str, group: int) -> tuple[pa.Array, Labels]:
    """One row group: encoded images (an Arrow array of bytes) and labels [n]. Page checksums are verified.

    Raises:
        Damaged: The row group cannot be read, or its bytes are not those that were written.
    """
    try:
        table = opened(str(path), *identity(path)).read_row_group(
            group, columns=["image.bytes", "label"], use_threads=False
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise Damaged(
            f"{path}: row group {group} cannot be read ({error}); delete the run's folder to start it anew"
        ) from error
    return table["image"].combine_chunks().field("bytes"), table["label"].to_numpy()


def reader_of(path: Path | str, group: int) -> Callable[[int], tuple[bytes, int]]:
    """``reader(row) -> (image file, label)`` of a row group: each image is read when it is asked for, and checked.

    Raises:
        Damaged: The shard cannot be read, or later, an image is not what was written.
    """
    try:
        shard = indexed(str(path), *identity(path))
    except (pa.ArrowInvalid, OSError, ValueError, zlib.error) as error:
        raise Damaged(
            f"{path}: row group {group} cannot be read ({error}); delete the run's folder to start it anew"
        ) from error
    if shard.index is not None:
        return partial(shard.image, group)
    encoded, labels = read_group(path, group)  # of before shards had an index
    return lambda row: (encoded[row].as_py(), int(labels[row]))


def identity(path: Path | str) -> tuple[int, int, int]:
    """What tells a file from another of its name."""
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(INDEXED)
def indexed(path: str, *identity: int) -> image_index.OpenShard:
    """A shard to read images from; the last ``INDEXED`` are kept. Forked processes may read on."""
    return image_index.OpenShard(path)


@lru_cache(OPEN)
def opened(path: str, *identity: int) -> pq.ParquetFile:
    """A shard to read row groups from, with checked pages: opening and reading the footer takes as long as a group.

    The last ``OPEN`` are kept. They are mapped to memory, so that a forked process may read on.
    """
    return pq.ParquetFile(path, page_checksum_verification=True, memory_map=True)


def sum_of(encoded: Sequence[bytes], indices: Indices, labels: Labels) -> str:
    """Sum of one hash per image, over its bytes, index and label, modulo 2^128, in 32 hexadecimal digits.

    Of images however they are cut into shards, sums add up.
    """
    total = 0
    for data, index, label in zip(encoded, indices, labels):
        total += int.from_bytes(hashlib.blake2b(b"%d %d " % (index, label) + data, digest_size=16).digest(), "little")
    return f"{total % 2**128:032x}"


def sum_in(path: Path | str) -> int:
    """The ``sum_of`` its images, as it stands in a shard."""
    return int(pq.read_schema(path).metadata[b"sum"], 16)


def encoded_of(table: pa.Table) -> list[bytes]:
    """The image files in a shard's table, in its order."""
    return table["image"].combine_chunks().field("bytes").to_pylist()


def encoded_rows(path: Path | str, rows: np.ndarray) -> list[bytes]:
    """The image files in these rows [n] of a shard, in the order of ``rows``; only their row groups are read."""
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
        ends = np.cumsum([metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)])
        group_of_row = np.searchsorted(ends, rows, "right")
        found: dict[int, bytes] = {}
        for group in np.unique(group_of_row).tolist():
            wanted = rows[group_of_row == group]
            images = file.read_row_group(group, columns=["image.bytes"])["image"].combine_chunks().field("bytes")
            first = int(ends[group - 1]) if group else 0
            found |= {row: images[row - first].as_py() for row in wanted.tolist()}
    return [found[row] for row in rows.tolist()]


def decoded_of(table: pa.Table) -> DecodedImages:
    """The images in a shard's table, in its order."""
    return DecodedImages(decode_all(encoded_of(table)), table["label"].to_numpy(), table["index"].to_numpy())


def digest_of(images: np.ndarray, labels: Labels, indices: Indices) -> str:
    """What identifies a training set: one hash over pixels, labels and indices in their order, however it was
    sharded.
    """
    h = hashlib.sha256()
    for array in (images, labels.astype(np.int64), indices.astype(np.int64)):
        h.update(np.ascontiguousarray(array).data)
    return h.hexdigest()[:32]
