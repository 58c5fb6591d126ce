"""What of an addition a strategy chooses image by image: labels, and real images to start from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dp_common import files
from dp_common.arrays import Images, Indices, Labels
from dp_common.errors import Problem
from dp_common.real_images.splits import AnySplit


@dataclass(frozen=True)
class Choices:
    """Of the images of one call, in their order; None where the index alone decides."""

    labels: Labels | None = None
    rows: Indices | None = None  # of the teacher's real images that are started from; their labels count
    strength: float = 1.0  # of SDEdit, in (0, 1]: the share of the noise levels that is passed

    def record(self) -> dict[str, Any]:
        """What a call's line in the ledger says of it."""
        said: dict[str, Any] = {}
        if self.rows is not None:
            said["start"] = {"digest": digest_of(self.rows), "strength": self.strength}
        elif self.labels is not None:
            said["labels"] = {"digest": digest_of(self.labels), "counts": np.bincount(self.labels).tolist()}
        return said

    def part(self, start: int, stop: int) -> "Choices":
        """Those of the images at places start .. stop-1."""
        labels, rows = (None if column is None else column[start:stop] for column in (self.labels, self.rows))
        return replace(self, labels=labels, rows=rows)

    def images(self, real: AnySplit) -> Images | None:
        """The real images that are started from, uint8 [n, C, H, W]; None: from noise."""
        return None if self.rows is None else np.asarray(real.read(self.rows))


def choices_of(
    n: int, labels: Sequence[int] | None, start: Sequence[int] | None, strength: float, classes: int, real: AnySplit
) -> Choices:
    """The choices of a call for n images.

    Args:
        n: How many are asked for.
        labels: The class of each; None: in turns.
        start: Rows of the teacher's real training images, one an image; None: from noise.
        strength: In (0, 1].
        classes: How many there are.
        real: The teacher's real training images.

    Raises:
        Problem: Labels and start at once, not n of them, or what is not there.
    """
    if labels is not None and start is not None:
        raise Problem("generate: labels= or start=, whose images have labels of their own")
    chosen = Choices()
    if labels is not None:
        chosen = Choices(labels=whole("labels", labels, n, classes))
    if start is not None:
        if not 0 < strength <= 1:
            raise Problem(f"generate: strength={strength}: above 0, at most 1")
        rows = whole("start", start, n, len(real))
        chosen = Choices(np.asarray(real.labels)[rows].astype(np.int64), rows, float(strength))
    return chosen


def whole(name: str, values: Sequence[int], n: int, below: int) -> np.ndarray:
    """Values as [n] int64. Raises Problem where they are not n whole numbers from 0 to below − 1."""
    array = np.asarray(values)
    if array.shape != (n,) or array.dtype.kind not in "iu" or (n and not 0 <= array.min() <= array.max() < below):
        raise Problem(f"generate: {name}=: {n} whole numbers from 0 to {below - 1} are wanted")
    return array.astype(np.int64)


def digest_of(array: np.ndarray) -> str:
    """Of its values."""
    return files.digest(np.ascontiguousarray(array).tobytes())
