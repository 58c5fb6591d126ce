"""One attempt at a run: on the first rank with the ledger, on the others by its replica; the same work on all.

The strategy runs inside the meter.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dp_common import device as devices
from dp_common import files
from dp_common.config.resolve import Resolved
from dp_common.diffusion.guidance_step import Chunk
from dp_common.diffusion.image_sampler import ImageSampler
from dp_common.distributed.ledger_replica import LedgerReplica
from dp_common.distributed.process_group import ProcessGroup
from dp_common.errors import Interrupted, LeaseLost, Problem
from dp_common.lab import guidance_trial
from dp_common.lab.context import CheckpointTimer, Data, Models, RunContext
from dp_common.lab.evaluation import evaluate, save_correctness
from dp_common.lab.lab import Lab
from dp_common.lab.pooled import pool_of
from dp_common.lab.population import population
from dp_common.lab.replay import Replay
from dp_common.lab.score_sources import snapshots_kept
from dp_common.learner.classifier import Learner
from dp_common.learner.trial import images_per_second
from dp_common.persistence import checkpoint
from dp_common.persistence.background import Background
from dp_common.persistence.lease import Lease
from dp_common.persistence.ledger import AnyLedger, Ledger, spec_text
from dp_common.persistence.meter import Meter
from dp_common.persistence.provenance import provenance
from dp_common.persistence.run_io import RunIO
from dp_common.persistence.summary import summarise
from dp_common.probes import hardness
from dp_common.progress import Progress, doing
from dp_common.real_images.splits import LazySplit
from dp_common.training_data.block_set import BlockSet
from dp_common.training_data.training_set import TrainingSet, TrainSet

ORDERS: dict[str, Callable[[], TrainingSet]] = {"uniform": TrainSet, "block": BlockSet}


@dataclass(frozen=True)
class Attempt:
    """What one process brings to an attempt at a run."""

    resolved: Resolved
    folder: Path
    device: Any  # torch.device
    group: ProcessGroup  # the ranks that work on it together
    meter: Meter
    stop: Callable[[], bool]  # has it been asked to end?
    quiet: bool = False


def lead(attempt: Attempt, lease: Lease, labels: list[str]) -> dict[str, Any]:
    """The attempt on the first rank, which writes; returns the summary.

    Args:
        attempt: What is brought to it.
        lease: On the run's folder, held.
        labels: Of the devices of all ranks.

    Raises:
        Problem: And its kinds; what went wrong is in the ledger by then, unless the run is another's now.
    """
    resolved, folder, group, meter = attempt.resolved, attempt.folder, attempt.group, attempt.meter
    files.remove_temporaries(folder)
    ledger = Ledger(folder, resolved.run_id, lease.check, meter.snapshot_and_reset, group.publish)
    group.on_forced_exit(lambda error: cut_off(ledger, meter, error))
    group.broadcast(ledger.records)
    if not (folder / "spec.yaml").exists():
        files.write_atomic(folder / "spec.yaml", spec_text(resolved).encode())
    open_line(ledger, attempt, lease, labels)
    try:
        extra = work(attempt, ledger)
        peaks = devices.peaks_gib(attempt.device)
        ledger.append("close", state="done", wall=round(meter.wall(), 6), peaks_gib=peaks)
        summary = summarise(ledger.records, resolved, extra)
        lease.check()
        checkpoint.remove_states(folder, float("inf"))
        files.write_atomic(folder / "summary.json", json.dumps(summary, indent=1).encode())
        return group.broadcast(summary)
    except LeaseLost:
        raise
    except Exception as raised:
        error = group.root_cause(raised)
        state = "interrupted" if isinstance(error, Interrupted) else "failed"
        try:
            ledger.append("close", state=state, why=f"{type(error).__name__}: {error}", wall=round(meter.wall(), 6))
        except (OSError, LeaseLost):
            pass  # a full disk brought us here, or the run is another's now: the error that counts is raised below
        raise error from (raised if error is not raised else raised.__cause__)
    finally:
        ledger.close()


def open_line(ledger: Ledger, attempt: Attempt, lease: Lease, labels: list[str]) -> None:
    """The first line of an attempt: what is run, on what, and the seconds that a killed one before it lost."""
    resolved, pool = attempt.resolved, pool_of(attempt.resolved, attempt.device)
    lost = max(0.0, lease.last_beat - ledger.records[-1]["t"]) if lease.last_beat and ledger.records else 0.0
    ledger.append(
        "open",
        run_id=resolved.run_id,
        lost=round(lost, 3),
        values=resolved.values,
        chosen=resolved.chosen,
        fingerprints=resolved.fingerprints,
        words=resolved.words,
        places=resolved.places,
        **({"pool": pool.key} if pool else {}),
        **provenance(labels, devices.versions(attempt.device)),
    )


def cut_off(ledger: Ledger, meter: Meter, error: Exception) -> None:
    """The last line of an attempt whose work hangs because another rank is gone.

    The device hangs too and is not waited for.
    """
    meter.synchronise = no_wait
    ledger.last_line("close", state="failed", why=f"{type(error).__name__}: {error}", wall=round(meter.wall(), 6))


def no_wait() -> None:
    """Instead of waiting for a device."""


def follow(attempt: Attempt) -> dict[str, Any]:
    """The attempt on another rank than the first: the same work, and the first one's word for what is in the ledger."""
    ledger = LedgerReplica(attempt.group, attempt.group.broadcast(None))
    ledger.append("open")
    try:
        work(attempt, ledger)
        return attempt.group.broadcast(None)
    except Exception as error:
        raise attempt.group.root_cause(error) from error


