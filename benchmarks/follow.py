"""Training while it runs: loss, accuracy, set size, additions and hours of every run under a folder, to TensorBoard or Weights & Biases.

    python -m benchmarks.follow [root] to=tensorboard           follows until Ctrl-C; tensorboard --logdir <root>/tensorboard shows it
    WANDB_MODE=offline python -m benchmarks.follow results/runs to=wandb once=yes

It reads ledgers and nothing else, so it can begin at any time, also long after the runs, on another machine, and stop and go on: what it
has written it does not write again. Nothing reads what it writes; tables, figures and claims come from ledgers. Steps are images seen.

Keys:
    to                   tensorboard or wandb, whose package must be there: uv sync --extra tracking
    root=results/runs    folder of runs, at any depth; a bare word is the root too
    out=<root>/<to>      folder to write to, with followed.json per run: what is there already
    once=no              yes: write what there is and end
    every=10             seconds between two looks
    project=deliberate-practice-bench    of wandb

What is written: train/loss (mean since the last point), monitor/accuracy, set/size, set/generated; of additions their number, images,
score_at_birth and, where the teacher's density is known, true_label and log_density; hours_spent/<phase> and /total of all attempts so far;
test/accuracy and shifted/<set> at the end. After an interruption calls are done again: where they come out otherwise (on a GPU they
may), TensorBoard drops what it had from there on, and W&B shows both. Exit codes: 0 done, 2 bad input, 1 anything else.
"""

import json
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.cli import guarded, words_of
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput, Damaged, did_you_mean
from dp_common.files import write_atomic
from dp_common.persistence import ledger

TRACKERS = ("tensorboard", "wandb")
DEFAULTS = {
    "to": "",
    "root": Runtime.root,
    "out": "",
    "once": "no",
    "every": "10",
    "project": "deliberate-practice-bench",
}
NAME = "followed.json"


def main(words):
    if {"--help", "-h"} & set(words):
        print(__doc__.strip())
        return
    given = parse(words)
    root = Path(given["root"])
    if not root.is_dir():
        raise BadInput("root", root, "no such folder")
    out = Path(given["out"]) if given["out"] else root / given["to"]
    follower = Follower(root, out, tracker_of(given["to"]), given["project"])
    try:
        while True:
            follower.look()
            if given["once"] == "yes":
                break
            time.sleep(float(given["every"]))
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
    finally:
        follower.close()


def parse(words):
    """Words -> {key: text}. Raises BadInput."""
    chosen = words_of(words, DEFAULTS)
    for key, allowed in (("to", TRACKERS), ("once", ("yes", "no"))):
        if chosen[key] not in allowed:
            raise BadInput(
                key, chosen[key] or None, f"one of {', '.join(allowed)}.{did_you_mean(chosen[key], allowed)}"
            )
    try:
        if not 0 < float(chosen["every"]) < float("inf"):
            raise ValueError
    except ValueError:
        raise BadInput("every", chosen["every"], "seconds, a number above 0") from None
    return chosen


def tracker_of(name):
    """The class that writes to ``name``. Raises BadInput where its package is missing."""
    try:
        return import_module(f"benchmarks.trackers.{name}").Tracker
    except ModuleNotFoundError as error:
        raise BadInput(
            "to",
            name,
            f"needs the package {error.name}, which is not installed: uv sync --extra tracking, or pip install {name}",
        ) from None


class Follower:
    """Looks at all runs under a root, again and again, and tells a tracker what is new."""

    def __init__(self, root, out, tracker, project):
        self.root, self.out, self.tracker, self.project = root, out, tracker, project
        self.sizes, self.open = {}, {}  # bytes of each ledger at the last look; trackers of runs that go on

    def look(self):
        """One look at every ledger that has grown."""
        for path in sorted(self.root.rglob(ledger.NAME)):
            size = path.stat().st_size
            if self.sizes.get(path) != size:
                self.sizes[path] = size
                try:
                    self.tell(path.parent)
                except Damaged as error:
                    print(f"left out: {error}", file=sys.stderr)

    def tell(self, folder):
        """What is new in one run. Raises Damaged."""
        from results.reading.events import events

        records = ledger.read(folder)
        opened = [record for record in records if record["kind"] == "open"]
        if not opened:
            return
        run_id = opened[0]["run_id"]
        memory = self.out / run_id / NAME
        written = json.loads(memory.read_bytes()) if memory.exists() else {}
        void, new = news(events(records), written)
        if new:
            if run_id not in self.open:
                self.open[run_id] = self.tracker(self.out, run_id, opened[0]["values"], self.project)
            if void is not None:
                self.open[run_id].void(void)
                written = {place: entry for place, entry in written.items() if entry[1] < void}
            self.open[run_id].write(new)
            memory.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(
                memory, json.dumps(written | {event.place: [event.what, event.step] for event in new}).encode()
            )
            print(
                f"{run_id}: {len(new)} new, {new[-1].step:,} images seen"
                + (f"; done again from {void:,} on" if void is not None else "")
            )
        if records[-1]["kind"] == "close" and run_id in self.open:
            self.open.pop(run_id).close()

    def close(self):
        for tracker in self.open.values():
            tracker.close()
        self.open.clear()


def news(found, written):
    """(step from which what was written is void, or None; [Event] to write). ``written``: {place: [what, step]}."""
    void = min((event.step for event in found if written.get(event.place, [event.what])[0] != event.what), default=None)
    return void, [event for event in found if event.place not in written or (void is not None and event.step >= void)]


if __name__ == "__main__":
    guarded(main)
