"""One run from start or from where it was: takes the lease, replays the strategy, evaluates, writes the summary.

The strategy runs inside the meter; the test set is only ever touched here.
"""

import errno
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from dp_common import files, ledger, probe, registry
from dp_common.clock import Clock
from dp_common.errors import BadInput, Interrupted, LeaseLost, Problem
from dp_common.feed import share
from dp_common.generation import Studio
from dp_common.lab import Lab
from dp_common.learner import Learner
from dp_common.lease import Lease
from dp_common.progress import Progress
from dp_common.provenance import device_label, device_named, fix_threads, provenance, waiter
from dp_common.ranks import Mirror, Ranks
from dp_common.spec import PAIRS
from dp_common.summary import accuracy_of, summarise
from dp_common.trainset import SETS


@dataclass
class Bench:
    """What the lab works with. No test set in it."""

    spec: object
    budget: object
    teacher: object
    classes: list
    real: object  # Split: the teacher's training images
    monitor: object  # Split
    learner: Learner
    studio: Studio
    ledger: ledger.Ledger
    clock: Clock
    folder: Path
    progress: Progress
    shard: int
    every: float  # seconds between checkpoints
    stop: object  # () -> bool
    readers: int  # processes that decode images
    trainset: object
    world: Ranks
    unpriced: Clock = field(default_factory=Clock)  # counts of measurements that are no part of any method
    saved: float = field(default_factory=time.monotonic)

    def due(self):
        """Is it time to checkpoint? True once per ``every`` seconds."""
        if time.monotonic() - self.saved < self.every:
            return False
        self.saved = time.monotonic()
        return True

    def truth(self, floats, labels):
        """Means of what a teacher with a known density says of fresh images, before clamping and encoding; else {}."""
        if not hasattr(self.teacher, "truth"):
            return {}
        import torch

        with self.clock.phase("evaluate"):
            known = self.teacher.truth(floats, torch.from_numpy(labels).to(floats.device))
            return {name: float(values.double().mean()) for name, values in known.items()}


def folder_of(resolved):
    return Path(resolved.runtime.root) / resolved.run_id


def finished(folder):
    """The summary of a run that is done, else None."""
    path = Path(folder) / "summary.json"
    summary = json.loads(path.read_text()) if path.exists() else {}
    return summary if summary.get("state") == "done" else None


def execute(resolved, *, stop=lambda: False, quiet=False, started=None, world=Ranks()):
    """Run to the end, or go on with what is there; returns the summary. Raises Problem and its kinds.

    ``stop()`` is asked at each yield and between blocks of images; when it says yes the attempt commits and ends with
    Interrupted. ``started``: ``time.perf_counter()`` of the process's start, so that imports count as start-up. ``world``: the ranks that
    work on this run together, each of which calls this; the first one holds the lease and writes.
    """
    folder, world.timeout = folder_of(resolved), resolved.runtime.rank_timeout
    if summary := world.decide(finished(folder)):
        return summary
    device = preflight(resolved, world)
    lease = None
    try:
        if world.first:
            make_folder(resolved, folder)
            lease = Lease(folder, resolved.runtime.lease_ttl)
        world.decide(None)  # the others wait for the lease
        return attempt(resolved, folder, device, lease, stop, quiet, started, world)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Problem(
            f"{folder}: {error.strerror}; free some space and give the same command again, it goes on from here"
        ) from error
    finally:
        if lease:
            lease.release()


def preflight(resolved, world=Ranks()):
    """Load the task and the teacher and find the bad input that takes torch to find, before anything is written."""
    from dp_common.learner import check_fits

    spec = resolved.spec
    fix_threads(spec.threads)
    device = device_named(resolved.runtime.device, world.local)
    if any(start == stop for start, stop in (share(spec.train, rank, world.size) for rank in range(world.size))):
        mixing = f", in blocks of {PAIRS} where images are mixed" if spec.train.mixup or spec.train.cutmix else ""
        raise BadInput("train.batch", spec.train.batch, f"large enough for {world.size} ranks{mixing}")
    resolved.task.load(spec.data.split)
    check_fits(spec.learner, spec.train.model_args, resolved.task.shape, len(resolved.task.classes))
    for key, name, guides in resolved.scores:
        if getattr(registry.find("score", name, key).load(), "BLIND", False) and guides:
            raise BadInput(key, name, "a score that looks at the learner: this one has no gradient to follow")
    probe.check(spec, resolved.teacher)
    resolved.teacher.prepare(resolved.task, device)
    return device


