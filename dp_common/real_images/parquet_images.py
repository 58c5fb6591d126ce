"""Images with labels in Parquet, as ``benchmarks.export`` and Hugging Face's ``datasets`` write them.

Columns: ``image``, encoded files (binary, or struct of ``bytes`` and ``path``); and ``class_name``, or ``label`` with
the names of its classes in the file's metadata, or ``label`` alone, which then counts the task's classes. A row group
is read when one of its images is asked for.
"""

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dp_common.config.registry import one_line
from dp_common.errors import BadInput, Damaged
from dp_common.real_images import image_files
from dp_common.real_images.listing import brief, first_of

KEPT = 64  # row groups that are held, and files that are kept open: images of one class come from many
UNREADABLE = (pa.ArrowException, OSError)


class ParquetImages:
    """The images of Parquet files, one after the other, in the order of their rows.

    Args:
        key: the word of the command line that gave the files, for errors.
        files: their paths.
        classes: names of the task's labels.
        beside: a line for each kind of what lies beside them and is not read.

    Attributes:
        labels: [n] int64.

    Raises:
        BadInput: a file is none, or does not say what its images are.
    """

    def __init__(self, key: str, files: Sequence[Path], classes: Sequence[str], beside: Sequence[str] = ()) -> None:
        self.key, self.files, self.classes, self.beside = key, list(files), list(classes), list(beside)
        labels, places = [], []  # places: [file, row group, row in it] of each image
        for number, path in enumerate(self.files):
            labels.append(self._labels(path))
            sizes = self._sizes(path)
            places += [(number, group, row) for group, size in enumerate(sizes) for row in range(size)]
        self.labels = np.concatenate(labels)
        self._places = np.array(places, np.int64).reshape(-1, 3)
        self._group = lru_cache(KEPT)(self._read_group)
        self._opened = lru_cache(KEPT)(partial(pq.ParquetFile, memory_map=True))  # mapped: a forked process may read on

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, row: int) -> str:
        """What an image is called in errors."""
        file, group, place = self._places[row]
        return f"{self.files[file].name}, row group {group}, row {place}"

    def data(self, row: int) -> bytes:
        """The image file of a row. Raises Damaged where it cannot be read."""
        file, group, place = self._places[row].tolist()
        data = self._group(file, group)[place]
        if data is None:
            raise Damaged(f"{self.files[file]}: {self.name(row)} holds no image file")
        return data

    def one(self, row: int, shape: tuple[int, int, int]) -> np.ndarray:
        """One image as uint8 [C, H, W] of this shape. Raises Damaged."""
        data = self.data(row)
        try:
            return image_files.decode(data, shape)
        except Exception as error:  # Pillow raises whatever a broken file leads it to
            reason = image_files.reason(data, error)
            raise Damaged(f"{self.files[0].parent}: {self.name(row)} cannot be decoded ({reason})") from error

    def _read_group(self, file: int, group: int) -> list[bytes | None]:
        try:
            column = self._opened(self.files[file]).read_row_group(group, columns=["image"])["image"]
        except UNREADABLE as error:
            raise Damaged(f"{self.files[file]}: row group {group} cannot be read ({one_line(error)})") from error
        column = column.combine_chunks()
        return (column.field("bytes") if pa.types.is_struct(column.type) else column).to_pylist()

    def _sizes(self, path: Path) -> list[int]:
        metadata = pq.read_metadata(path)
        return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]

    def _labels(self, path: Path) -> np.ndarray:
        try:
            schema = pq.read_schema(path)
            wanted = next((name for name in ("class_name", "label") if name in schema.names), None)
            if "image" not in schema.names or wanted is None:
                raise BadInput(
                    self.key, path, f"columns image and label or class_name; it has {first_of(schema.names)}"
                )
            image = schema.field("image").type
            if pa.types.is_struct(image):
                image = image.field("bytes").type if image.get_field_index("bytes") >= 0 else None
            if image is None or not (pa.types.is_binary(image) or pa.types.is_large_binary(image)):
                raise BadInput(self.key, path, "a column image of encoded files (binary, or a struct with bytes)")
            found = pq.read_table(path, columns=[wanted])[wanted].to_pylist()
        except UNREADABLE as error:
            raise BadInput(self.key, path, f"not a readable Parquet file: {one_line(error)}") from error
        names = names_in(schema) if wanted == "label" else None
        if names:
            found = [names[label] if isinstance(label, int) and 0 <= label < len(names) else label for label in found]
        numbers: dict[str | int, int] = {name: label for label, name in enumerate(self.classes)}
        numbers |= {} if names or wanted == "class_name" else {label: label for label in range(len(self.classes))}
        unknown = [value for value in dict.fromkeys(found) if value not in numbers]
        if unknown:
            raise BadInput(
                self.key, path, f"{brief(unknown, 'class')} not of the task, which has {first_of(self.classes)}"
            )
        return np.array([numbers[value] for value in found], np.int64)


def names_in(schema: pa.Schema) -> list[str] | None:
    """The names of the labels, as ``datasets`` writes them into a file; None where it does not say."""
    try:
        described = json.loads((schema.metadata or {})[b"huggingface"])
        return described["info"]["features"]["label"]["names"]
    except (KeyError, TypeError, ValueError):
        return None
