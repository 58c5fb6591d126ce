"""Where each image lies in the file of a shard, written into its footer: so that one is read without its neighbours.

Training draws images of a window of 64 row groups, and each of many readers a few of them. To read whole groups for
these would be to read the window again in every reader. Images are stored as they are, uncompressed and one after the
other, so that an offset and a length find one, and a checksum says that it is what was written.
"""

import base64
import os
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from dp_common.arrays import Labels
from dp_common.errors import Damaged

KEY = "images"  # of the metadata in the footer
BETWEEN = 2**18  # bytes, at most, that lie between an image and the next, which may be of another row group


class Index(NamedTuple):
    """Of n images, in order of row."""

    offsets: np.ndarray  # [n] int64, in the file
    lengths: np.ndarray  # [n] uint32
    checksums: np.ndarray  # [n] uint32, CRC-32
    labels: np.ndarray  # [n] int32


def index_of(written: memoryview, encoded: Sequence[bytes], labels: Labels) -> str | None:
    """What a footer says of these image files, all of them in ``written``; None where they are not found there."""
    gaps, position = [], 0
    for data in encoded:
        gap = 4  # bytes of a length, which is what usually stands between
        if written[position + gap : position + gap + len(data)].tobytes() != data:
            gap = written[position : position + BETWEEN + len(data)].tobytes().find(data)
            if gap < 0:
                return None
        gaps.append(gap)
        position += gap + len(data)
    columns = [gaps, [len(data) for data in encoded], [zlib.crc32(data) for data in encoded], labels]
    packed = b"".join(np.asarray(column).astype("<u4").tobytes() for column in columns)
    return base64.b85encode(zlib.compress(packed)).decode()


def parsed(text: bytes) -> Index:
    """The index that ``index_of`` wrote. Raises ValueError, zlib.error."""
    gaps, lengths, checksums, labels = np.frombuffer(zlib.decompress(base64.b85decode(text)), "<u4").reshape(4, -1)
    ends = np.cumsum(gaps.astype(np.int64) + lengths)
    return Index(ends - lengths, lengths, checksums, labels.astype(np.int32))


class OpenShard:
    """A shard whose images are read one by one; ``None`` as its index where it is of before there was one."""

    def __init__(self, path: str) -> None:
        self.path, self.descriptor = path, os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        metadata = pq.read_metadata(path)
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        self.firsts = np.cumsum([0, *sizes])  # row of each group
        text = (metadata.metadata or {}).get(KEY.encode())
        self.index = parsed(text) if text else None

    def image(self, group: int, row: int) -> tuple[bytes, int]:
        """(image file, label) of a row of a group. Raises Damaged, OSError."""
        index, n = self.index, int(self.firsts[group]) + row
        assert index is not None
        data = os.pread(self.descriptor, int(index.lengths[n]), int(index.offsets[n]))
        if zlib.crc32(data) != index.checksums[n]:
            raise Damaged(
                f"{self.path}: row group {group} cannot be read (image {row} in it is not what was written); "
                "delete the run's folder to start it anew"
            )
        return data, int(index.labels[n])

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)
