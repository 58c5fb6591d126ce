"""The ledger of one run: append-only JSON lines, one writer, any prefix valid.

What a line of each kind holds is written down as types, in records.py: open, resume, shard, partial, call, checkpoint,
midway, snapshot, probe, evaluate, close. Each ends in ``crc``, the checksum of the line without it.

Costs belong to lines. What a run's result cost is the sum over its surviving work lines, what was spent is the sum over
all lines, plus the seconds between the last line of a killed attempt and its last heartbeat (``lost`` of the next
``open``, times the devices of the one that was killed).
"""

import errno
import json
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast

from dp_common.errors import Damaged, LeaseLost
from dp_common.files import write_atomic
from dp_common.persistence.records import Call, Checkpoint, Evaluate, Midway, Probe, Record, Resume, Snapshot, Spent

NAME = "ledger.jsonl"
WORK = ("call", "shard", "partial", "midway")
PROBES = ("snapshot", "probe")  # measurements for their own sake: their lines' cost is in no method's price
Placed: TypeAlias = (
    Call | Evaluate | Checkpoint | Midway | Snapshot | Probe | Resume
)  # lines of one call of the strategy
LAST_WORD = 5.0  # seconds that ``last_line`` waits for another thread to finish its line


def encode(record: Mapping[str, Any]) -> bytes:
    """One record as a line with its checksum. Raises ValueError for NaN and infinity, which are no JSON."""
    body = json.dumps(record, separators=(",", ":"), allow_nan=False)
    return f'{body[:-1]},"crc":"{zlib.crc32(body.encode()):08x}"}}\n'.encode()


def decode(line: bytes, where: str) -> Any:
    """One line as its record, without the checksum.

    Args:
        line: with or without its newline.
        where: file and line number, for the message.

    Raises:
        Damaged: the checksum does not fit.
    """
    text = line.decode("utf-8", "replace")
    body, separator, tail = text.rpartition(',"crc":"')
    if not separator or tail.rstrip("\n") != f'{zlib.crc32((body + "}").encode()):08x}"}}':
        raise Damaged(f"{where}: the line is corrupted (its checksum does not fit)")
    return json.loads(body + "}")


def read(folder: str | Path, run_id: str | None = None) -> list[Record]:
    """The records of the ledger in ``folder``; a torn last line is dropped.

    Args:
        folder: the run's.
        run_id: the run it has to be of; None: any.

    Returns:
        One record a line; [] where there is no ledger.

    Raises:
        Damaged: any other line is corrupted, missing, or of another run; the message names file and line.
    """
    path = Path(folder) / NAME
    if not path.exists():
        return []
    whole, _, _torn = path.read_bytes().rpartition(b"\n")
    records = [decode(line, f"{path}:{number}") for number, line in enumerate(whole.split(b"\n"), 1)] if whole else []
    for number, record in enumerate(records):
        if record["n"] != number:
            raise Damaged(f"{path}:{number + 1}: line {record['n']} stands where {number} should")
    if records and run_id and records[0].get("run_id") != run_id:
        raise Damaged(f"{path}: the ledger of another run, {records[0].get('run_id')}, lies where {run_id} should")
    return records


def lines(folder: str | Path) -> int:
    """How many lines the ledger in ``folder`` has, their checksums and order looked at, but none of them parsed.

    Raises:
        Damaged: as ``read``.
    """
    path = Path(folder) / NAME
    if not path.exists():
        return 0
    whole = path.read_bytes().rpartition(b"\n")[0].split(b"\n")
    for number, line in enumerate(whole):
        body, _, tail = line.rpartition(b',"crc":"')
        sound = tail == b'%08x"}' % zlib.crc32(b"}", zlib.crc32(body))
        if not sound or not line.startswith(b'{"n":%d,' % number):
            return len(read(folder))  # which says what is wrong, if it is
    return len(whole) if whole[0] else 0


