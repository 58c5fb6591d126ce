"""A run as its ledger tells it, who follows it, and a notebook in place of a tracker."""

from benchmarks import follow
from dp_common.persistence import ledger


def opened(attempt=1, lost=0.0):
    return {
        "kind": "open",
        "run_id": "blobs-dp-1k-s0-0123456789",
        "lost": lost,
        "devices": 2,
        "values": {"task": "blobs", "strategy": "dp"},
        "attempt": attempt,
    }


def call(number, name, seen, size, measured, answer=0.5, train=0.0, **more):
    state = {"size": size, "seen": seen, "seen_total": seen, "iterations": seen // 10, "generated": size}
    return {
        "kind": "call",
        "call": number,
        "name": name,
        "args": {},
        "digest": f"d{number}",
        "answer": answer,
        "state": state,
        "added": [],
        "replaced": False,
        "used": [],
        "measured": measured,
        "spent": {"phases": {"train": train} if train else {"generate": 1.8}, "counts": {}},
    } | more


def trained(number, seen, loss, size=500):
    return call(number, "train", seen, size, {"loss": loss, "monitor": 1 - loss}, train=3.6)


STORY = [
    opened(),
    call(1, "generate", 0, 500, {"score_at_birth": None, "true_label": 0.9}, answer=500),
    trained(2, 100, 0.5),
    trained(3, 200, 0.4),
    call(4, "generate", 200, 1000, {"score_at_birth": 1.2}, answer=500),
    trained(5, 300, 0.3, 1000),
    {"kind": "evaluate", "call": 5, "test": {"accuracy": 0.8, "n": 10}, "blur": {"accuracy": 0.6, "n": 10}},
    {"kind": "close", "state": "done", "why": None, "wall": 1.0},
]


def write(folder, lines):
    folder.mkdir(parents=True, exist_ok=True)
    attempt, records = 1, []
    for n, line in enumerate(lines):
        attempt = line.get("attempt", attempt)
        records.append({"n": n, "t": 1000.0 + n, "attempt": attempt, "spent": {}} | line)
    data = b"".join(map(ledger.encode, records))
    (folder / ledger.NAME).write_bytes(data)
    return data


class Notebook:
    """A tracker that remembers what it was told, in order, over all its instances."""

    pages, closed = [], []

    def __init__(self, out, run_id, values, project):
        self.run_id = run_id

    def write(self, events):
        Notebook.pages += events

    def void(self, step):
        Notebook.pages.append(step)

    def close(self):
        Notebook.closed.append(self.run_id)


def follower(tmp_path, tracker=Notebook):
    return follow.Follower(tmp_path / "runs", tmp_path / "out", tracker, "project")


def interrupted(loss):
    """The story's first four calls; killed; the last two done again, the last training with this loss."""
    return [
        *STORY[:5],
        opened(2, lost=1.8),
        {"kind": "resume", "call": 2, "position": 0},
        trained(3, 200, loss),
        *STORY[4:],
    ]
