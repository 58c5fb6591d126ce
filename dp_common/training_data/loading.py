"""From sets of images to arrays, in this process or by workers beside it.

What comes out never depends on how many workers there are.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from dp_common.arrays import Images, Labels
from dp_common.device import start_method
from dp_common.errors import Problem
from dp_common.real_images.splits import AnySplit, LazySplit
from dp_common.training_data.training_set import TrainingSet

THREADS = 4  # that read what is decoded already; a batch of 224 pixels is 67 MB, and one more is held than these


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

    def holds(self, numbers: Sequence[int]) -> bool:
        """Are the images of these items kept decoded, so that they need only be read?"""
        kept = self.split.kept if isinstance(self.split, LazySplit) else None
        return kept is not None and all(
            kept.holds(np.arange(number * self.size, min((number + 1) * self.size, len(self.split))))
            for number in numbers
        )


def stream(
    dataset: Dataset, numbers: Sequence[Any], workers: int = 0, pinned: bool = False, threads: bool = False
) -> Iterator[Any]:
    """dataset[i] for i in ``numbers``, in order.

    Args:
        dataset: What is read; in a worker it is a copy.
        numbers: The items wanted.
        workers: Processes that work ahead; 0: this process, when asked. Their arrays come as tensors in shared memory:
            through a pipe they would be copied three times.
        pinned: Put these where a CUDA device copies from while the host goes on.
        threads: In place of processes, a few threads of this one: for what is read and not computed.

    Raises:
        Problem: As the dataset raised it, in a worker too.
    """
    if not workers or len(numbers) < 2:
        yield from (dataset[number] for number in numbers)
        return
    if threads:
        yield from by_threads(AsTensors(dataset, pinned), numbers, min(workers, THREADS))
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
    yield from map(unless_problem, loader)


def by_threads(dataset: "AsTensors", numbers: Sequence[Any], threads: int) -> Iterator[Any]:
    """dataset[i] for i in ``numbers``, in order, read ahead by threads, one item each and one more."""
    coming: deque[Future[Any]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="reader") as pool:
        try:
            for number in numbers:
                coming.append(pool.submit(dataset.__getitem__, number))
                if len(coming) > threads:
                    yield unless_problem(coming.popleft().result())
            while coming:
                yield unless_problem(coming.popleft().result())
        finally:
            for future in coming:
                future.cancel()


def unless_problem(item: Any) -> Any:
    """The item. Raises it if it is a Problem."""
    if isinstance(item, Problem):
        raise item
    return item


class AsTensors:
    """A dataset whose arrays are handed over as tensors, pinned if so said, and its Problems as items: a DataLoader
    would wrap them into pages of traceback.
    """

    def __init__(self, dataset: Dataset, pinned: bool = False) -> None:
        self.dataset, self.pinned = dataset, pinned

    def __getitem__(self, number: Any) -> Any:
        try:
            return as_tensors(self.dataset[number], self.pinned)
        except Problem as problem:
            return problem


def as_tensors(item: Any, pinned: bool = False) -> Any:
    """An item of arrays as tensors of the same bytes; anything else as it is."""
    import torch

    if isinstance(item, tuple):
        return tuple(as_tensors(part, pinned) for part in item)
    if not isinstance(item, np.ndarray):
        return item
    tensor = torch.from_numpy(np.ascontiguousarray(item))
    return tensor.pin_memory() if pinned else tensor


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
