"""Signs of life between the ranks of a run, in a thread of its own: it beats, looks after the others, and ends a rank
that hangs.

Keys in the store: ``beat/RANK`` counts; ``stop/RANK`` says that this rank was asked to stop; ``bye/RANK`` that it has
left in good order; ``failed`` holds the first failure of all, ``closed`` how the first rank ended its attempt.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dp_common.errors import Interrupted, PeerFailed, Problem

if TYPE_CHECKING:
    from torch.distributed import Store

BEAT = 1.0  # seconds between signs of life
JOINING = 600.0  # seconds in which all ranks must have come
PATIENCE = 15.0  # seconds a rank has to leave by itself once another has failed; it may hang in a collective


class Heartbeat:
    """The signs of life of one rank, from the moment it is made until ``stop()``.

    Args:
        rank: number of this process, from 0; the first one holds the attempt, and hears of requests to stop.
        size: how many there are.
        store: a connection to the store that may block for itself.
        timeout: seconds without a sign of life after which a rank is gone; may be changed.

    Attributes:
        lost: the error that another rank's end is, once there is one.
        last_word: called with that error before this process is ended because its work hangs.
    """

    def __init__(self, rank: int, size: int, store: "Store", timeout: float) -> None:
        self.rank, self.size, self.timeout = rank, size, timeout
        self.lost: Problem | None = None
        self.last_word: Callable[[Exception], None] = lambda error: None
        self._store, self._over = store, threading.Event()
        self._stop_here, self._stop_elsewhere = False, False
        self._beats: dict[int, tuple[bytes | None, float]] = {}  # rank: (beat, when it was new by our monotonic clock)
        store.set(
            f"beat/{rank}", "0"
        )  # before the first meeting: who dies right after it has beaten once, and is missed
        threading.Thread(target=self._loop, daemon=True).start()

    def stop_requested(self, here: bool) -> bool:
        """Is any rank known to have been asked to stop? ``here``: this one now.

        It stays so, and the first rank hears of it.
        """
        self._stop_here = self._stop_here or here
        return self._stop_here or self._stop_elsewhere

    def quiet(self, seconds: float) -> list[int]:
        """Ranks whose last sign of life is older."""
        now = time.monotonic()
        return [rank for rank, (_, since) in self._beats.items() if now - since > seconds]

    def stop(self) -> None:
        """No more signs of life from here, and no more looking after others."""
        self._over.set()

    def _loop(self) -> None:
        beat, failing = 0, None
        while not self._over.wait(BEAT):
            beat += 1
            try:
                self._store.set(f"beat/{self.rank}", str(beat))
                if self._stop_here and self.rank:
                    self._store.set(f"stop/{self.rank}", "1")
                self._check_peers()
            except Exception as error:  # whatever it is, there is no store any more
                if self._over.is_set():
                    return
                self.lost = self.lost or PeerFailed(
                    f"rank 0 is gone: its store does not answer any more ({type(error).__name__})"
                )
            if self.lost:
                failing = failing or time.monotonic()
                if time.monotonic() - failing > PATIENCE:
                    self._exit_hanging(self.lost)

    def _exit_hanging(self, error: Problem) -> None:
        """The other thread hangs, in a collective on a GPU as a rule, which no exception reaches."""
        print(f"error: rank {self.rank} ends: {error}", file=sys.stderr, flush=True)
        try:
            self.last_word(error)
        finally:
            os._exit(1)

    def _check_peers(self) -> None:
        store = self._store
        if store.check(["failed"]):
            report = json.loads(store.get("failed"))
            if report["rank"] != self.rank:
                self.lost = PeerFailed(report["text"], report["code"], reported=True)
            return
        if self.rank and store.check(["closed"]):
            self.lost = ended(json.loads(store.get("closed")))
            return
        if not self.rank and not self._stop_elsewhere:
            self._stop_elsewhere = any(store.check([f"stop/{rank}"]) for rank in range(1, self.size))
        now = time.monotonic()
        for rank in range(self.size):
            if rank == self.rank or store.check([f"bye/{rank}"]):
                continue
            beat = store.get(f"beat/{rank}") if store.check([f"beat/{rank}"]) else None
            if rank not in self._beats or self._beats[rank][0] != beat:
                self._beats[rank] = beat, now
            elif now - self._beats[rank][1] > (self.timeout if beat else JOINING):
                self.lost = PeerFailed(f"rank {rank} gave no sign of life for {self.timeout:g} s")


def ended(close: Mapping[str, str]) -> Problem:
    """The error that ends the other ranks when the first has ended its attempt; ``close``: {"state", "why"}."""
    return Interrupted(close["why"]) if close["state"] == "interrupted" else PeerFailed(close["why"], reported=True)
