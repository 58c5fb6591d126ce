"""The formats of ``benchmarks.export``: each a function that writes images, one by one, into an empty folder.

* imagefolder: ``<class>/<index>.png`` and metadata.csv, as torchvision and ``datasets`` read folders
* webdataset: ``train-000000.tar`` ..., of each image ``<key>.png``, ``<key>.cls`` (its label) and ``<key>.json``
* parquet: ``data/train-00000-of-00003.parquet`` ..., with the image feature of ``datasets``, as a run's own shards
"""

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from dp_common.lab.final_set import FinalImage
from dp_common.real_images.listing import folder_names

COLUMNS = ("label", "class_name", "index", "round", "source", "omega", "score_at_birth")  # what is said of an image
FILE = 4096  # images of a tar or Parquet file
Writer = Callable[[Path, Iterable[FinalImage], int, Sequence[str]], None]


def about(image: FinalImage, classes: Sequence[str]) -> dict[str, Any]:
    """{column: value} of an image; ``score_at_birth`` is None where nothing scored it."""
    source = "real" if image.real else "generated"
    values = (image.label, classes[image.label], image.index, image.round, source, image.omega, image.score)
    return dict(zip(COLUMNS, values, strict=True))


def key_of(image: FinalImage) -> str:
    """A name that no other image of the set has; by name, generated ones stand in order of index."""
    return f"{'real-' * image.real}{image.index:09d}"


def imagefolder(folder: Path, images: Iterable[FinalImage], n: int, classes: Sequence[str]) -> None:
    """One folder a class, and what is known of each image in metadata.csv."""
    names = folder_names(classes)
    for name in names:
        (folder / name).mkdir()
    with open(folder / "metadata.csv", "w", newline="") as file:
        table = csv.DictWriter(file, ["file_name", *COLUMNS], lineterminator="\n")
        table.writeheader()
        for image in images:
            path = f"{names[image.label]}/{key_of(image)}.{image.extension}"
            (folder / path).write_bytes(image.data)
            table.writerow({"file_name": path, **about(image, classes)})


def webdataset(folder: Path, images: Iterable[FinalImage], n: int, classes: Sequence[str]) -> None:
    """Tars of samples, each an image, its label, and what is known of it."""
    for number, part in enumerate(parts(images)):
        with tarfile.open(folder / f"train-{number:06d}.tar", "w") as tar:
            for image in part:
                known = json.dumps(about(image, classes)).encode()
                for ending, data in ((image.extension, image.data), ("cls", b"%d" % image.label), ("json", known)):
                    entry = tarfile.TarInfo(f"{key_of(image)}.{ending}")
                    entry.size = len(data)
                    tar.addfile(entry, io.BytesIO(data))


def parquet(folder: Path, images: Iterable[FinalImage], n: int, classes: Sequence[str]) -> None:
    """Parquet files with the image feature, and a column for all else that is known."""
    import pyarrow as pa

    from dp_common.training_data import shards

    types = {name: arrow for name, (arrow, _) in shards.COLUMNS.items()}
    types |= {"class_name": pa.string(), "source": pa.string()}
    features = {name: feature for name, (_, feature) in shards.COLUMNS.items()}
    features |= {name: {"dtype": "string", "_type": "Value"} for name in ("class_name", "source")}
    features["label"] = {"names": list(classes), "_type": "ClassLabel"}
    columns = ("image", *COLUMNS)
    described = json.dumps({"info": {"features": {name: features[name] for name in columns}}})
    schema = pa.schema([(name, types[name]) for name in columns], metadata={"huggingface": described})
    files = -(-n // FILE)
    (folder / "data").mkdir()  # apart from the card: readers take every file of a folder for Parquet
    for number, part in enumerate(parts(images)):
        rows = [
            {"image": {"bytes": image.data, "path": f"{key_of(image)}.{image.extension}"}, **about(image, classes)}
            for image in part
        ]
        data = shards.parquet_bytes(pa.Table.from_pylist(rows, schema=schema), shards.ROW_GROUP)
        (folder / f"data/train-{number:05d}-of-{files:05d}.parquet").write_bytes(data)


def parts(images: Iterable[FinalImage]) -> Iterator[list[FinalImage]]:
    """Lists of ``FILE`` images; the last may be shorter."""
    rest = iter(images)
    while part := list(islice(rest, FILE)):
        yield part


FORMATS: dict[str, Writer] = {"imagefolder": imagefolder, "webdataset": webdataset, "parquet": parquet}
READ_BY = {  # a line of Python that reads each
    "imagefolder": 'torchvision.datasets.ImageFolder("{out}")',
    "webdataset": 'webdataset.WebDataset(glob.glob("{out}/*.tar")).decode("pil").to_tuple("png;jpeg;webp", "cls")',
    "parquet": 'datasets.load_dataset("parquet", data_files="{out}/data/*.parquet")',
}
