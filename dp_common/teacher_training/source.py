"""The real images a teacher is trained on: held in memory, or read ahead; and their hashes, which its file keeps."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from dp_common.contracts import Task
from dp_common.errors import Interrupted
from dp_common.real_images.splits import AnySplit
from dp_common.teachers.unet import held_out_hashes, image_hashes
from dp_common.training_data.loading import stream


class Source:
    """Real training images: in memory if they fit there, else read ahead by forked processes.

    Args:
        task: loaded; its ``train`` is read whole, once.
        memory: bytes that the images may take.
        workers: processes that read ahead where they take more; 0: none.
        stop: asked between chunks whether to break off.
        chunk: images read at once while they are hashed.

    Attributes:
        labels: [n] int64.
        hashes: uint8 [n, 8], of its images without the twins.
        twins: how many have the same pixels as a monitor or test image.

    Raises:
        Interrupted: it was asked to stop.
    """

    def __init__(self, task: Task, memory: float, workers: int, stop: Callable[[], bool], chunk: int = 1024) -> None:
        self.split: AnySplit = task.train
        self.workers, self.labels = workers, np.asarray(task.train.labels)
        self.images: np.ndarray | None = None
        n = len(self.labels)
        whole = np.empty((n, *task.shape), np.uint8) if n * math.prod(task.shape) <= memory else None
        held_out, hashes = set(held_out_hashes(task)), []
        chunks = [np.arange(start, min(start + chunk, n)) for start in range(0, n, chunk)]
        for rows, images in zip(chunks, self.batches(chunks.__getitem__, range(len(chunks)))):
            if stop():
                raise Interrupted("stopped while the training images were read; the same command starts again")
            if whole is not None:
                whole[rows] = images
            found = image_hashes(images)
            hashes.append(found[[one.tobytes() not in held_out for one in found]])
        self.images, self.hashes = whole, np.concatenate(hashes)
        self.twins = n - len(self.hashes)

    def batches(self, rows_of: Callable[[int], np.ndarray], numbers: Sequence[int]) -> Iterator[np.ndarray]:
        """Images uint8 [n, C, H, W] of the rows ``rows_of(number)``, number by number."""
        if self.images is not None:
            images = self.images
            return (images[rows_of(number)] for number in numbers)
        return stream(_Batches(self.split, rows_of), numbers, self.workers)


class _Batches:
    """Batches by number, for processes that read ahead."""

    def __init__(self, split: AnySplit, rows_of: Callable[[int], np.ndarray]) -> None:
        self.split, self.rows_of = split, rows_of

    def __getitem__(self, number: int) -> np.ndarray:
        return self.split.read(self.rows_of(number))
