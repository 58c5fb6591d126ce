"""From sets of images to arrays, in this process or by workers beside it. What comes out never depends on how many there are."""

import numpy as np

from dp_common.errors import Problem


class Examples:
    """Item (start, stop): the examples at these positions of training, (images uint8 [n, C, H, W], labels [n]), augmented."""

    def __init__(self, trainset, seed, since=0, new_weight=1.0, augment=None):
        self.trainset, self.seed, self.since, self.new_weight, self.augment = trainset, seed, since, new_weight, augment

    def __getitem__(self, span):
        positions = np.arange(*span)
        images, labels = self.trainset.draw(self.seed, positions, self.since, self.new_weight)
        return (self.augment(images, positions) if self.augment else images), labels


class Pieces:
    """Piece i of a real split: images of rows i·n ..."""

    def __init__(self, split, size):
        self.split, self.size = split, size

    def __getitem__(self, number):
        return self.split.read(np.arange(number * self.size, min((number + 1) * self.size, len(self.split))))

    def __len__(self):
        return -(-len(self.split) // self.size)


def stream(dataset, numbers, workers=0):
    """dataset[i] for i in ``numbers``, in order; made by ``workers`` forked processes that work ahead, or here."""
    if not workers or len(numbers) < 2:
        yield from (dataset[number] for number in numbers)
        return
    from torch.utils.data import DataLoader

    loader = DataLoader(
        Safely(dataset),
        batch_size=None,
        sampler=numbers,
        num_workers=min(workers, len(numbers)),
        prefetch_factor=2,
        multiprocessing_context="fork",
        collate_fn=lambda item: item,
    )
    for item in loader:
        if isinstance(item, Problem):
            raise item
        yield item


class Safely:
    """A dataset whose Problems are handed over as values: a DataLoader would wrap them into pages of traceback."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __getitem__(self, number):
        try:
            return self.dataset[number]
        except Problem as problem:
            return problem