def last(folder: str | Path, kind: str) -> Any:
    """The last record of a kind in the ledger in ``folder``, None where there is none; the others are not parsed."""
    path = Path(folder) / NAME
    mark = b'"kind":"%s"' % kind.encode()
    whole = path.read_bytes().rpartition(b"\n")[0].split(b"\n") if path.exists() else []
    for number in range(len(whole), 0, -1):
        if mark in whole[number - 1]:
            record = decode(whole[number - 1], f"{path}:{number}")
            if record["kind"] == kind:
                return record
    return None


def surviving(records: Iterable[Record]) -> list[Record]:
    """The lines whose work the result is made of: no calls that were done again, no shards that no call kept.

    Shards of the call in progress count as kept. Only calls and parts of calls are work; see ``WORK``.
    """
    alive: list[Record] = []
    for record in records:
        if record["kind"] == "resume":
            alive = [r for r in alive if not overtaken(r, record)]
        alive.append(record)
    calls = [r for r in alive if r["kind"] == "call"]
    kept = {file for r in calls for file in r["used"]}
    in_progress = 1 + max((r["call"] for r in calls), default=0)
    stored = [r for r in alive if r["kind"] == "shard" or r["kind"] == "partial"]
    last = {r["file"]: r for r in stored}  # made again, it counts once
    lost = {id(r) for r in stored if last[r["file"]] is not r or not (r["file"] in kept or r["call"] == in_progress)}
    return [r for r in alive if id(r) not in lost]


def overtaken(record: Record, resume: Resume) -> bool:
    """Is it a line of something that this later resume does again?"""
    if record["kind"] not in ("call", "evaluate", "midway", *PROBES):
        return False
    return moment(cast(Placed, record)) > moment(resume)


def steering(call: Call) -> dict[str, Any]:
    """What decided the images of an addition: {"score", "omega", "rule", ...}; fewer keys, or none, where nothing did.

    Ledgers from before ``Guidance`` was one value hold its fields beside ``n``, and ``guide`` for ``score``.
    """
    args = call["args"]
    guidance = args.get("guidance")
    return (args | {"score": args.get("score") or args.get("guide")}) if guidance is None else guidance


def moment(record: Placed) -> tuple[int, int]:
    """How far the strategy is at a line: (calls done, images seen if a training is in progress, else 0)."""
    if record["kind"] == "midway":
        return record["call"] - 1, record["position"]
    return record["call"], record.get("position", 0) if record["kind"] == "resume" else 0


def totals(records: Iterable[Mapping[str, Any]]) -> tuple[dict[str, float], dict[str, int]]:
    """The sums of ``spent`` over records: ({phase: device seconds}, {unit: count})."""
    phases: dict[str, float] = {}
    counts: dict[str, int] = {}
    for record in records:
        spent = record.get("spent", {})
        for phase, seconds in spent.get("phases", {}).items():
            phases[phase] = phases.get(phase, 0) + seconds
        for unit, n in spent.get("counts", {}).items():
            counts[unit] = counts.get(unit, 0) + n
    return phases, counts


def seconds_beside(records: Iterable[Mapping[str, Any]], part: str = "beside") -> dict[str, float]:
    """The sums of ``spent.beside`` over records: {what (meter.BESIDE): seconds}; {} of older ledgers. ``part``: of
    another part of ``spent``, such as ``pooled``.
    """
    beside: dict[str, float] = {}
    for record in records:
        for name, seconds in record.get("spent", {}).get(part, {}).items():
            beside[name] = beside.get(name, 0) + seconds
    return beside


def spec_text(resolved: Any) -> str:
    """The content of ``spec.yaml``: every key that decides the result, and the overrides that were typed."""
    import yaml

    head = f"# {resolved.run_id}: written once, for people; the ledger's first line holds the same\n"
    content = {"run_id": resolved.run_id, "words": resolved.words, "values": resolved.values}
    return head + yaml.safe_dump(content, sort_keys=False)


