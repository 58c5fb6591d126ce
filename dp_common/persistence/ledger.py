"""The ledger of one run: append-only JSON lines, one writer, any prefix valid.

Every line has ``n`` (its number), ``t`` (Unix time), ``attempt``, ``kind``, ``spent`` (what the clock measured since the
line before: phase seconds × devices, and unit counts) and ``crc`` (of the line without it). Kinds:

    open        an attempt starts: run_id, spec, device, devices, versions, git, host, argv
    resume      which call the attempt goes on from, and how far that is (position); lines of later ones before it are lost work
    shard       images stored: file, digest, rows, call, key (of what made them, the learner's digest included)
    partial     the state of a selection's scan on one rank: file, digest, call, key, spans of candidates seen, files it replaces
    call        a call of the strategy was answered: number, name, digest of its arguments, answer, state, files used
    checkpoint  a file that may be resumed from: call, file, digest
    midway      the same in the middle of a training: call, position (images seen), losses
    snapshot    the guiding weights at an addition or a freeze, in half precision: call, file, digest (probe=hardness or truth)
    probe       what these weights say of each addition, in columns (see probe.py and truth.py); of a plane a map: file, digest
    evaluate    accuracy on real sets
    close       the attempt ended: state done, interrupted or failed, and why; wall seconds

Costs belong to lines. What a run's result cost is the sum over its surviving work lines, what was spent is the sum over
all lines, plus the seconds between the last line of a killed attempt and its last heartbeat (``lost`` of the next open, times the devices of the one that was killed).
"""

import json
import os
import threading
import time
import zlib
from pathlib import Path

from dp_common.errors import Damaged, LeaseLost
from dp_common.files import write_atomic

NAME = "ledger.jsonl"
WORK = ("call", "shard", "partial", "midway")
PROBES = ("snapshot", "probe")  # measurements for their own sake: their lines' cost is in no method's price


def encode(record):
    body = json.dumps(record, separators=(",", ":"), allow_nan=False)
    return f'{body[:-1]},"crc":"{zlib.crc32(body.encode()):08x}"}}\n'.encode()


def decode(line, where):
    """One line -> record. Raises Damaged naming file and line."""
    text = line.decode("utf-8", "replace")
    body, mark, tail = text.rpartition(',"crc":"')
    if not mark or tail.rstrip("\n") != f'{zlib.crc32((body + "}").encode()):08x}"}}':
        raise Damaged(f"{where}: the line is corrupted (its checksum does not fit)")
    return json.loads(body + "}")


def read(folder, run_id=None):
    """The records of the ledger in ``folder``; a torn last line is dropped. [] where there is none.

    Raises Damaged, naming file and line, where any other line is corrupted, missing or of another run.
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


def surviving(records):
    """The lines whose work the result is made of: no calls that were done again, no shards that no call kept.

    Shards of the call in progress count as kept. Only calls and parts of calls are work; see ``WORK``.
    """
    alive = []
    for record in records:
        if record["kind"] == "resume":
            alive = [
                r
                for r in alive
                if r["kind"] not in ("call", "evaluate", "midway", *PROBES) or moment(r) <= moment(record)
            ]
        alive.append(record)
    calls = [r for r in alive if r["kind"] == "call"]
    kept = {file for r in calls for file in r["used"]}
    in_progress = 1 + max((r["call"] for r in calls), default=0)
    last = {
        r["file"]: place for place, r in enumerate(alive) if r["kind"] in ("shard", "partial")
    }  # made again, it counts once
    return [
        r
        for place, r in enumerate(alive)
        if r["kind"] not in ("shard", "partial")
        or last[r["file"]] == place
        and (r["file"] in kept or r["call"] == in_progress)
    ]


def steering(call):
    """What decided the images of an addition, from its line: {"score", "omega", "rule", ...}, fewer keys or none where nothing did.

    Ledgers from before ``Guidance`` was one value hold its fields beside ``n``, and ``guide`` for ``score``.
    """
    args = call["args"]
    guidance = args.get("guidance")
    return (args | {"score": args.get("score") or args.get("guide")}) if guidance is None else guidance


def moment(record):
    """How far the strategy is at a line: (calls done, images seen if the next call is a training in progress, else 0)."""
    return (
        (record["call"] - 1, record["position"])
        if record["kind"] == "midway"
        else (record["call"], record.get("position", 0))
    )


def totals(records):
    """Sum of ``spent`` over records: ({phase: device seconds}, {unit: count})."""
    phases, counts = {}, {}
    for record in records:
        for total, part in ((phases, "phases"), (counts, "counts")):
            for key, value in record.get("spent", {}).get(part, {}).items():
                total[key] = total.get(key, 0) + value
    return phases, counts


def spec_text(resolved):
    """The content of ``spec.yaml``: every key that decides the result, and the words that were typed."""
    import yaml

    head = f"# {resolved.run_id}: written once, for people; the ledger's first line holds the same\n"
    return head + yaml.safe_dump(
        {"run_id": resolved.run_id, "words": resolved.words, "values": resolved.values}, sort_keys=False
    )


class Ledger:
    """The one writer. ``holds()`` is asked before each line whether the lease is still ours and raises if not; ``publish`` lets other
    ranks have each line.

    Opening replaces the file by a copy without a torn last line. A stale writer that wakes up afterwards therefore
    appends to a file nobody can see any more, even if it was stopped between check and write.
    """

    writes = True

    def __init__(self, folder, run_id, holds, meter, publish=lambda record: None):
        self.path, self.holds, self.meter, self.publish, self.unwritten = Path(folder) / NAME, holds, meter, publish, []
        self.turn = threading.RLock()
        self.records = read(folder, run_id)
        holds()
        write_atomic(self.path, b"".join(encode(record) for record in self.records))
        self.file = open(self.path, "ab", buffering=0)
        self.attempt = 1 + max((record["attempt"] for record in self.records), default=0)

    def append(self, kind, **content):
        """Write one whole line and wait until the disk has it. Raises OSError on a full disk: the line is then undone."""
        with self.turn:
            return self._append(kind, content)

    def last_line(self, kind, **content):
        """``append`` from another thread than the one that works, which hangs; nothing is written after it. Waits 5 s for its turn at most."""
        if self.turn.acquire(timeout=5):  # and never released
            self._append(kind, content)

    def _append(self, kind, content):
        self.holds()
        if not os.path.samestat(os.fstat(self.file.fileno()), os.stat(self.path)):
            raise LeaseLost(f"{self.path}: another process replaced it; nothing more is written here")
        record = {"n": len(self.records), "t": round(time.time(), 3), "attempt": self.attempt, "kind": kind, **content}
        self.unwritten.append({"spent": self.meter()})  # what a line that failed would have told is told by the next
        record["spent"] = dict(zip(("phases", "counts"), totals(self.unwritten)))
        line, size = encode(record), os.fstat(self.file.fileno()).st_size
        try:
            if self.file.write(line) != len(line):
                raise OSError(28, "No space left on device", str(self.path))
            os.fsync(self.file.fileno())
        except OSError:
            os.ftruncate(self.file.fileno(), size)
            raise
        self.unwritten.clear()
        self.records.append(json.loads(json.dumps(record)))
        self.publish(record)
        return record

    def close(self):
        self.file.close()
