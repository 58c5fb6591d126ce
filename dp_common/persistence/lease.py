"""A lease keeps two attempts at one run apart, on one machine or across a shared filesystem.

``lease.json`` names the holder: token, host, boot id, pid with its start time, SLURM job id and restart count. The
heartbeat is a file of the token's own, so a stale holder can never beat for its successor. It is taken over at once if
the holder's process is gone on this host, or if the same SLURM job has restarted; else when the heartbeat has not
changed for the time-to-live, on the reader's own monotonic clock: clocks of two machines are never compared. A process
on another machine, or in another container (pid namespace) of this one, cannot be seen, only heard.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import NotRequired, TypedDict

from dp_common.errors import Held, LeaseLost
from dp_common.files import write_atomic

NAME = "lease.json"
BEATS = 20  # heartbeats in a time-to-live
PATIENCE = 10.0  # seconds that ``living`` listens for heartbeats


class Process(TypedDict):
    """What tells one process from all others."""

    host: str
    boot: str | None
    namespace: NotRequired[str | None]  # of pids; old leases do not say it
    pid: int
    started: int | None
    slurm_job: str | None
    slurm_restarts: int


class Holder(Process):
    """The content of ``lease.json``."""

    token: str
    ttl: float  # seconds without a heartbeat that the holder was promised


def this_process() -> Process:
    """The record of the process that asks."""
    return {
        "host": socket.gethostname(),
        "boot": boot_id(),
        "namespace": pid_namespace(),
        "pid": os.getpid(),
        "started": process_start(os.getpid()),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "slurm_restarts": int(os.environ.get("SLURM_RESTART_COUNT", 0)),
    }


def boot_id() -> str | None:
    """What tells this boot of the machine from others; None where there is no /proc."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def pid_namespace() -> str | None:
    """What tells the pids of this container from those of others; None where there is no /proc."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def booted() -> float:
    """Unix time at which this machine started, by its own clock; infinite where that is not known."""
    try:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    except (AttributeError, OSError):
        return float("inf")


def process_start(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot, which tells a pid from its reuse.

    None where there is no /proc.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else int(fields[19])  # a zombie is dead, though its pid still answers
    except OSError:
        return None


def gone(holder: Process, me: Process, beat: str | None = None) -> bool:
    """Is the holder's process certainly no more, as ``me`` can see?

    Args:
        holder: its record.
        me: that of the process that asks.
        beat: the holder's heartbeat: one that is younger than this machine's start, from another boot of a machine of
            this name, is that of another machine.
    """
    if (
        holder["slurm_job"]
        and holder["slurm_job"] == me["slurm_job"]
        and me["slurm_restarts"] > holder["slurm_restarts"]
    ):
        return True
    if holder["host"] != me["host"]:
        return False
    if holder["boot"] != me["boot"]:
        return beat is None or beat != "" and float(beat) <= booted()
    if not visible(holder, me):
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return process_start(holder["pid"]) != holder["started"]


def visible(holder: Process, me: Process) -> bool:
    """Would ``me`` see the holder's process? On this host, in this boot, in this namespace of pids."""
    known = holder.get("namespace"), me.get("namespace")
    return holder["host"] == me["host"] and holder["boot"] == me["boot"] and (None in known or known[0] == known[1])


