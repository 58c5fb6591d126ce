"""Dealing work: the numbers 0 .. n-1, each taken by whichever rank is free, and what came of them handed in to the first rank.

Nobody waits for a slow rank but at the end, and there the first rank looks up in between whether all still live.
"""

import json
import time


class Deal:
    """Numbers 0 .. n-1, each taken by one rank. ``stop()`` says whether work is to be broken off, ``stopped`` whether it was."""

    def __init__(self, world, n, stop):
        self.world, self.n, self.stop, self.next, self.stopped, self.results = world, n, stop, 0, False, []

    def __iter__(self):
        while not self.stopped and self.next < self.n:
            self.next += 1
            yield self.next - 1

    def halt(self):
        """Between two pieces of work: is it to be broken off, on all ranks?"""
        self.stopped = self.stopped or bool(self.stop())
        return self.stopped

    def hand_in(self, result, number=None):
        """``result`` of one number; without a number something on the way. For the first rank to take up."""
        self.results.append(result)

    def taken_up(self):
        """On the first rank: what was handed in since the last call."""
        results, self.results = self.results, []
        return results

    def rest(self):
        """On the first rank: lists of results until all that was taken has been handed in or dropped."""
        yield self.taken_up()

    def drop(self, number):
        """Number ``number`` was begun and is broken off."""


class SharedDeal(Deal):
    """Numbers from a counter in the store; results come to the first rank as messages."""

    def __init__(self, world, n, stop, turn):
        super().__init__(world, n, stop)
        self.key, self.read, self.open = f"deal/{turn}", 0, 0

    def _add(self, name, amount):
        return self.world._ask(self.world.store.add, f"{self.key}/{name}", amount)

    def __iter__(self):
        while not self.stopped:
            self.world.heed()
            number = self._add("next", 1) - 1
            if number >= self.n:
                return
            yield number

    def halt(self):
        """The first rank's word ends the dealing; the others find it between two pieces of work."""
        self.world.heed()
        if self.world.first:
            if not self.stopped and self.world.stop_asked(self.stop):
                self.world._ask(self.world.store.set, f"{self.key}/halt", "1")
                self.stopped = True
        else:
            self.world.stop_asked(self.stop)
            self.stopped = self.stopped or self.world._ask(self.world.store.check, [f"{self.key}/halt"])
        return self.stopped

    def hand_in(self, result, number=None):
        if self.world.first:
            super().hand_in(result)
            self.open += number is not None
        else:
            place = self._add("posted", 1)
            self.world._ask(
                self.world.store.set, f"{self.key}/post/{place}", json.dumps({"result": result, "number": number})
            )

    def drop(self, number):
        if self.world.first:
            self.open += 1
        else:
            place = self._add("posted", 1)
            self.world._ask(self.world.store.set, f"{self.key}/post/{place}", json.dumps({"number": number}))

    def taken_up(self):
        results = super().taken_up()
        while self.world._ask(self.world.store.check, [f"{self.key}/post/{self.read + 1}"]):
            self.read += 1
            message = json.loads(self.world._ask(self.world.store.get, f"{self.key}/post/{self.read}"))
            self.world._ask(self.world.store.delete_key, f"{self.key}/post/{self.read}")
            self.open += message["number"] is not None
            results += [message["result"]] if "result" in message else []
        return results

    def rest(self):
        """``open`` counts numbers that came back; those given out are known once nobody can take another."""
        given = min(self.n, self._add("next", self.n) - self.n)
        while True:
            self.halt()
            yield self.taken_up()
            if self.open >= given:
                return
            self.world.heed()
            time.sleep(0.01)
