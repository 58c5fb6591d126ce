"""From sets of images to arrays, in this process or by workers beside it.

What comes out never depends on how many workers there are.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from dp_common.arrays import Images, Labels
from dp_common.device import start_method
from dp_common.errors import Problem
from dp_common.real_images.splits import AnySplit
from dp_common.training_data.training_set import TrainingSet


class Dataset(Protocol):
    """What ``stream`` reads from: an item for each number or span."""

    def __getitem__(self, number: Any) -> Any: ...


class Examples:
    """Item (start, stop): the examples at these positions of training, (images uint8 [n, C, H, W], labels [n]),
    augmented.

    Args:
        training_set: What is drawn from.
        seed: The run's.
        since: Images seen when the training set became what it is.
        new_weight: How many times as often an image of the newest addition is drawn as an older one.
        augment: ``augment(images, positions) -> images``, or None.
    """

    def __init__(
        self,
        training_set: TrainingSet,
        seed: int,
        since: int = 0,
        new_weight: float = 1.0,
        augment: Callable[[Images, np.ndarray], Images] | None = None,
    ) -> None:
        self.training_set, self.seed, self.since = training_set, seed, since
        self.new_weight, self.augment = new_weight, augment

    def __getitem__(self, span: tuple[int, int]) -> tuple[Images, Labels]:
        positions = np.arange(*span)
        images, labels = self.training_set.draw(self.seed, positions, self.since, self.new_weight)
        return (self.augment(images, positions) if self.augment else images), labels


class SplitBatches:
    """Item i: the images of rows i·size .. (i+1)·size−1 of a real split, uint8 [n, C, H, W]; the last may be fewer."""

    def __init__(self, split: AnySplit, size: int) -> None:
        self.split, self.size = split, size

    def __getitem__(self, number: int) -> Images:
        return self.split.read(np.arange(number * self.size, min((number + 1) * self.size, len(self.split))))

    def __len__(self) -> int:
        return -(-len(self.split) // self.size)


def stream(dataset: Dataset, numbers: Sequence[Any], workers: int = 0, pinned: bool = False) -> Iterator[Any]:
    """dataset[i] for i in ``numbers``, in order.

    Args:
        dataset: What is read; in a worker it is a copy.
        numbers: The items wanted.
        workers: Processes that work ahead; 0: this process, when asked. Their arrays come as tensors in shared memory:
            through a pipe they would be copied three times.
        pinned: Put these where a CUDA device copies from while the host goes on.

    Raises:
        Problem: As the dataset raised it, in a worker too.
    """
    if not workers or len(numbers) < 2:
        yield from (dataset[number] for number in numbers)
        return
    from torch.utils.data import DataLoader

    loader = DataLoader(
        AsTensors(dataset),
        batch_size=None,
        sampler=numbers,
        num_workers=min(workers, len(numbers)),
        prefetch_factor=2,
        multiprocessing_context=start_method(),
        collate_fn=as_it_is,
        pin_memory=pinned,
    )
    for item in loader:
        if isinstance(item, Problem):
            raise item
        yield item


class AsTensors:
    """A dataset whose arrays are handed over as tensors, and its Problems as items: a DataLoader would wrap them into
    pages of traceback.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __getitem__(self, number: Any) -> Any:
        try:
            return as_tensors(self.dataset[number])
        except Problem as problem:
            return problem


def as_tensors(item: Any) -> Any:
    """An item of arrays as tensors of the same bytes; anything else as it is."""
    import torch

    if isinstance(item, tuple):
        return tuple(as_tensors(part) for part in item)
    return torch.from_numpy(np.ascontiguousarray(item)) if isinstance(item, np.ndarray) else item


class Waiting:
    """Iterates over items, and adds the seconds that it waited for them to ``told(seconds)`` at the end."""

    def __init__(self, items: Iterator[Any], told: Callable[[float], object]) -> None:
        self.items, self.told, self.seconds = items, told, 0.0

    def __iter__(self) -> "Waiting":
        return self

    def __next__(self) -> Any:
        since = time.perf_counter()
        try:
            return next(self.items)
        finally:
            self.seconds += time.perf_counter() - since

    def tell(self) -> None:
        """Tell what was waited since this was called last."""
        self.told(self.seconds)
        self.seconds = 0.0


def as_it_is(item: Any) -> Any:
    """Items are batches already."""
    return item