class AnyLedger(Protocol):
    """A ledger as the work of a run sees it: that of the one writer, or another rank's replica of it.

    Attributes:
        records: its lines so far.
        writes: does this process write it?
    """

    records: list[Record]
    writes: bool

    def holds(self) -> None:
        """Raise LeaseLost or PeerFailed if this process may not write files of the run any more."""

    def append(self, kind: str, **content: Any) -> Any:
        """Add one line; returns its record, of the type that ``kind`` has in records.py."""

    def close(self) -> None:
        """Nothing is added after this."""


class Ledger:
    """The one writer of a run's ledger.

    Opening replaces the file by a copy without a torn last line. A stale writer that wakes up afterwards therefore
    appends to a file nobody can see any more, even if it was stopped between check and write.

    Args:
        folder: the run's; its ledger is gone on with.
        run_id: the run it has to be of.
        holds: asked before each line whether the lease is still ours; raises if not.
        meter: what was spent since it was asked last (``Meter.snapshot_and_reset``).
        publish: lets other ranks have each line.

    Raises:
        Damaged: the ledger that is there is corrupted, or of another run.
        LeaseLost: by ``holds``.
    """

    writes = True

    def __init__(
        self,
        folder: str | Path,
        run_id: str,
        holds: Callable[[], None],
        meter: Callable[[], Spent],
        publish: Callable[[Record], None] = lambda record: None,
    ) -> None:
        self.path, self.holds, self.meter, self.publish = Path(folder) / NAME, holds, meter, publish
        self.unwritten: list[dict[str, Spent]] = []
        self.turn = threading.RLock()
        self.records = read(folder, run_id)
        holds()
        write_atomic(self.path, b"".join(encode(record) for record in self.records))
        self.file = open(self.path, "ab", buffering=0)
        self.attempt = 1 + max((record["attempt"] for record in self.records), default=0)

    def append(self, kind: str, **content: Any) -> Any:
        """Write one whole line and wait until the disk has it.

        Args:
            kind: one of records.KINDS.
            **content: its keys beside those that every line has.

        Returns:
            The record, of the type that ``kind`` has in records.py.

        Raises:
            OSError: the disk is full; the line is undone, and the same writer may go on when there is space.
            LeaseLost: the run is another's now.
        """
        with self.turn:
            return self._append(kind, content)

    def last_line(self, kind: str, **content: Any) -> None:
        """``append`` from another thread than the one that works, which hangs. Nothing is written after it.

        It waits ``LAST_WORD`` seconds at most for a line in progress, and is not written if that does not end.
        """
        if self.turn.acquire(timeout=LAST_WORD):  # and never released
            self._append(kind, content)

    def _append(self, kind: str, content: dict[str, Any]) -> Any:
        self.holds()
        if not os.path.samestat(os.fstat(self.file.fileno()), os.stat(self.path)):
            raise LeaseLost(f"{self.path}: another process replaced it; nothing more is written here")
        record = {"n": len(self.records), "t": round(time.time(), 3), "attempt": self.attempt, "kind": kind, **content}
        self.unwritten.append({"spent": self.meter()})  # what a line that failed would have held is held by the next
        record["spent"] = dict(zip(("phases", "counts"), totals(self.unwritten)))
        for part in ("beside", "pooled"):
            if seconds := seconds_beside(self.unwritten, part):
                record["spent"][part] = seconds
        line, size = encode(record), os.fstat(self.file.fileno()).st_size
        try:
            if self.file.write(line) != len(line):
                raise OSError(errno.ENOSPC, "No space left on device", str(self.path))
            os.fsync(self.file.fileno())
        except OSError:
            os.ftruncate(self.file.fileno(), size)
            raise
        self.unwritten.clear()
        self.records.append(json.loads(json.dumps(record)))
        self.publish(cast(Record, record))
        return record

    def close(self) -> None:
        """Nothing is added after this."""
        self.file.close()
