"""A lease keeps two attempts at one run apart, on one machine or across a shared filesystem.

``lease.json`` names the holder: token, host, boot id, pid namespace, pid with its start time, SLURM job id and restart
count. The heartbeat is a file of the token's own, so a stale holder can never beat for its successor. It is taken over
at once if the holder is seen to be gone, or if the same SLURM job has restarted; else when the heartbeat has not
changed for the time-to-live, on the reader's own monotonic clock.

A process is *seen* by those of the same host, boot and pid namespace. Two containers of one machine often have the same
host name, and each its own pid 7; two machines may be called ``localhost``. There only the heartbeat tells.
"""

import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import TypedDict

from dp_common.errors import Held, LeaseLost
from dp_common.files import write_atomic
from dp_common.progress import note

NAME = "lease.json"
BEATS = 20  # heartbeats in a time-to-live
SILENT = 2.0  # seconds of waiting for a sign of life, after which a person is told what for


class Process(TypedDict):
    """What tells one process from all others."""

    host: str
    boot: str | None
    namespace: str | None  # of pids; None where there is no /proc
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
        "started": process_start("self"),
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
    """What tells the pid namespace of this process from others of this boot; None where there is no /proc."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def process_start(pid: "int | str") -> int | None:
    """Start time of a process (``"self"``: this one) in clock ticks since boot, which tells a pid from its reuse.

    None where it cannot be looked at; 0 of a zombie, which is dead, though its pid still answers.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return 0 if fields[0] in "ZX" else int(fields[19])
    except OSError:
        return None


def sees(me: Process, holder: Process) -> bool:
    """Do the pids of the two mean the same? A lease of an earlier version does not say its namespace."""
    return all(holder.get(part) == me.get(part) for part in ("host", "boot", "namespace"))


def gone(holder: Process, me: Process) -> bool:
    """Is the holder's process certainly no more, as ``me`` can see?"""
    if (
        holder["slurm_job"]
        and holder["slurm_job"] == me["slurm_job"]
        and me["slurm_restarts"] > holder["slurm_restarts"]
    ):
        return True
    if not sees(me, holder):
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    if proc_is_of_others():
        return False
    started = process_start(holder["pid"])  # None: it answers, but /proc hides it from other users
    return started is not None and started != holder["started"]


def proc_is_of_others() -> bool:
    """Does /proc show another pid namespace than this process's, as after ``unshare --pid`` alone?"""
    try:
        return os.readlink("/proc/self") != str(os.getpid())
    except OSError:
        return False


def read(folder: str | Path) -> Holder | None:
    """The holder's record, or None; None too for one caught between creation and content."""
    try:
        return json.loads((Path(folder) / NAME).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def alive(folder: str | Path) -> bool:
    """For status: does a process hold this run, as far as can be told without waiting?

    Of a holder that is not seen from here: has its heart beaten of late, by its own clock?
    """
    holder, me = read(folder), this_process()
    if holder is None or gone(holder, me):
        return False
    return sees(me, holder) or 0 <= age_of_beat(folder, holder) + holder["ttl"] <= 3 * holder["ttl"]


def refuse_held(folder: str | Path) -> None:
    """Raise Held where a process that is seen from here holds this run and has just shown that it lives.

    What a person who gives a command twice is to be told before anything heavy is imported; in every other case
    ``Lease`` finds out.
    """
    holder, me = read(folder), this_process()
    if holder and sees(me, holder) and not gone(holder, me) and 0 <= age_of_beat(folder, holder) <= holder["ttl"] / 4:
        raise held_by(folder, holder)


def age_of_beat(folder: str | Path, holder: Holder) -> float:
    """Seconds since the holder's last sign of life, by the clocks of the two machines; infinite without one."""
    return time.time() - float(_text(beat_file(folder, holder["token"])) or "-inf")


def held_by(folder: str | Path, holder: Process) -> Held:
    """The error that says who holds a run."""
    return Held(f"{folder}: held by pid {holder['pid']} on {holder['host']}; wait for it or stop it")


def beat_file(folder: str | Path, token: str) -> Path:
    """The file that the heart of a lease beats in."""
    return Path(folder) / f".beat.{token}"


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
                self.last_beat = float(_text(beat_file(self.folder, holder["token"])) or 0) or None
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
        beat_file(self.folder, self.token).unlink(missing_ok=True)
        take.unlink(missing_ok=True)

    def _write_record(self) -> Path:
        """A file with our record, to be linked where it counts."""
        record = self.folder / f".lease-{self.token}.new"
        write_atomic(record, json.dumps({"token": self.token, "ttl": self.ttl, **this_process()}).encode())
        return record

    def _take_file(self, token: str) -> Path:
        return self.folder / f".take-{token}"

    def _token_there(self) -> str | None:
        """The token in lease.json as it is now."""
        holder = read(self.folder)
        return holder["token"] if holder else None

    def _beat(self) -> None:
        beat_file(self.folder, self.token).write_text(repr(time.time()))

    def _heartbeat_loop(self) -> None:
        while not self.stop.wait(self.ttl / BEATS):
            try:
                if beat_file(self.folder, self.token).exists():
                    self._beat()
            except OSError:
                pass  # a full disk must not end the heart; a take-over is noticed at the next commit

    def _wait_for_end(self, holder: Holder) -> None:
        """Return once the holder may be taken over; raise Held at its first sign of life."""
        me, beat = this_process(), beat_file(self.folder, holder["token"])
        first, began, told = _text(beat), time.monotonic(), False
        while not gone(holder, me):
            if _text(beat) != first:
                raise held_by(self.folder, holder)
            waited = time.monotonic() - began
            if waited > holder["ttl"]:
                return
            if waited > SILENT and not told:
                told, whose = True, f"pid {holder['pid']} on {holder['host']}"
                note(f"{self.folder} was held by {whose}: waiting up to {holder['ttl']:g} s for a sign of its life")
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
        beat_file(self.folder, holder["token"]).unlink(missing_ok=True)


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
