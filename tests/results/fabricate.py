"""Fabricated run folders: real ledgers, summaries and per-image correctness with made-up numbers, without running
anything.

``run`` writes one folder, ``history`` the lines of what happened inside a run. All tests of results use
these; what a run was resolved to is asked once for all of its seeds.
"""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dp_common.config.resolve import Resolved, resolve
from dp_common.config.specification import canonical, short
from dp_common.files import digest
from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED
from dp_common.persistence.summary import wilson

IMAGES = 200  # of test, monitor and each shifted set
SEEDS = range(5)
NOISE = (0.0, 0.005, -0.005, 0.01, -0.01)  # of one seed's accuracies, an image or two
HOURS = {"train": 0.002, "generate": 0.001}  # device hours by phase

resolved = lru_cache(maxsize=None)(lambda words: resolve(words.split()))
interval = lru_cache(maxsize=None)(lambda hits: wilson(hits, IMAGES))


def run(
    root: Path,
    words: str,
    accuracy: float = 0.9,
    *,
    seed: int | None = None,
    monitor: float | None = None,
    shifted: Mapping[str, float] | None = None,
    state: str = "done",
    kept: int | None = None,
    device: str = "cpu",
    hours: Mapping[str, float] | None = None,
    inside: Sequence[Mapping[str, Any]] = (),
    flags: bool = True,
    values: Mapping[str, Any] | None = None,
    name: str | None = None,
    summary: Mapping[str, Any] | None = None,
    opened: Mapping[str, Any] | None = None,
    without: Sequence[str] = (),
    chosen: bool = True,
) -> Path:
    """One run folder under ``root``, with a budget of 64,000 images if the words name none.

    Args:
        root: where the folder is made.
        words: overrides, as typed.
        accuracy: on test; rounded to whole images of IMAGES, as all accuracies are.
        seed: in place of what the words say; cheaper for many, and the run's id is then made up.
        monitor: accuracy on it; that on test if None.
        shifted: accuracies on shifted sets; blur, with that on test, if None.
        state: done, or that of the last line; open has no last line.
        kept: images in its final set; the scale if None.
        device: of all its attempts.
        hours: device hours by phase.
        inside: lines between the first and the evaluation, as ``history`` makes them.
        flags: per-image correctness too.
        values: changes of the resolved specification.
        name: of the folder and the run, else its id.
        summary: changes of the summary, counts of work for example.
        opened: changes of the ledger's first line.
        without: keys that the run does not have, as before they came.
        chosen: whether the ledger says what was chosen; old ones do not.
    """
    plan = resolved(words + " train.seen=64k" * ("train.seen=" not in words))
    full = plan.values | ({} if seed is None else {"seed": seed}) | (values or {})
    full = {key: value for key, value in full.items() if key not in without}
    run_id = name or (plan.run_id if seed is None else made_up_id(full, plan))
    folder = root / run_id
    folder.mkdir(parents=True)
    by_set = {"test": accuracy, "monitor": accuracy if monitor is None else monitor}
    by_set |= {"blur": accuracy} if shifted is None else shifted
    hits = {real_set: round(value * IMAGES) for real_set, value in by_set.items()}
    said = {"chosen": plan.chosen | ({} if seed is None else {"seed": {"value": seed, "source": "command line"}})}
    first = {"kind": "open", "run_id": run_id, "lost": 0.0, "values": full, **(said if chosen else {})}
    first |= {"device": device, "devices": 1, "cpu": "Abacus 3000", **(opened or {})}
    lines: list[Mapping[str, Any]] = [first]
    if state == "done":
        tested = looked_at(hits, summary or {})
        lines += [*inside, {"kind": "evaluate", "call": 99, **tested}]
    if state != "open":
        why = None if state == "done" else "Interrupted: asked to stop"
        lines.append({"kind": "close", "state": state, "why": why, "wall": 1.0})
    write_ledger(folder, lines)
    if state == "done":
        whole = summarise(run_id, full, hits, kept or full["scale"], device, hours or HOURS)
        whole |= {"values": full, **(said if chosen else {}), **(summary or {})}
        (folder / "summary.json").write_text(json.dumps(whole))
        if flags:
            write_flags(folder, full["seed"], hits)
    return folder


def made_up_id(values: Mapping[str, Any], plan: Resolved) -> str:
    """An id of a run, different for different values."""
    end = digest(canonical({**values, "fingerprints": plan.fingerprints}))[:10]
    return f"{values['task']}-{values['strategy']}-{short(values['scale'])}-s{values['seed']}-{end}"


def looked_at(hits: Mapping[str, int], summary: Mapping[str, Any]) -> dict[str, Any]:
    """{set: accuracy} of the last look at each set, with those sets that changes of a summary speak of."""
    tested = {name: {"accuracy": n / IMAGES, "n": IMAGES, "interval": interval(n)} for name, n in hits.items()}
    if "shifted" in summary:
        tested = {name: value for name, value in tested.items() if name in ("test", "monitor")}
    others = dict(summary.get("shifted", {}))
    if summary.get("population") is not None:
        others["population"] = summary["population"]
    sizes = {"population": summary.get("population_images", 0)}
    return tested | {
        name: {"accuracy": value, "n": sizes.get(name, IMAGES), "interval": [0.0, 1.0]}
        for name, value in others.items()
    }