def read(folder: str | Path) -> Holder | None:
    """The holder's record, or None; None too for one caught between creation and content."""
    try:
        return json.loads((Path(folder) / NAME).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def alive(folder: str | Path) -> bool:
    """Does a process hold this run? Takes seconds where that is on another machine; see ``living``."""
    return bool(living([folder]))


def living(folders: Iterable[str | Path]) -> set[Path]:
    """Those of some folders of runs that a living process holds.

    Holders that cannot be seen from here are listened for, all at once, for two of their heartbeats (six seconds by
    default; at most ``PATIENCE``, who beats more slowly counts as living): no two clocks are compared.
    """
    me, began, found, unheard = this_process(), time.monotonic(), set[Path](), dict[Path, tuple[Path, str | None]]()
    until = began
    for folder in map(Path, folders):
        holder = read(folder)
        if holder is None:
            continue
        beat, span = folder / f".beat.{holder['token']}", 2.2 * holder["ttl"] / BEATS
        first = _text(beat)
        if gone(holder, me, first):
            continue
        if visible(holder, me) or span > PATIENCE:
            found.add(folder)
        else:
            unheard[folder] = beat, first
            until = max(until, began + span)
    while unheard and time.monotonic() < until:
        time.sleep(0.1)
        found |= {folder for folder, (beat, first) in unheard.items() if _text(beat) not in (None, first)}
        unheard = {folder: said for folder, said in unheard.items() if folder not in found}
    return found


class Lease:
    """Held from ``Lease(folder)`` until ``release()``.

    Args:
        folder: the run's.
        ttl: seconds without a heartbeat after which another process may take it over.

    Attributes:
        last_beat: Unix time of the dead holder's last sign of life, if it was taken over and had one.

    Raises:
        Held: a live process has it, or has just taken it.
    """

    def __init__(self, folder: str | Path, ttl: float = 60.0) -> None:
        self.folder, self.ttl = Path(folder), ttl
        self.token = uuid.uuid4().hex
        self.path = self.folder / NAME
        self.last_beat: float | None = None
        record = self._write_record()
        try:
            holder = read(folder)
            if holder:
                self._wait_for_end(holder)
                self.last_beat = float(_text(self._beat_file(holder["token"])) or 0) or None
                self._replace(holder, record)
            else:
                os.link(record, self.path)  # atomic, and fails if another took it first
        except FileExistsError:
            raise Held(f"{self.folder}: another process has just taken this run") from None
        finally:
            record.unlink(missing_ok=True)
        self.stop = threading.Event()
        self._beat()
        self.thread = threading.Thread(target=self._heartbeat_loop, daemon=True)
        self.thread.start()

    def check(self) -> None:
        """Raise LeaseLost unless this process still holds the run. Asked before every commit."""
        holder = read(self.folder)
        if not holder or holder["token"] != self.token:
            raise LeaseLost(f"{self.folder}: another process took this run over; nothing more is written here")

    def release(self) -> None:
        """Give it back, unless it is another's by now."""
        self.stop.set()
        self.thread.join()
        take = self._take_file(self.token)
        record = self.folder / f".lease-{self.token}.new"
        try:
            self._write_record()
            os.link(record, take)
        except OSError:
            return  # it is being taken over, or the disk is full: whoever comes next finds us gone
        finally:
            record.unlink(missing_ok=True)
        if self._token_there() == self.token:
            self.path.unlink(missing_ok=True)
        self._beat_file(self.token).unlink(missing_ok=True)
        take.unlink(missing_ok=True)

    def _write_record(self) -> Path:
        """A file with our record, to be linked where it counts."""
        record = self.folder / f".lease-{self.token}.new"
        write_atomic(record, json.dumps({"token": self.token, "ttl": self.ttl, **this_process()}).encode())
        return record

    def _beat_file(self, token: str) -> Path:
        return self.folder / f".beat.{token}"

    def _take_file(self, token: str) -> Path:
        return self.folder / f".take-{token}"

    def _token_there(self) -> str | None:
        """The token in lease.json as it is now."""
        holder = read(self.folder)
        return holder["token"] if holder else None

    def _beat(self) -> None:
        self._beat_file(self.token).write_text(repr(time.time()))

    def _heartbeat_loop(self) -> None:
        while not self.stop.wait(self.ttl / BEATS):
            try:
                if self._beat_file(self.token).exists():
                    self._beat()
            except OSError:
                pass  # a full disk must not end the heart; a take-over is noticed at the next commit

    def _wait_for_end(self, holder: Holder) -> None:
        """Return once the holder may be taken over; raise Held at its first sign of life."""
        me, beat = this_process(), self._beat_file(holder["token"])
        first, deadline = _text(beat), time.monotonic() + holder["ttl"]
        while not gone(holder, me, first):
            if _text(beat) != first:
                raise Held(f"{self.folder}: held by pid {holder['pid']} on {holder['host']}; wait for it or stop it")
            if time.monotonic() > deadline:
                return
            time.sleep(min(0.1, holder["ttl"] / BEATS))

    def _replace(self, holder: Holder, record: Path) -> None:
        """Put our record in the place of a dead one.

        Who may replace or remove the lease of a token holds its ``.take`` file; so lease.json never is another's, nor
        gone, between two steps of this. Raises Held, FileExistsError.
        """
        take = self._take_file(holder["token"])
        taker = json.loads(_text(take) or "null")
        if taker:  # it died in the act, or it is about to show that it lives
            self._wait_for_end(taker)
            take.unlink(missing_ok=True)
        os.link(record, take)
        try:
            if self._token_there() != holder["token"]:
                raise Held(f"{self.folder}: another process has just taken this run")
            os.replace(record, self.path)
        finally:
            take.unlink(missing_ok=True)
        self._beat_file(holder["token"]).unlink(missing_ok=True)


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
