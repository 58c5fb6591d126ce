"""Fabricated run folders: real ledgers and summaries with made-up numbers, without running anything."""

import json

import numpy as np
import pandas as pd
import pytest

from dp_common.config.resolve import resolve
from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED
from dp_common.persistence.summary import wilson

IMAGES = 200  # of the fabricated test set


@pytest.fixture
def make(tmp_path):
    """``make("strategy=dp scale=2k seed=1", accuracy=0.91, ...)`` writes a run folder under tmp_path / "runs" and returns it."""

    def build(words, **changes):
        return make_run(tmp_path / "runs", words, **changes)

    build.root = tmp_path / "runs"
    return build


def make_run(
    root,
    words,
    accuracy=0.9,
    state="done",
    kept=None,
    device="cpu",
    hours=None,
    flags=True,
    values=None,
    name=None,
    monitor=None,
    summary=None,
    opened=None,
):
    """One run, with a budget of 64,000 images if the words name none.

    ``kept``: images in its final set, the scale if None; ``hours``: device hours by phase; ``flags``: per-image correctness too;
    ``values``: overrides of the resolved specification; ``name``: folder, else the run id; ``monitor``: accuracy on it, that on test if None;
    ``summary``, ``opened``: overrides of the summary (counts of work, say) and of the ledger's first line.
    """
    resolved = resolve(words.split() + ["train.seen=64k"] * ("train.seen=" not in words))
    spec, full = resolved.spec, resolved.values | (values or {})
    run_id = name or resolved.run_id
    folder = root / run_id
    folder.mkdir(parents=True)
    hits = round(accuracy * IMAGES)
    tested = {"accuracy": hits / IMAGES, "n": IMAGES, "interval": wilson(hits, IMAGES)}
    lines = [
        {
            "kind": "open",
            "run_id": run_id,
            "lost": 0.0,
            "values": full,
            "device": device,
            "devices": 1,
            "cpu": "Abacus 3000",
            **(opened or {}),
        }
    ]
    if state != "open":
        lines += [{"kind": "evaluate", "call": 1, "test": tested, "blur": tested}] if state == "done" else []
        lines += [
            {
                "kind": "close",
                "state": state,
                "why": None if state == "done" else "Interrupted: asked to stop",
                "wall": 1.0,
            }
        ]
    write_ledger(folder, lines)
    if state == "done":
        seen = round((accuracy if monitor is None else monitor) * IMAGES)
        write_summary(
            folder,
            run_id,
            spec,
            full,
            tested,
            kept or spec.scale,
            device,
            hours or {"train": 0.002, "generate": 0.001},
            {"monitor_accuracy": seen / IMAGES} | (summary or {}),
        )
        if flags:
            order = np.random.default_rng(spec.seed).permutation(IMAGES)
            both = [
                (name, row, flag)
                for name, right in (("test", hits), ("blur", hits), ("monitor", seen))
                for row, flag in enumerate(order < right)
            ]
            pd.DataFrame(both, columns=["set", "image", "correct"]).to_parquet(folder / "correct.parquet", index=False)
    return folder


def write_ledger(folder, lines):
    records = [{"n": n, "t": 1.0 + n, "attempt": 1, "spent": {}} | line for n, line in enumerate(lines)]
    (folder / ledger.NAME).write_bytes(b"".join(map(ledger.encode, records)))


def write_summary(folder, run_id, spec, values, tested, kept, device, hours, changes):
    phases = dict.fromkeys(PRICED, 0.0) | hours
    total = sum(phases.values())
    (folder / "summary.json").write_text(
        json.dumps(
            {
                "run_id": run_id,
                "state": "done",
                "strategy": spec.strategy,
                "task": spec.task,
                "teacher": spec.teacher,
                "learner": spec.learner,
                "scale": spec.scale,
                "scale_reached": kept >= spec.scale,
                "seed": spec.seed,
                "accuracy": tested["accuracy"],
                "accuracy_interval": tested["interval"],
                "shifted": {"blur": tested["accuracy"]},
                "images_generated": kept,
                "images_kept": kept,
                "images_seen": spec.train.seen,
                "iterations": spec.train.seen // spec.train.batch,
                "rounds": 0,
                "device": device,
                "devices": 1,
                "threads": 1,
                "gpu_hours": phases | {"total": None if device == "mixed" else total},
                "gpu_hours_spent": total,
                "monitor": spec.data.monitor,
                "attempts": 1,
                "values": values,
                "versions": {},
                "git": {},
                "additions": [{"call": "generate", "images": kept, "omega": 0.0}],
                "network_evaluations": 20 * kept,
                "classifier_evaluations": 0,
                "gradients": 0,
                "network_gradients": 0,
                "monitor_evaluations": 18_450,
                **changes,
            }
        )
    )
