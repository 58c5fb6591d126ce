"""Several processes at one run: who they are, how they meet, and how they notice that one of them is gone.

Under torchrun, or in a SLURM step of several tasks, every rank runs the same program and replays the same strategy. They meet
through a TCPStore only: one posts a key, the others ask for it again and again, and look up in between whether all still live. A
collective is open nowhere but inside an iteration of training, so one slow rank keeps others waiting and nothing else.

The first rank is the one writer of ledger, checkpoints and summary. Its ledger is what all agree by: the others read every
line from it (``Mirror``), and so have the same journal. Work is dealt by a counter (``deal``): whoever is free takes the next
number and hands in what came out of it.
"""

import base64
import json
import os
import sys
import threading
import time
from datetime import timedelta

from dp_common.distributed.work_queue import SharedWorkQueue, WorkQueue
from dp_common.errors import Interrupted, PeerFailed, Problem

BEAT = 1.0  # seconds between signs of life
JOINING = 600.0  # seconds in which all ranks must have come
COLLECTIVE = 600.0  # seconds a collective may take: readers start and disks stall at different times. A death is noticed by the signs of life
FAREWELL = 3.0  # seconds in which the first rank may hear of a failure before the one that failed is gone
PATIENCE = 15.0  # seconds a rank has to leave by itself once another has failed; it may hang in a collective


class SingleProcess:
    """One process alone. ``first`` is the rank that writes."""

    rank, size, local, first = 0, 1, 0, True

    def broadcast(self, value):
        """What the first rank says, on every rank."""
        return value

    def all_gather(self, data: bytes) -> list:
        """The bytes of every rank, in order of rank, on every rank."""
        return [data]

    def work_queue(self, n, stop):
        return WorkQueue(self, n, stop)

    def stop_requested(self, stop):
        """Has any rank been asked to stop? Only the first knows of the others; see ``decide``."""
        return stop()

    def raise_if_peer_lost(self):
        """Raise PeerFailed if another rank has failed or is gone."""

    def connect(self, device):
        """Open the process group that training reduces over."""

    def publish(self, record):
        """Let the other ranks have a line of the ledger."""

    def on_forced_exit(self, tell):
        """``tell(error)`` is called, in another thread, before a rank is ended that hangs although another is gone."""

    def report_failure(self, error):
        """Tell the other ranks; -> is this the first failure of all, the one to show?"""
        return True

    def root_cause(self, error):
        """The error to show for one that was raised here."""
        return error

    def shutdown(self):
        """The end of this rank, good or bad."""