def make_folder(resolved, folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / ".writable"
        trial.touch()
        trial.unlink()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Problem(f"{folder}: {error.strerror}") from error
        raise BadInput("root", resolved.runtime.root, f"cannot write there: {error.strerror}") from error


def attempt(resolved, folder, device, lease, stop, quiet, started, world):
    if summary := world.decide(finished(folder)):  # done by another process while we waited for the lease
        return summary
    world.connect(device)
    synchronise, labels = waiter(device), [label.decode() for label in world.gather(device_label(device).encode())]
    clock = Clock(world.size, synchronise, started=started)
    if not world.first:
        return follow(resolved, folder, device, clock, stop, world)
    files.remove_temporaries(folder)
    book = ledger.Ledger(folder, resolved.run_id, lease.check, clock.take, world.publish)
    world.before_the_end(lambda error: cut_off(book, clock, error))
    world.decide(book.records)
    if not (folder / "spec.yaml").exists():
        files.write_atomic(folder / "spec.yaml", ledger.spec_text(resolved).encode())
    lost = max(0.0, lease.last_beat - book.records[-1]["t"]) if lease.last_beat and book.records else 0.0
    book.append(
        "open",
        run_id=resolved.run_id,
        lost=round(lost, 3),
        values=resolved.values,
        fingerprints=resolved.fingerprints,
        words=resolved.words,
        places=resolved.places,
        **provenance(labels),
    )
    try:
        summary = work(resolved, folder, book, clock, device, stop, quiet, world)
        book.append("close", state="done", wall=round(clock.wall(), 6))
        summary = summarise(book.records, resolved, summary)
        lease.check()
        files.write_atomic(folder / "summary.json", json.dumps(summary, indent=1).encode())
        return world.decide(summary)
    except LeaseLost:
        raise
    except Exception as raised:
        error = world.cause(raised)
        state = "interrupted" if isinstance(error, Interrupted) else "failed"
        try:
            book.append("close", state=state, why=f"{type(error).__name__}: {error}", wall=round(clock.wall(), 6))
        except (OSError, LeaseLost):
            pass  # a full disk is what brought us here, or the run is another's now: the error that counts is raised below
        raise error from (raised if error is not raised else raised.__cause__)
    finally:
        book.close()


def cut_off(book, clock, error):
    """The last line of an attempt whose work hangs because another rank is gone; the device is not waited for, it hangs too."""
    clock.synchronise = lambda: None
    book.last_line("close", state="failed", why=f"{type(error).__name__}: {error}", wall=round(clock.wall(), 6))


def follow(resolved, folder, device, clock, stop, world):
    """The attempt on another rank than the first: the same work, and the first one's word for what is in the ledger."""
    book = Mirror(world, world.decide(None))
    book.append("open")
    try:
        work(resolved, folder, book, clock, device, stop, True, world)
        return world.decide(None)
    except Exception as error:
        raise world.cause(error) from error


def work(resolved, folder, book, clock, device, stop, quiet, world):
    """The strategy from its first call to the final evaluation; returns what only this attempt knows of the result."""
    spec, task, teacher = resolved.spec, resolved.task, resolved.teacher
    monitor = task.test if spec.data.monitor == "paper" else task.monitor
    learner, readers = Learner(spec, task, device, resolved.runtime.readers, world), resolved.runtime.readers
    bench = Bench(
        spec,
        resolved.budget,
        teacher,
        task.classes,
        task.train,
        monitor,
        learner,
        Studio(spec, teacher, device, clock),
        book,
        clock,
        folder,
        Progress(resolved.budget, quiet=quiet),
        resolved.runtime.shard,
        resolved.runtime.checkpoint_every,
        stop,
        readers,
        SETS[spec.train.order](),
        world,
    )
    lab = Lab(bench)
    clock.switch("idle")
    for _event in resolved.strategy.run(lab):
        lab.at_yield(lambda call: evaluate(bench, task, call) if spec.evaluate == "curve" else None)
    lab.finish()
    if book.writes and spec.probe != "none":
        probe.measure(bench, lab.calls)
    correct = evaluate(bench, task, lab.calls)
    if book.writes:
        with clock.phase("write"):
            save_correctness(folder / "correct.parquet", correct)
    return {"store_digest": bench.trainset.digest()}


def evaluate(bench, task, call):
    """Accuracy on test and the shifted sets, into the ledger; returns per-image correctness by set."""
    with bench.clock.phase("evaluate"):
        sets = {"test": task.test, "monitor": bench.monitor, **task.shifted}
        correct = {name: bench.learner.correct(split) for name, split in sets.items()}
        bench.ledger.append("evaluate", call=call, **{name: accuracy_of(flags) for name, flags in correct.items()})
    return correct


def save_correctness(path, correct):
    """Which real images the final learner got right, for paired tests: columns set, image, correct."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "set": [name for name, flags in correct.items() for _ in flags],
            "image": [row for flags in correct.values() for row in range(len(flags))],
            "correct": [bool(flag) for flags in correct.values() for flag in flags],
        }
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    files.write_atomic(path, buffer.getvalue())
