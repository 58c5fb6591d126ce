"""A process group that meets through a TCPStore: one posts a key, the others ask for it again and again.

In between they look up whether all still live (heartbeat.py).
"""

import base64
import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dp_common import device as devices
from dp_common.distributed.heartbeat import BEAT, Heartbeat
from dp_common.distributed.process_group import ProcessGroup
from dp_common.distributed.work_queue import SharedWorkQueue, WorkQueue
from dp_common.errors import PeerFailed, Problem
from dp_common.persistence.records import Record

if TYPE_CHECKING:
    import torch
    from torch.distributed import Store

# Seconds a collective may take: readers start and disks stall at different times. A death is noticed by the heartbeat.
COLLECTIVE = 600.0
PIECE = 2**22  # bytes of a value in the store, which takes no more than 8 MiB; longer ones are put there in pieces
IN_PIECES = "\0pieces:"  # how a value begins that says their number; no JSON and no base64 does
FAREWELL = 3.0  # seconds in which the first rank may hear of a failure before the one that failed is gone


class StoreGroup(ProcessGroup):
    """One of several processes that meet through a TCPStore.

    Args:
        rank: number of this process, from 0.
        size: how many there are.
        local: its number among those on this machine.
        stores: three connections to one store, of which each may block without the others: for meeting, for signs of
            life, and for the process group.
        timeout: seconds without a sign of life after which a rank is gone.
    """

    def __init__(self, rank: int, size: int, local: int, stores: "Sequence[Store]", timeout: float) -> None:
        self.rank, self.size, self.local = rank, size, local
        self._store, pulse, self._group_store = stores
        self._turn, self._lines, self._connected, self._failed = 0, 0, False, False
        self._heartbeat = Heartbeat(rank, size, pulse, timeout)

    # ------------------------------------------------------------------ the store: all that ranks say to one another

    def put(self, key: str, value: str) -> None:
        """Let all ranks have a value, however long. Raises PeerFailed where the store does not answer, as do the others
        below.
        """
        data = value.encode()
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)] if len(data) > PIECE else []
        for number, piece in enumerate(pieces):
            self._ask(self._store.set, f"{key}/piece/{number}", piece)
        self._ask(self._store.set, key, f"{IN_PIECES}{len(pieces)}" if pieces else value)  # last: now it is all there

    def get(self, key: str) -> str:
        """The value of a key that is there; see ``has``."""
        value = self._ask(self._store.get, key).decode()
        if not value.startswith(IN_PIECES):
            return value
        pieces = range(int(value[len(IN_PIECES) :]))
        return b"".join(self._ask(self._store.get, f"{key}/piece/{number}") for number in pieces).decode()

    def has(self, key: str) -> bool:
        """Has somebody put it?"""
        return self._ask(self._store.check, [key])

    def add(self, key: str, amount: int) -> int:
        """Add to a counter that starts at 0; returns its new value. Two ranks never get the same of one step."""
        return self._ask(self._store.add, key, amount)

    def remove(self, key: str) -> None:
        """The store need not keep it any longer."""
        value = self._ask(self._store.get, key).decode()
        if value.startswith(IN_PIECES):
            for number in range(int(value[len(IN_PIECES) :])):
                self._ask(self._store.delete_key, f"{key}/piece/{number}")
        self._ask(self._store.delete_key, key)

    def wait(self, key: str) -> str:
        """The value of a key once it is there. Raises PeerFailed or Interrupted if another rank is gone before."""
        pause = 0.0005
        while not self.has(key):
            self.raise_if_peer_lost()
            time.sleep(pause)
            pause = min(0.05, 1.5 * pause)
        return self.get(key)

    def _ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        import torch.distributed as dist

        try:
            return call(*arguments)
        except (dist.DistError, RuntimeError) as error:
            self.raise_if_peer_lost()
            raise PeerFailed("rank 0 is gone: its store does not answer any more") from error

    # ------------------------------------------------------------------ meeting

    def broadcast(self, value: Any) -> Any:
        self._turn += 1
        key = f"broadcast/{self._turn}"
        if self.first:
            self.put(key, json.dumps(value))
            return json.loads(json.dumps(value))
        return json.loads(self.wait(key))

    def all_gather(self, data: bytes) -> list[bytes]:
        self._turn += 1
        self.put(f"gather/{self._turn}/{self.rank}", base64.b64encode(data).decode())
        return [base64.b64decode(self.wait(f"gather/{self._turn}/{rank}")) for rank in range(self.size)]

    def work_queue(self, n: int, stop: Callable[[], bool]) -> WorkQueue:
        self._turn += 1
        return SharedWorkQueue(self, n, stop, f"queue/{self._turn}")

    def stop_requested(self, stop: Callable[[], bool]) -> bool:
        return self._heartbeat.stop_requested(bool(stop()))

    def publish(self, record: Record) -> None:
        if record["kind"] == "close" and record["state"] != "done":  # for those who wait for something else
            self.put("closed", json.dumps({"state": record["state"], "why": record["why"]}))
        self.put(f"line/{self._lines}", json.dumps(record))
        self._lines += 1

    def next_line(self) -> Record:
        self._lines += 1
        return json.loads(self.wait(f"line/{self._lines - 1}"))

    # ------------------------------------------------------------------ living and dying

    def set_timeout(self, seconds: float) -> None:
        self._heartbeat.timeout = seconds

    def raise_if_peer_lost(self) -> None:
        if self._heartbeat.lost:
            raise self._heartbeat.lost

    def on_forced_exit(self, last_word: Callable[[Exception], None]) -> None:
        self._heartbeat.last_word = last_word

    def report_failure(self, error: BaseException) -> bool:
        """A failure of this rank's own is posted, unless another was first."""
        self._failed = True
        if isinstance(error, PeerFailed) and error.reported:
            return False
        text = f"{error}" if isinstance(error, Problem) else f"{type(error).__name__}: {error}"
        text = text if isinstance(error, PeerFailed) else f"rank {self.rank}: {text}"
        report = json.dumps({"rank": self.rank, "text": text, "code": getattr(error, "code", 1)})
        try:
            was_first = self._store.compare_set("failed", "", report).decode() == report
            if was_first and not self.first:
                self._linger()
            return was_first
        except Exception:  # no store, nobody to tell
            return True

    def _linger(self) -> None:
        """Stay a moment, unless the first rank leaves before.

        A launcher may end all as soon as one has ended, and the first is to write down why. Not long: a collective that
        it may wait in breaks off for sure only when this process ends.
        """
        import torch.distributed as dist

        if self._connected and dist.get_backend() == "gloo":  # NCCL would wait for the others here, and they for us
            self._connected = False
            dist.destroy_process_group()
        deadline = time.monotonic() + FAREWELL
        while time.monotonic() < deadline and not self._store.check(["bye/0"]):
            time.sleep(0.05)

    def root_cause(self, error: Exception) -> Exception:
        import torch.distributed as dist

        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            return error
        deadline = time.monotonic() + 6 * BEAT
        while not self._heartbeat.lost and time.monotonic() < deadline:
            quiet = self._heartbeat.quiet(3.5 * BEAT)
            if quiet:
                return PeerFailed(f"rank {quiet[0]} is gone: it broke off in the middle ({type(error).__name__})")
            time.sleep(BEAT / 10)
        return self._heartbeat.lost or error

    def connect(self, device: "torch.device") -> None:
        import torch.distributed as dist

        devices.select(device)
        dist.init_process_group(
            store=dist.PrefixStore("group", self._group_store),
            rank=self.rank,
            world_size=self.size,
            timeout=timedelta(seconds=COLLECTIVE),
            **devices.collectives(device),
        )
        self._connected = True

    def shutdown(self) -> None:
        """The first, whose store it may be, waits for the others to have left."""
        import torch.distributed as dist

        heartbeat = self._heartbeat
        try:
            self._store.set(f"bye/{self.rank}", "1")
            deadline = time.monotonic() + (heartbeat.timeout if not heartbeat.lost else 2 * BEAT)
            while self.first and time.monotonic() < deadline and not heartbeat.lost:
                if all(self._store.check([f"bye/{rank}"]) for rank in range(self.size)):
                    break
                time.sleep(0.02)
        except Exception:
            pass  # the store went with its process: so have we left
        heartbeat.stop()
        if self._connected and not heartbeat.lost and not self._failed:  # else it waits for those who are gone
            dist.destroy_process_group()
