"""The final training set of a finished run, read back from its folder: exactly the images the learner ended with.

Which they are is told by the ledger alone, as a resumed run is told: additions in their order, those before a
``select(replace=True)`` left out.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from dp_common.errors import Damaged
from dp_common.persistence import ledger
from dp_common.persistence.records import Record
from dp_common.real_images.splits import AnySplit, real_order
from dp_common.training_data import shards


class Member(NamedTuple):
    """Images that one call added."""

    added: dict[str, Any]  # {"file", "digest", "rows"} of a shard, or {"real": n}
    round: int  # additions before it, the initial set among them

    @property
    def rows(self) -> int:
        """How many images."""
        return self.added.get("rows", self.added.get("real", 0))


@dataclass(frozen=True)
class FinalImage:
    """One image with what is known of it."""

    data: bytes  # the image file as it is stored; of a real image, which no run stores, a PNG
    extension: str  # of that file: png, jpeg or webp
    label: int
    index: int  # of a generated image; of a real one its row of the task's training split
    round: int  # additions before it
    real: bool
    omega: float  # guidance weight, 0: not guided
    score: float | None  # when it was added; None: nothing scored it


def members_of(records: Sequence[Record]) -> list[Member]:
    """What the final training set of a run consists of, in order, by its ledger."""
    calls = {record["call"]: record for record in ledger.surviving(records) if record["kind"] == "call"}
    members: list[Member] = []
    for _, call in sorted(calls.items()):
        if call["replaced"]:
            members = []
        members += [Member(added, call["state"]["rounds"] - 1) for added in call["added"]]
    return members


@dataclass(frozen=True)
class FinalSet:
    """The images of a finished run.

    Args:
        folder: The run's.
        members: What it consists of; see ``members_of``.
        values: Every key of the run, resolved.
        real: The task's training images; needed where real ones are among the members.
    """

    folder: Path
    members: list[Member]
    values: dict[str, Any]
    real: AnySplit | None = None

    def __len__(self) -> int:
        return sum(member.rows for member in self.members)

    @property
    def needs_real(self) -> bool:
        """Are real images among them?"""
        return any("real" in member.added for member in self.members)

    def classes(self) -> list[str] | None:
        """Names of the labels as a shard holds them; None where there is no shard."""
        for member in self.members:
            if "file" in member.added:
                path = self.folder / member.added["file"]
                if not path.is_file():
                    raise Damaged(f"{path}: the ledger names this file, but it is not there")
                features = json.loads(pq.read_schema(path).metadata[b"huggingface"])["info"]["features"]
                return features["label"]["names"]
        return None

    def images(self) -> Iterator[FinalImage]:
        """Every image once, in the order in which they were added.

        Raises:
            Damaged: A shard is not what the ledger says.
        """
        for member in self.members:
            yield from self._real(member) if "real" in member.added else self._stored(member)

    def _stored(self, member: Member) -> Iterator[FinalImage]:
        table = shards.read_checked(self.folder / member.added["file"], member.added["digest"])
        columns = [table[name].to_pylist() for name in ("label", "index", "round", "omega", "score_at_birth")]
        for data, label, index, round, omega, score in zip(shards.encoded_of(table), *columns, strict=True):
            yield FinalImage(data, self.values["images.format"], label, index, round, False, omega, score)

    def _real(self, member: Member) -> Iterator[FinalImage]:
        if self.real is None:
            raise ValueError("real images are among the members: the task's training split is needed")
        for row in real_order(self.values["seed"], self.real.labels, **member.added).tolist():
            data = shards.encode(self.real.read(np.array([row]))[0])
            yield FinalImage(data, "png", int(self.real.labels[row]), row, member.round, True, 0.0, None)


class SetDigest:
    """The digest that a run keeps of its final training set (``store_digest``), of images that come one by one.

    Args:
        order: ``train.order`` of the run; each order has a digest of its own (see ``TrainingSet.digest``).
    """

    def __init__(self, order: str) -> None:
        self.order, self.hash, self.sum = order, hashlib.sha256(), 0
        self.labels: list[int] = []
        self.indices: list[int] = []

    def add(self, image: FinalImage) -> None:
        """The next image."""
        if self.order == "uniform":
            self.hash.update(np.ascontiguousarray(shards.decode(image.data)).data)
            self.labels.append(image.label)
            self.indices.append(image.index)
        elif image.real:
            self.hash.update(np.int64(image.index).tobytes())
        else:
            self.sum += int(shards.sum_of([image.data], np.array([image.index]), np.array([image.label])), 16)

    def hexdigest(self) -> str:
        """32 hexadecimal digits."""
        if self.order == "uniform":
            self.hash.update(np.array(self.labels, np.int64).tobytes())
            self.hash.update(np.array(self.indices, np.int64).tobytes())
        else:
            self.hash.update(b"%d" % (self.sum % 2**128))
        return self.hash.hexdigest()[:32]
