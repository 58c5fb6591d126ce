"""Dealing work: the numbers 0 .. n-1, each taken by whichever rank is free, and what came of them handed in to the first rank.

Nobody waits for a slow rank but at the end, and there the first rank looks up in between whether all still live.
"""

import json
import time


class WorkQueue:
    """Numbers 0 .. n-1, each taken by one rank. ``stop()`` says whether work is to be broken off, ``stopped`` whether it was."""

    def __init__(self, group, n, stop):
        self.group, self.n, self.stop, self.next, self.stopped, self.results = group, n, stop, 0, False, []

    def __iter__(self):
        while not self.stopped and self.next < self.n:
            self.next += 1
            yield self.next - 1

    def cancelled(self):
        """Between two pieces of work: is it to be broken off, on all ranks?"""
        self.stopped = self.stopped or bool(self.stop())
        return self.stopped

    def submit(self, result, number=None):
        """``result`` of one number; without a number something on the way. For the first rank to take up."""
        self.results.append(result)

    def collect(self):
        """On the first rank: what was handed in since the last call."""
        results, self.results = self.results, []
        return results

    def drain(self):
        """On the first rank: lists of results until all that was taken has been handed in or dropped."""
        yield self.collect()

    def abandon(self, number):
        """Number ``number`` was begun and is broken off."""


class SharedWorkQueue(WorkQueue):
    """Numbers from a counter in the store; results come to the first rank as messages."""

    def __init__(self, group, n, stop, turn):
        super().__init__(group, n, stop)
        self.key, self.read, self.open = f"deal/{turn}", 0, 0

    def _add(self, name, amount):
        return self.group._ask(self.group.store.add, f"{self.key}/{name}", amount)

    def __iter__(self):
        while not self.stopped:
            self.group.raise_if_peer_lost()
            number = self._add("next", 1) - 1
            if number >= self.n:
                return
            yield number

    def cancelled(self):
        """The first rank's word ends the dealing; the others find it between two pieces of work."""
        self.group.raise_if_peer_lost()
        if self.group.first:
            if not self.stopped and self.group.stop_requested(self.stop):
                self.group._ask(self.group.store.set, f"{self.key}/halt", "1")
                self.stopped = True
        else:
            self.group.stop_requested(self.stop)
            self.stopped = self.stopped or self.group._ask(self.group.store.check, [f"{self.key}/halt"])
        return self.stopped

    def submit(self, result, number=None):
        if self.group.first:
            super().submit(result)
            self.open += number is not None
        else:
            place = self._add("posted", 1)
            self.group._ask(
                self.group.store.set, f"{self.key}/post/{place}", json.dumps({"result": result, "number": number})
            )

    def abandon(self, number):
        if self.group.first:
            self.open += 1
        else:
            place = self._add("posted", 1)
            self.group._ask(self.group.store.set, f"{self.key}/post/{place}", json.dumps({"number": number}))

    def collect(self):
        results = super().collect()
        while self.group._ask(self.group.store.check, [f"{self.key}/post/{self.read + 1}"]):
            self.read += 1
            message = json.loads(self.group._ask(self.group.store.get, f"{self.key}/post/{self.read}"))
            self.group._ask(self.group.store.delete_key, f"{self.key}/post/{self.read}")
            self.open += message["number"] is not None
            results += [message["result"]] if "result" in message else []
        return results

    def drain(self):
        """``open`` counts numbers that came back; those given out are known once nobody can take another."""
        given = min(self.n, self._add("next", self.n) - self.n)
        while True:
            self.cancelled()
            yield self.collect()
            if self.open >= given:
                return
            self.group.raise_if_peer_lost()
            time.sleep(0.01)