def write_ledger(folder: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """A ledger of one attempt."""
    records = [{"n": n, "t": 1.0 + n, "attempt": 1, "spent": {}, **line} for n, line in enumerate(lines)]
    (folder / ledger.NAME).write_bytes(b"".join(map(ledger.encode, records)))


def write_flags(folder: Path, seed: int, hits: Mapping[str, int]) -> None:
    """Per-image correctness: of one seed, the same images are the easy ones."""
    order = np.random.default_rng(seed).permutation(IMAGES)
    parts = [{"set": name, "image": np.arange(IMAGES), "correct": order < count} for name, count in hits.items()]
    pd.concat(map(pd.DataFrame, parts)).to_parquet(folder / "correct.parquet", index=False)


def summarise(
    run_id: str, values: Mapping[str, Any], hits: Mapping[str, int], kept: int, device: str, hours: Mapping[str, float]
) -> dict[str, Any]:
    """The summary of a finished run that generated plain images only."""
    phases = dict.fromkeys(PRICED, 0.0) | dict(hours)
    total = sum(phases.values())
    return {
        "run_id": run_id,
        "state": "done",
        **{key: values[key] for key in ("strategy", "task", "teacher", "learner", "scale", "seed")},
        "scale_reached": kept >= values["scale"],
        "accuracy": hits["test"] / IMAGES,
        "accuracy_interval": interval(hits["test"]),
        "monitor_accuracy": hits["monitor"] / IMAGES,
        "shifted": {name: count / IMAGES for name, count in hits.items() if name not in ("test", "monitor")},
        "images_generated": kept,
        "images_kept": kept,
        "images_seen": values["train.seen"],
        "iterations": values["train.seen"] // values["train.batch"],
        "rounds": 0,
        "device": device,
        "devices": 1,
        "threads": 1,
        "gpu_hours": phases | {"total": None if device == "mixed" else total},
        "gpu_hours_spent": total,
        "monitor": values["data.monitor"],
        "attempts": 1,
        "versions": {},
        "git": {},
        "additions": [{"call": "generate", "images": kept, "omega": 0.0}],
        "network_evaluations": 20 * kept,
        "classifier_evaluations": 0,
        "gradients": 0,
        "network_gradients": 0,
        "monitor_evaluations": 18_450,
    }


def history(
    jump: float = 0.0,
    rise: float = 0.0,
    before: float = 0.0,
    after: float = 0.0,
    additions: int = 2,
    probe: bool = True,
    images: int = 100,
    error: float = 0.4,
) -> list[dict[str, Any]]:
    """Ledger lines of a run's calls and probe.

    Args:
        jump: the loss is 1, and this much more in the interval after an addition.
        rise: monitor is this much higher at each addition than at the last.
        before: a batch's error is ``error`` when it comes, and this much more by the learner of the addition before.
        after: the same by the learner of the addition after.
        additions: how many, after the initial set.
        probe: whether hardness was measured.
        images: of an addition.
        error: of a batch when it comes.
    """
    lines: list[dict[str, Any]] = []
    size, seen = 0, 0

    def call(name: str, answer: float, measured: Mapping[str, float]) -> None:
        state = {"size": size, "seen": seen, "seen_total": seen, "iterations": seen // 10}
        line = {
            "kind": "call",
            "call": len(lines) + 1,
            "name": name,
            "args": {},
            "answer": answer,
            "added": [],
            "used": [],
        }
        lines.append({**line, "state": state, "measured": measured})

    for addition in range(additions + 1):
        size += images
        call("generate", images, {})
        for step in range(2):
            seen += 1000
            call("train", 0.0, {"loss": 1.0 + jump * (addition > 0 and step == 0), "monitor": 0.8 + rise * addition})
    seen += 1000
    call("cooldown", 0.0, {"loss": 0.2, "monitor": 0.99})
    if probe:
        rows = [
            (addition, at, error + {-1: before, 1: after}.get(at - addition, 0.0), 1.0 + (at == addition) * jump)
            for addition in range(additions + 1)
            for at in range(additions + 2)
        ]
        columns = dict(zip(("addition", "at", "error", "loss"), map(list, zip(*rows))))
        others = {key: [0] * len(rows) for key in ("seen", "images", "entropy", "missed", "error_missed")}
        lines.append({"kind": "probe", "call": len(lines), "additions": [], **columns, **others})
    return lines


def maker(root):
    """``make(words, accuracy, ...)``: a run under ``make.root``, which is ``root``."""

    def build(words, accuracy=0.9, **changes):
        return run(build.root, words, accuracy, **changes)

    build.root = root
    return build
