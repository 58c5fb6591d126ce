"""Training while it runs: loss, accuracy, additions and hours of every run, to TensorBoard or W&B.

    python -m benchmarks.follow [root] to=tensorboard     until Ctrl-C; tensorboard --logdir <root>/tensorboard shows it
    WANDB_MODE=offline python -m benchmarks.follow results/runs to=wandb --once

It reads ledgers and nothing else, so it can begin at any time, also long after the runs, on another machine, and stop
and go on: what it has written (followed.json per run says what) it does not write again. Nothing reads what it
writes; tables, figures and claims come from ledgers. Steps are images seen. Trackers need their package: uv sync
--extra tracking.

What is written: train/loss (mean since the last point), monitor/accuracy, set/size, set/generated; of additions their
number, images, score_at_birth and, where the teacher's density is known, true_label and log_density;
hours_spent/<phase> and /total of all attempts so far; test/accuracy, population/accuracy and shifted/<set> at the end.
After an interruption calls are done again: where they come out otherwise (on a GPU they may), TensorBoard drops what it
had from there on, and W&B shows both.
"""

import json
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import cli, folders
from dp_common.config.options import option
from dp_common.config.specification import Runtime
from dp_common.errors import BadInput, Damaged
from dp_common.files import write_atomic
from dp_common.persistence import ledger

NAME = "followed.json"


def trackers() -> list[str]:
    """What ``to=`` may be: the files of trackers/."""
    return folders.names("benchmarks.trackers")


@dataclass
class Options:
    """Keys of this application."""

    to: str = option("", "the tracker to write to", choices=trackers)
    root: str = option(Runtime.root, "folder of runs, at any depth", positional=True, place=True)
    out: str = option("", "folder to write to", place=True, shown="<root>/<to>")
    once: bool = option(False, "write what there is and end")
    every: float = option(10.0, "seconds between two looks", above=0)
    project: str = option("deliberate-practice-bench", "of wandb")


def main(argv: list[str]) -> int:
    """Follow the runs until it is told to stop, or once; returns the exit code."""
    options = cli.parse(argv, Options, __doc__)
    if not options.to:
        raise BadInput("to", None, f"needed: one of {', '.join(trackers())}")
    root = cli.existing_folder("root", options.root)
    out = Path(options.out) if options.out else root / options.to
    tracker = tracker_of(options.to)
    follower = Follower(root, cli.writable_folder("out", out), tracker, options.project)
    try:
        while True:
            follower.look()
            if options.once:
                break
            time.sleep(options.every)
    finally:
        follower.close()
    return 0


def tracker_of(name: str) -> type:
    """The class that writes to ``name``. Raises BadInput where its package is missing."""
    try:
        return import_module(f"benchmarks.trackers.{name}").Tracker
    except ModuleNotFoundError as error:
        need = (
            f"needs the package {error.name}, which is not installed: uv sync --extra tracking, or pip install {name}"
        )
        raise BadInput("to", name, need) from None


class Follower:
    """Looks at all runs under a root, again and again, and tells a tracker what is new."""

    def __init__(self, root: Path, out: Path, tracker: type, project: str) -> None:
        self.root, self.out, self.tracker, self.project = root, out, tracker, project
        self.sizes: dict[Path, int] = {}  # bytes of each ledger at the last look
        self.open: dict[str, Any] = {}  # trackers of runs that go on

    def look(self) -> None:
        """One look at every ledger that has grown."""
        for path in sorted(self.root.rglob(ledger.NAME)):
            size = path.stat().st_size
            if self.sizes.get(path) != size:
                self.sizes[path] = size
                try:
                    self.follow(path.parent)
                except Damaged as error:
                    print(f"left out: {error}", file=sys.stderr)

    def follow(self, folder: Path) -> None:
        """Write what is new in one run. Raises Damaged."""
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

    def close(self) -> None:
        """Close every tracker."""
        for tracker in self.open.values():
            tracker.close()
        self.open.clear()


def news(found: list[Any], written: dict[str, list[Any]]) -> tuple[int | None, list[Any]]:
    """What a tracker is to be told.

    Args:
        found: the events of a run.
        written: {event.place: [event.what, event.step]} of what it was told before.

    Returns:
        (step from which what was written is void, or None; events to write).
    """
    void = min((event.step for event in found if written.get(event.place, [event.what])[0] != event.what), default=None)
    return void, [event for event in found if event.place not in written or (void is not None and event.step >= void)]


if __name__ == "__main__":
    cli.guarded(main)
