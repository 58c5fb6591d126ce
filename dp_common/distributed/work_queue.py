"""Sharing out work: the numbers 0 .. n-1, each taken by whichever rank is free, and what came of them submitted to the
first rank.

Nobody waits for a slow rank but at the end, and there the first rank looks up in between whether all still live.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Protocol


class Channel(Protocol):
    """What a shared queue needs of its ranks; see StoreGroup."""

    @property
    def first(self) -> bool: ...
    def raise_if_peer_lost(self) -> None: ...
    def stop_requested(self, stop: Callable[[], bool]) -> bool: ...
    def put(self, key: str, value: str) -> None: ...
    def get(self, key: str) -> str: ...
    def has(self, key: str) -> bool: ...
    def add(self, key: str, amount: int) -> int: ...
    def remove(self, key: str) -> None: ...


class WorkQueue(ABC):
    """Numbers 0 .. n-1, each taken by one rank that iterates.

    Args:
        n: how many.
        stop: says whether work is to be broken off.

    Attributes:
        stopped: was it?
    """

    def __init__(self, n: int, stop: Callable[[], bool]) -> None:
        self.n, self.stop, self.stopped = n, stop, False

    @abstractmethod
    def __iter__(self) -> Iterator[int]:
        """The numbers that fall to this rank; no more once it is stopped."""

    @abstractmethod
    def cancelled(self) -> bool:
        """Between two pieces of work: is it to be broken off, on all ranks?"""

    @abstractmethod
    def submit(self, result: Any, number: int | None = None) -> None:
        """Hand the first rank what came of a number; without a number something on the way. JSON."""

    @abstractmethod
    def abandon(self, number: int) -> None:
        """This number was begun and is broken off."""

    @abstractmethod
    def collect(self) -> list[Any]:
        """On the first rank: what was submitted since the last call."""

    @abstractmethod
    def drain(self) -> Iterator[list[Any]]:
        """On the first rank: lists of results until all numbers that were taken have been submitted or abandoned."""


class LocalWorkQueue(WorkQueue):
    """All numbers for the one process there is."""

    def __init__(self, n: int, stop: Callable[[], bool]) -> None:
        super().__init__(n, stop)
        self._next = 0
        self._results: list[Any] = []

    def __iter__(self) -> Iterator[int]:
        while not self.stopped and self._next < self.n:
            self._next += 1
            yield self._next - 1

    def cancelled(self) -> bool:
        self.stopped = self.stopped or bool(self.stop())
        return self.stopped

    def submit(self, result: Any, number: int | None = None) -> None:
        self._results.append(result)

    def abandon(self, number: int) -> None:
        pass

    def collect(self) -> list[Any]:
        results, self._results = self._results, []
        return results

    def drain(self) -> Iterator[list[Any]]:
        yield self.collect()


class SharedWorkQueue(WorkQueue):
    """Numbers from a counter that all ranks share; results come to the first rank as messages.

    Args:
        channel: the ranks.
        n: how many numbers.
        stop: says whether work is to be broken off; the first rank's answer counts.
        name: of this queue, the same on every rank and no other queue's.
    """

    def __init__(self, channel: Channel, n: int, stop: Callable[[], bool], name: str) -> None:
        super().__init__(n, stop)
        self._channel, self._name = channel, name
        self._results: list[Any] = []  # the first rank's own, not collected yet
        self._read = 0  # messages read
        self._returned = 0  # numbers submitted or abandoned, as far as read

    def __iter__(self) -> Iterator[int]:
        while not self.stopped:
            self._channel.raise_if_peer_lost()
            number = self._count("next", 1) - 1
            if number >= self.n:
                return
            yield number

    def cancelled(self) -> bool:
        """The first rank's word ends the sharing out; the others find it between two pieces of work."""
        self._channel.raise_if_peer_lost()
        if self._channel.first:
            if not self.stopped and self._channel.stop_requested(self.stop):
                self._channel.put(f"{self._name}/halt", "1")
                self.stopped = True
        else:
            self._channel.stop_requested(self.stop)
            self.stopped = self.stopped or self._channel.has(f"{self._name}/halt")
        return self.stopped

    def submit(self, result: Any, number: int | None = None) -> None:
        if self._channel.first:
            self._results.append(result)
            self._returned += number is not None
        else:
            self._post({"result": result, "number": number})

    def abandon(self, number: int) -> None:
        if self._channel.first:
            self._returned += 1
        else:
            self._post({"number": number})

    def collect(self) -> list[Any]:
        results, self._results = self._results, []
        while self._channel.has(key := f"{self._name}/post/{self._read + 1}"):
            self._read += 1
            message = json.loads(self._channel.get(key))
            self._channel.remove(key)
            self._returned += message["number"] is not None
            results += [message["result"]] if "result" in message else []
        return results

    def drain(self) -> Iterator[list[Any]]:
        taken = min(self.n, self._count("next", self.n) - self.n)  # known, now that nobody can take another
        while True:
            self.cancelled()
            yield self.collect()
            if self._returned >= taken:
                return
            self._channel.raise_if_peer_lost()
            time.sleep(0.01)

    def _count(self, name: str, amount: int) -> int:
        return self._channel.add(f"{self._name}/{name}", amount)

    def _post(self, message: dict[str, Any]) -> None:
        self._channel.put(f"{self._name}/post/{self._count('posted', 1)}", json.dumps(message))
