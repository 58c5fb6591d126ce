"""One run from start or from where it was: takes the lease, replays the strategy, evaluates, writes the summary.

The strategy runs inside the meter; the test set is only ever touched here.
"""

import errno
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from dp_common import files
from dp_common.config import registry
from dp_common.diffusion.image_sampler import ImageSampler
from dp_common.distributed import batch_share
from dp_common.distributed.ledger_replica import LedgerReplica
from dp_common.distributed.process_group import ProcessGroup, SingleProcess
from dp_common.errors import BadInput, Interrupted, LeaseLost, Problem
from dp_common.lab.lab import Lab
from dp_common.learner.classifier import Learner
from dp_common.persistence import ledger
from dp_common.persistence.lease import Lease
from dp_common.persistence.meter import Meter
from dp_common.persistence.provenance import device_label, device_named, fix_threads, provenance, waiter
from dp_common.persistence.summary import accuracy_of, summarise
from dp_common.probes import hardness as probe
from dp_common.progress import Progress
from dp_common.training_data.training_set import SETS


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
    studio: ImageSampler
    ledger: ledger.Ledger
    meter: Meter
    folder: Path
    progress: Progress
    shard: int
    every: float  # seconds between checkpoints
    stop: object  # () -> bool
    readers: int  # processes that decode images
    trainset: object
    group: ProcessGroup
    unpriced: Meter = field(default_factory=Meter)  # counts of measurements that are no part of any method
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

        with self.meter.phase("evaluate"):
            known = self.teacher.truth(floats, torch.from_numpy(labels).to(floats.device))
            return {name: float(values.double().mean()) for name, values in known.items()}


def folder_of(resolved):
    return Path(resolved.runtime.root) / resolved.run_id


def finished(folder):
    """The summary of a run that is done, else None."""
    path = Path(folder) / "summary.json"
    summary = json.loads(path.read_text()) if path.exists() else {}
    return summary if summary.get("state") == "done" else None


def execute(resolved, *, stop=lambda: False, quiet=False, started=None, group=SingleProcess()):
    """Run to the end, or go on with what is there; returns the summary. Raises Problem and its kinds.

    ``stop()`` is asked at each yield and between blocks of images; when it says yes the attempt commits and ends with
    Interrupted. ``started``: ``time.perf_counter()`` of the process's start, so that imports count as start-up. ``group``: the ranks that
    work on this run together, each of which calls this; the first one holds the lease and writes.
    """
    folder = folder_of(resolved)
    group.set_timeout(resolved.runtime.rank_timeout)
    if summary := group.broadcast(finished(folder)):
        return summary
    device = preflight(resolved, group)
    lease = None
    try:
        if group.first:
            make_folder(resolved, folder)
            lease = Lease(folder, resolved.runtime.lease_ttl)
        group.broadcast(None)  # the others wait for the lease
        return attempt(resolved, folder, device, lease, stop, quiet, started, group)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Problem(
            f"{folder}: {error.strerror}; free some space and give the same command again, it goes on from here"
        ) from error
    finally:
        if lease:
            lease.release()


def preflight(resolved, group=SingleProcess()):
    """Load the task and the teacher and find the bad input that takes torch to find, before anything is written."""
    from dp_common.learner.classifier import check_fits

    spec = resolved.spec
    fix_threads(spec.threads)
    device = device_named(resolved.runtime.device, group.local)
    batch_share.check(spec.train, group.size)
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


def attempt(resolved, folder, device, lease, stop, quiet, started, group):
    if summary := group.broadcast(finished(folder)):  # done by another process while we waited for the lease
        return summary
    group.connect(device)
    synchronise, labels = waiter(device), [label.decode() for label in group.all_gather(device_label(device).encode())]
    meter = Meter(group.size, synchronise, started=started)
    if not group.first:
        return follow(resolved, folder, device, meter, stop, group)
    files.remove_temporaries(folder)
    book = ledger.Ledger(folder, resolved.run_id, lease.check, meter.snapshot_and_reset, group.publish)
    group.on_forced_exit(lambda error: cut_off(book, meter, error))
    group.broadcast(book.records)
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
        summary = work(resolved, folder, book, meter, device, stop, quiet, group)
        book.append("close", state="done", wall=round(meter.wall(), 6))
        summary = summarise(book.records, resolved, summary)
        lease.check()
        files.write_atomic(folder / "summary.json", json.dumps(summary, indent=1).encode())
        return group.broadcast(summary)
    except LeaseLost:
        raise
    except Exception as raised:
        error = group.root_cause(raised)
        state = "interrupted" if isinstance(error, Interrupted) else "failed"
        try:
            book.append("close", state=state, why=f"{type(error).__name__}: {error}", wall=round(meter.wall(), 6))
        except (OSError, LeaseLost):
            pass  # a full disk is what brought us here, or the run is another's now: the error that counts is raised below
        raise error from (raised if error is not raised else raised.__cause__)
    finally:
        book.close()


def cut_off(book, meter, error):
    """The last line of an attempt whose work hangs because another rank is gone; the device is not waited for, it hangs too."""
    meter.synchronise = lambda: None
    book.last_line("close", state="failed", why=f"{type(error).__name__}: {error}", wall=round(meter.wall(), 6))


def follow(resolved, folder, device, meter, stop, group):
    """The attempt on another rank than the first: the same work, and the first one's word for what is in the ledger."""
    book = LedgerReplica(group, group.broadcast(None))
    book.append("open")
    try:
        work(resolved, folder, book, meter, device, stop, True, group)
        return group.broadcast(None)
    except Exception as error:
        raise group.root_cause(error) from error


def work(resolved, folder, book, meter, device, stop, quiet, group):
    """The strategy from its first call to the final evaluation; returns what only this attempt knows of the result."""
    spec, task, teacher = resolved.spec, resolved.task, resolved.teacher
    monitor = task.test if spec.data.monitor == "paper" else task.monitor
    learner, readers = Learner(spec, task, device, resolved.runtime.readers, group), resolved.runtime.readers
    bench = Bench(
        spec,
        resolved.budget,
        teacher,
        task.classes,
        task.train,
        monitor,
        learner,
        ImageSampler(spec, teacher, device, meter),
        book,
        meter,
        folder,
        Progress(resolved.budget, quiet=quiet),
        resolved.runtime.shard,
        resolved.runtime.checkpoint_every,
        stop,
        readers,
        SETS[spec.train.order](),
        group,
    )
    lab = Lab(bench)
    meter.switch("idle")
    for _event in resolved.strategy.run(lab):
        lab.at_yield(lambda call: evaluate(bench, task, call) if spec.evaluate == "curve" else None)
    lab.finish()
    if book.writes and spec.probe != "none":
        probe.measure(bench, lab.calls)
    correct = evaluate(bench, task, lab.calls)
    if book.writes:
        with meter.phase("write"):
            save_correctness(folder / "correct.parquet", correct)
    return {"store_digest": bench.trainset.digest()}


def evaluate(bench, task, call):
    """Accuracy on test and the shifted sets, into the ledger; returns per-image correctness by set."""
    with bench.meter.phase("evaluate"):
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
