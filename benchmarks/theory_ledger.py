"""The ledger of ``benchmarks.theory``: a line per curve, point and loop with its settings; none is done again."""

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.theory_plan import Study, compute, key_of, plan
from dp_common.errors import Held
from dp_common.persistence.ledger import encode

AGAIN = 10  # times as many simulations where chance would hardly explain a point


class Journal:
    """The one writer of the ledger; its lines are those of ``dp_common.persistence.ledger``, in a file that no run has.

    Attributes:
        records: every line, of other studies too.
        done: keys of the items of this study.
    """

    def __init__(self, path: Path, study: Study) -> None:
        from results.analysis.theory import read

        self.file = open(path, "a+b", buffering=0)
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.file.close()
            raise Held(f"{path}: another process is writing it") from None
        self.records: list[dict[str, Any]] = [dict(record) for record in read(path)]
        self.study = study.study
        self.file.truncate(path.read_bytes().rfind(b"\n") + 1)  # a torn last line
        self.done = {record["key"] for record in self.records if record.get("study") == self.study and "key" in record}

    def append(self, kind: str, **content: Any) -> None:
        """Write one line, whole or not at all."""
        record = {"n": len(self.records), "t": round(time.time(), 3), "kind": kind, "study": self.study, **content}
        line, size = encode(record), os.fstat(self.file.fileno()).st_size
        try:
            if self.file.write(line) != len(line):
                raise OSError(28, "No space left on device", self.file.name)
            os.fsync(self.file.fileno())
        except OSError:
            self.file.truncate(size)
            raise
        self.records.append(json.loads(json.dumps(record)))

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()  # and with it the lock


def bring_up(journal: Journal, study: Study, argv: list[str]) -> None:
    """Compute every curve, point and loop of the study that is not in the ledger."""
    wanted = [(kind, key_of(item), item) for kind, item in plan(study)]
    missing = [entry for entry in wanted if entry[1] not in journal.done]
    if missing:
        from dp_common.persistence.provenance import commit, cpu_model

        journal.append("open", options=study.values(), argv=argv, git=commit(), cpu=cpu_model(), versions=versions())
    since, figure = time.monotonic(), None
    for kind, key, item in missing:
        if item["figure"] != figure:
            figure = item["figure"]
            print(f"{time.monotonic() - since:5.0f} s  {figure}", file=sys.stderr)
        journal.append(kind, key=key, **item, **compute(kind, item, study.repeats, study.seed))
    replicate(journal, study)


def replicate(journal: Journal, study: Study) -> None:
    """Simulate points whose deviation chance would hardly give once more, AGAIN times as often, and let that stand.

    Of so many points one study in twenty has such a one. Draws are fresh: a theory that is wrong there fails by more,
    chance does not repeat itself.
    """
    from results.analysis import theory as numbers

    records = numbers.of_study(journal.records, study.study)[1]
    suspects = numbers.suspects(records)
    for line in [line for line in records if line["kind"] == "point" and not line.get("again")]:
        if numbers.point_of(line) in suspects and f"{line['key']} again" not in journal.done:
            item = {key: line[key] for key in ("figure", "panel", "series", "x", "settings")}
            found = compute("point", item, AGAIN * study.repeats, study.seed, "again ")
            journal.append("point", key=f"{line['key']} again", **item, **found, again=True)


def versions() -> dict[str, str]:
    """Of what the numbers are made with."""
    from importlib.metadata import version

    return {"python": sys.version.split()[0], **{name: version(name) for name in ("numpy", "scipy")}}
