"""Image shards: Parquet with the Hugging Face image feature, so that other tools read them as they are.

Columns: image (struct of encoded bytes and path), index, label, seed, round, strategy, omega, score_at_birth. Row groups of
at most 64, cut where a run of consecutive indices passes a multiple of 64, so that how an addition was cut into shards does not
show in its groups. A shard exists once the ledger names it.
"""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dp_common.config.specification import ROW_GROUP
from dp_common.errors import Damaged
from dp_common.files import digest, write_atomic


def encode(image, format="png", quality=95):
    """uint8 [C, H, W] -> bytes of an image file. ``quality`` is of jpeg and webp."""
    from PIL import Image

    buffer = io.BytesIO()
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    settings = {"compress_level": 1} if format == "png" else {"quality": quality}
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format.upper(), **settings)
    return buffer.getvalue()


def decode(data):
    """Bytes of an image file -> uint8 [C, H, W]."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def schema(classes, total):
    features = {
        "image": {"_type": "Image"},
        "index": {"dtype": "int64", "_type": "Value"},
        "label": {"names": list(classes), "_type": "ClassLabel"},
        "seed": {"dtype": "int64", "_type": "Value"},
        "round": {"dtype": "int32", "_type": "Value"},
        "strategy": {"dtype": "string", "_type": "Value"},
        "omega": {"dtype": "float32", "_type": "Value"},
        "score_at_birth": {"dtype": "float32", "_type": "Value"},
    }
    columns = [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("index", pa.int64()),
        ("label", pa.int64()),
        ("seed", pa.int64()),
        ("round", pa.int32()),
        ("strategy", pa.string()),
        ("omega", pa.float32()),
        ("score_at_birth", pa.float32()),
    ]
    return pa.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": features}}), "sum": total})


def write(path, classes, encoded, indices, labels, scores, *, seed, round, strategy, omega, format="png"):
    """Write one shard atomically; returns its digest. ``encoded``: list of bytes; ``scores``: floats or None."""
    n = len(encoded)
    table = pa.table(
        {
            "image": pa.array(
                [{"bytes": data, "path": f"{index}.{format}"} for data, index in zip(encoded, indices)],
                pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
            ),
            "index": np.asarray(indices, np.int64),
            "label": np.asarray(labels, np.int64),
            "seed": np.full(n, seed, np.int64),
            "round": np.full(n, round, np.int32),
            "strategy": pa.array([strategy] * n),
            "omega": np.full(n, omega, np.float32),
            "score_at_birth": pa.nulls(n, pa.float32()) if scores is None else np.asarray(scores, np.float32),
        },
        schema=schema(classes, sum_of(encoded, indices, labels)),
    )
    buffer = io.BytesIO()
    indices = np.asarray(indices, np.int64)
    consecutive = n and indices[-1] - indices[0] == n - 1
    first = ROW_GROUP - int(indices[0]) % ROW_GROUP if consecutive else ROW_GROUP
    # Statistics of image bytes would put whole images into the footer, which a streaming reader parses again and again.
    with pq.ParquetWriter(
        buffer,
        table.schema,
        compression="none",
        use_dictionary=["strategy"],
        write_statistics=["index", "label", "round"],
        write_page_checksum=True,
    ) as file:
        file.write_table(table[:first], row_group_size=ROW_GROUP)
        if n > first:
            file.write_table(table[first:], row_group_size=ROW_GROUP)
    data = buffer.getvalue()
    write_atomic(path, data)
    return digest(data)


def read_checked(path, expected):
    """The table of a shard whose bytes have the digest the ledger says. Raises Damaged, naming the file."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Damaged(f"{path}: the ledger names this file, but it is not there") from None
    if digest(data) != expected:
        raise Damaged(f"{path}: corrupted (its digest is not the ledger's); delete the run's folder to start it anew")
    return pq.read_table(io.BytesIO(data))


def group_sizes(path, expected):
    """Rows of each row group of a shard with ``expected`` rows. Its images are checked when they are read. Raises Damaged."""
    try:
        about = pq.read_metadata(path)
        found = about.num_rows
    except FileNotFoundError:
        raise Damaged(f"{path}: the ledger names this file, but it is not there") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise Damaged(
            f"{path}: not a readable Parquet file ({error}); delete the run's folder to start it anew"
        ) from error
    if found != expected:
        raise Damaged(f"{path}: has {found} rows, the ledger says {expected}; delete the run's folder to start it anew")
    return [about.row_group(group).num_rows for group in range(about.num_row_groups)]


def read_group(path, group):
    """One row group: encoded images (an arrow array of bytes) and labels [n]. Page checksums are verified. Raises Damaged."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read_row_group(group, columns=["image.bytes", "label"], use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise Damaged(
            f"{path}: row group {group} cannot be read ({error}); delete the run's folder to start it anew"
        ) from error
    return table["image"].combine_chunks().field("bytes"), table["label"].to_numpy()


def sum_of(encoded, indices, labels):
    """Sum of one hash per image, over its bytes, index and label, modulo 2^128: of images however they are cut into shards, sums add up."""
    total = 0
    for data, index, label in zip(encoded, indices, labels):
        total += int.from_bytes(hashlib.blake2b(b"%d %d " % (index, label) + data, digest_size=16).digest(), "little")
    return f"{total % 2**128:032x}"


def sum_in(path):
    """The ``sum_of`` its images, as it stands in a shard."""
    return int(pq.read_schema(path).metadata[b"sum"], 16)


def encoded_of(table):
    return table["image"].combine_chunks().field("bytes").to_pylist()


def rows(table):
    """-> (images uint8 [n, C, H, W], labels [n], indices [n])."""
    images = np.stack([decode(data) for data in encoded_of(table)])
    return images, table["label"].to_numpy(), table["index"].to_numpy()


def digest_of(images, labels, indices):
    """What identifies a training set: one hash over pixels, labels and indices in their order, however it was sharded."""
    h = hashlib.sha256()
    for array in (images, labels.astype(np.int64), indices.astype(np.int64)):
        h.update(np.ascontiguousarray(array).data)
    return h.hexdigest()[:32]