def context_of(attempt: Attempt, ledger: AnyLedger) -> RunContext:
    """What the lab works with: a fresh learner, an empty training set."""
    resolved, task, meter = attempt.resolved, attempt.resolved.task, attempt.meter
    spec, runtime = resolved.spec, resolved.runtime
    monitor = task.test if spec.data.monitor == "paper" else task.monitor
    often = {"monitor": monitor}
    if spec.evaluate == "curve":
        often |= {"test": task.test, **task.shifted}
    for name, split in often.items():
        if isinstance(split, LazySplit):
            split.keep(runtime.decoded, name, task.shape, says=attempt.group.first)
    learner = Learner(spec, task, attempt.device, runtime.readers, attempt.group)
    progress = Progress(resolved.budget, quiet=attempt.quiet)
    sampler = ImageSampler(spec, resolved.teacher, attempt.device, meter, Chunk(runtime.guidance_chunk, progress.say))
    return RunContext(
        spec,
        resolved.budget,
        runtime,
        RunIO(
            ledger,
            attempt.folder,
            meter,
            progress,
            attempt.stop,
            Background(threaded=attempt.device.type != "cpu"),  # on a CPU the one that samples would share its cores
        ),
        Models(learner, sampler),
        Data(list(task.classes), task.train, monitor, ORDERS[spec.train.order]()),
        attempt.group,
        CheckpointTimer(runtime.checkpoint_every),
        snapshots_kept(attempt.resolved),
        pool_of(resolved, attempt.device),
    )


def announce(attempt: Attempt, run: RunContext) -> None:
    """Say how long this is going to take, by a few iterations of a copy of the learner."""
    with doing(f"timing learner={attempt.resolved.spec.learner}"):
        rate = images_per_second(run.models.learner, devices.synchroniser(attempt.device)) * attempt.group.size
    planned = {"generated": run.budget.scale, "guided": 0, **attempt.resolved.strategy.planned_work(run.budget)}
    run.io.progress.expect(rate, planned["generated"] + planned["guided"])


def work(attempt: Attempt, ledger: AnyLedger) -> dict[str, Any]:
    """The strategy from its first call to the final evaluation; returns what only this attempt knows of the result."""
    run, task, spec = context_of(attempt, ledger), attempt.resolved.task, attempt.resolved.spec
    if not attempt.quiet:
        announce(attempt, run)
    replay = Replay(run)
    replay.begin()
    guidance = attempt.resolved.strategy.planned_guidance()
    guidance_trial.try_guidance(run, guidance)
    attempt.meter.switch("idle")
    steps = attempt.resolved.strategy.run(Lab(replay))
    if not isinstance(steps, Iterator):
        raise Problem(f"strategy={spec.strategy}: run(lab) must yield after each step; dp_common.contracts.Strategy")
    for _event in steps:
        replay.at_yield(lambda call: evaluate(run, task, call) if spec.evaluate == "curve" else None)
    replay.state.require_spent(attempt.resolved.budget)
    replay.finish()
    if ledger.writes and spec.probe != "none":
        with doing(f"measuring probe={spec.probe}"):
            hardness.measure(run.io, run.models.teacher, run.models.learner, replay.calls)
    with doing("the final evaluation"):
        with attempt.meter.phase("evaluate"):
            held_out = population(run, attempt.resolved, attempt.folder)
        correct = evaluate(run, task, replay.calls, held_out)
    if ledger.writes:
        with attempt.meter.phase("write"):
            save_correctness(attempt.folder / "correct.parquet", correct)
    return {"store_digest": run.data.training_set.digest()}