class StoreGroup(SingleProcess):
    """One of several processes. ``stores``: three connections to the same TCPStore, of which each may block without the others:
    for meeting, for signs of life, and for the process group. ``timeout``: seconds without a sign of life after which a rank
    is gone.
    """

    def __init__(self, rank, size, local, stores, timeout):
        self.rank, self.size, self.local, self.first, self.timeout = rank, size, local, rank == 0, timeout
        self.store, self.pulse, self.group_store = stores
        self.turn, self.lines, self.connected, self.failed = 0, 0, False, False
        self.lost, self.asked, self.want_stop, self.over = None, False, False, threading.Event()
        self.tell = lambda error: None
        self.beats = {}  # rank: (beat, when it was new by our monotonic clock)
        self.pulse.set(
            f"beat/{rank}", "0"
        )  # before the first meeting: who dies right after it has beaten once, and is missed
        threading.Thread(target=self._heartbeat_loop, daemon=True).start()

    # ------------------------------------------------------------------ meeting

    def broadcast(self, value):
        self.turn += 1
        key = f"decide/{self.turn}"
        if self.first:
            self._ask(self.store.set, key, json.dumps(value))
            return json.loads(json.dumps(value))
        return json.loads(self._wait(key))

    def all_gather(self, data):
        self.turn += 1
        self._ask(self.store.set, f"gather/{self.turn}/{self.rank}", base64.b64encode(data).decode())
        return [base64.b64decode(self._wait(f"gather/{self.turn}/{rank}")) for rank in range(self.size)]

    def work_queue(self, n, stop):
        self.turn += 1
        return SharedWorkQueue(self, n, stop, self.turn)

    def stop_requested(self, stop):
        self.want_stop = self.want_stop or bool(stop())
        return self.want_stop or self.asked

    def publish(self, record):
        if record["kind"] == "close" and record["state"] != "done":  # for those who wait for something else
            self._ask(self.store.set, "closed", json.dumps({"state": record["state"], "why": record["why"]}))
        self._ask(self.store.set, f"line/{self.lines}", json.dumps(record))
        self.lines += 1

    def line(self):
        """On the others: the next line of the ledger."""
        self.lines += 1
        return json.loads(self._wait(f"line/{self.lines - 1}"))

    def on_forced_exit(self, tell):
        self.tell = tell

    def _wait(self, key):
        pause = 0.0005
        while not self._ask(self.store.check, [key]):
            self.raise_if_peer_lost()
            time.sleep(pause)
            pause = min(0.05, 1.5 * pause)
        return self._ask(self.store.get, key)

    def _ask(self, call, *words):
        import torch.distributed as dist

        try:
            return call(*words)
        except (dist.DistError, RuntimeError) as error:
            self.raise_if_peer_lost()
            raise PeerFailed("rank 0 is gone: its store does not answer any more") from error

    # ------------------------------------------------------------------ living and dying

    def raise_if_peer_lost(self):
        if self.lost:
            raise self.lost

    def _heartbeat_loop(self):
        """In a thread of its own: beat, and look after the others."""
        beat, failing = 0, None
        while not self.over.wait(BEAT):
            beat += 1
            try:
                self.pulse.set(f"beat/{self.rank}", str(beat))
                if self.want_stop and not self.first:
                    self.pulse.set(f"stop/{self.rank}", "1")
                self._check_peers()
            except Exception as error:  # whatever it is, there is no store any more
                if self.over.is_set():
                    return
                self.lost = self.lost or PeerFailed(
                    f"rank 0 is gone: its store does not answer any more ({type(error).__name__})"
                )
            if self.lost:
                failing = failing or time.monotonic()
                if time.monotonic() - failing > PATIENCE:
                    self._exit_hanging()

    def _exit_hanging(self):
        """The other thread hangs, in a collective on a GPU as a rule, which no exception reaches."""
        print(f"error: rank {self.rank} ends: {self.lost}", file=sys.stderr, flush=True)
        try:
            self.tell(self.lost)
        finally:
            os._exit(1)

    def _check_peers(self):
        if self.pulse.check(["failed"]):
            told = json.loads(self.pulse.get("failed"))
            if told["rank"] != self.rank:
                self.lost = PeerFailed(told["text"], told["code"], told=True)
            return
        if not self.first and self.pulse.check(["closed"]):
            self.lost = ended(json.loads(self.pulse.get("closed")))
            return
        self.asked = (
            self.asked or self.first and any(self.pulse.check([f"stop/{rank}"]) for rank in range(1, self.size))
        )
        now = time.monotonic()
        for rank in range(self.size):
            if rank == self.rank or self.pulse.check([f"bye/{rank}"]):
                continue
            beat = self.pulse.get(f"beat/{rank}") if self.pulse.check([f"beat/{rank}"]) else None
            if rank not in self.beats or self.beats[rank][0] != beat:
                self.beats[rank] = beat, now
            elif now - self.beats[rank][1] > (self.timeout if beat else JOINING):
                self.lost = PeerFailed(f"rank {rank} gave no sign of life for {self.timeout:g} s")

    def report_failure(self, error):
        """A failure of this rank's own is posted, unless another was first."""
        self.failed = True
        if isinstance(error, PeerFailed) and error.told:
            return False
        text = f"{error}" if isinstance(error, Problem) else f"{type(error).__name__}: {error}"
        text = text if isinstance(error, PeerFailed) else f"rank {self.rank}: {text}"
        mine = json.dumps({"rank": self.rank, "text": text, "code": getattr(error, "code", 1)})
        try:
            was_first = self.store.compare_set("failed", "", mine).decode() == mine
            if was_first and not self.first:
                self._linger()
            return was_first
        except Exception:  # no store, nobody to tell
            return True

    def _linger(self):
        """Stay a moment, unless the first rank leaves before: a launcher may end all as soon as one has ended, and the first is to write
        down why. Not long: a collective that it may wait in breaks off for sure only when this process ends.
        """
        import torch.distributed as dist

        if self.connected and dist.get_backend() == "gloo":  # NCCL would wait for the others here, and they for us
            self.connected = False
            dist.destroy_process_group()
        deadline = time.monotonic() + FAREWELL
        while time.monotonic() < deadline and not self.store.check(["bye/0"]):
            time.sleep(0.05)

    def root_cause(self, error):
        """The error to show: where a collective broke, why another rank left, if that comes to light."""
        import torch.distributed as dist

        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            return error
        deadline = time.monotonic() + 6 * BEAT
        while not self.lost and time.monotonic() < deadline:
            quiet = [rank for rank, (_, when) in self.beats.items() if time.monotonic() - when > 3.5 * BEAT]
            if quiet:
                return PeerFailed(f"rank {quiet[0]} is gone: it broke off in the middle ({type(error).__name__})")
            time.sleep(BEAT / 10)
        return self.lost or error

    def connect(self, device):
        import torch
        import torch.distributed as dist

        cuda = device.type == "cuda"
        if cuda:
            torch.cuda.set_device(device)  # what names no device shall not be made on the first one by all ranks
        dist.init_process_group(
            "nccl" if cuda else "gloo",
            store=dist.PrefixStore("group", self.group_store),
            rank=self.rank,
            world_size=self.size,
            timeout=timedelta(seconds=COLLECTIVE),
            device_id=device if cuda else None,
        )
        self.connected = True

    def shutdown(self):
        """The first, whose store it may be, waits for the others to have left."""
        import torch.distributed as dist

        try:
            self.store.set(f"bye/{self.rank}", "1")
            deadline = time.monotonic() + (self.timeout if not self.lost else 2 * BEAT)
            while self.first and time.monotonic() < deadline and not self.lost:
                if all(self.store.check([f"bye/{rank}"]) for rank in range(self.size)):
                    break
                time.sleep(0.02)
        except Exception:
            pass  # the store went with its process: so have we left
        self.over.set()
        if self.connected and not self.lost and not self.failed:  # else it waits for those who are gone
            dist.destroy_process_group()


def ended(close):
    """The error that ends the other ranks when the first has ended its attempt."""
    return Interrupted(close["why"]) if close["state"] == "interrupted" else PeerFailed(close["why"], told=True)


class LedgerReplica:
    """The ledger as the other ranks have it: its lines come from the first rank, in order."""

    writes = False

    def __init__(self, group, records):
        self.group, self.records = group, records

    def holds(self):
        self.group.raise_if_peer_lost()

    def append(self, kind, **content):
        """Wait for the first rank's line of this kind; lines that are only its own go by. Raises Interrupted or PeerFailed if it ends."""
        while True:
            record = self.group.line()
            self.records.append(record)
            if record["kind"] == kind:
                return record
            if record["kind"] == "close":
                raise ended(record)

    def close(self):
        pass
