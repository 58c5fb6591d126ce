"""Sums in memory that ranks share: the same bits on all of them, and no waiting for one that is gone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.distributed import DistError

from dp_common.distributed import shared_sum


class Ranks:
    """Threads that meet as the ranks of a group do."""

    def __init__(self, size):
        self.size, self.barrier, self.said = size, threading.Barrier(size, timeout=20), [b""] * size

    def of(self, rank):
        return Rank(self, rank)


class Rank:
    def __init__(self, ranks, rank):
        self.ranks, self.rank, self.size, self.first = ranks, rank, ranks.size, rank == 0

    def all_gather(self, data):
        self.ranks.barrier.wait()
        self.ranks.said[self.rank] = data
        self.ranks.barrier.wait()
        return list(self.ranks.said)

    def broadcast(self, value):
        return self.all_gather(value.encode())[0].decode()


def by_ranks(size, work):
    """[work(group of each rank)]"""
    ranks = Ranks(size)
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(work, [ranks.of(rank) for rank in range(size)]))


def numbers(rank, turn):
    generator = torch.Generator().manual_seed(100 * turn + rank)
    return [torch.randn(shape, generator=generator) for shape in ((3, 4), (), (5,))]


@pytest.mark.parametrize("size", [2, 3])
def test_all_ranks_have_the_sum_in_order_of_rank_to_the_bit(size):
    def work(group):
        total = shared_sum.shared_sum(group, 18)
        return [total(numbers(group.rank, turn)) for turn in range(5)]

    found = by_ranks(size, work)
    for turn in range(5):
        for place in range(3):
            expected = numbers(0, turn)[place]
            for rank in range(1, size):
                expected = expected + numbers(rank, turn)[place]
            assert all(torch.equal(of_rank[turn][place], expected) for of_rank in found)


def test_a_rank_that_leaves_ends_the_sum_of_the_others():
    def work(group):
        total = shared_sum.shared_sum(group, 18)
        total(numbers(group.rank, 0))
        if group.rank:
            for line in total.others:
                line.close()
            return None
        with pytest.raises(DistError, match="another rank is gone"):
            total(numbers(group.rank, 1))
        return True

    assert by_ranks(2, work)[0]


def test_nothing_is_left_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(shared_sum, "MEMORY", tmp_path)
    assert all(by_ranks(2, lambda group: shared_sum.shared_sum(group, 4)))
    assert not list(tmp_path.iterdir())


def test_ranks_of_two_machines_and_large_networks_have_none(monkeypatch):
    names = {}

    def name():
        return names.setdefault(threading.get_ident(), f"node{len(names)}")

    def work(group):
        group.all_gather(b"")  # a thread each
        return shared_sum.shared_sum(group, 4)

    assert shared_sum.shared_sum(Ranks(1).of(0), shared_sum.LARGEST + 1) is None
    monkeypatch.setattr(shared_sum.socket, "gethostname", name)
    assert by_ranks(2, work) == [None, None]
