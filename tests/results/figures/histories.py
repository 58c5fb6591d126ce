"""Fabricated histories of runs for figures: what was added when, its shards, its probe; and how figures are drawn of
them.
"""

import numpy as np
import pandas as pd

from dp_common.arrays import EncodedImages
from dp_common.persistence import ledger
from dp_common.training_data import shards
from results.analysis.study import load

CLASSES = tuple("ab")
LAW = {250: 0.4, 500: 0.2, 1000: 0.1, 2000: 0.05}  # error = 100/n


def inside(folder, lines):
    """Put lines into a fabricated ledger, before its evaluation."""
    opened, *rest = ledger.read(folder)
    records = [opened, *lines, *rest]
    records = [
        {key: value for key, value in record.items() if key != "crc"} | {"n": n} for n, record in enumerate(records)
    ]
    (folder / ledger.NAME).write_bytes(
        b"".join(ledger.encode({"t": 1.0, "attempt": 1, "spent": {}} | record) for record in records)
    )


def grown(folder, additions=3, seen=1000, omega=0.05, probe=None, with_shards=True):
    """A history: an initial set, ``additions`` more, ``seen`` images of training before each; its shards; and its
    probe. ``probe(addition, at)`` gives error, entropy and the error of those missed."""
    calls, size, position = [], 0, 0

    def call(name, args, answer, measured, added=()):
        state = {"size": size, "seen": position, "seen_total": position, "iterations": position // 10}
        calls.append(
            {
                "kind": "call",
                "call": len(calls) + 1,
                "name": name,
                "args": args,
                "digest": "",
                "answer": answer,
                "state": state,
                "added": list(added),
                "used": [member["file"] for member in added],
                "measured": measured,
            }
        )

    for addition in range(additions + 1):
        size += 8
        file = f"shard-{addition}.parquet"
        if with_shards:
            indices = np.arange(8) + 8 * addition
            pixels = [shards.encode(np.full((1, 4, 4), 10 * addition + index % 8, np.uint8)) for index in indices]
            weight = omega if addition else 0.0
            shards.write(
                folder / file,
                EncodedImages(pixels, indices, indices % 2),
                CLASSES,
                shards.Origin(seed=0, round=addition, strategy="dp", omega=weight),
            )
        call(
            "generate",
            {"omega": omega if addition else 0.0},
            8,
            {"score_at_birth": None},
            [{"file": file, "digest": "", "rows": 8}] if with_shards else [],
        )
        for step in range(2):
            position += seen // 2
            call("train", {}, 0.9, {"loss": 1.0 / (1 + addition + step), "monitor": 0.5 + 0.05 * (addition + step)})
    call("cooldown", {}, 0.9, {"loss": 0.1, "monitor": 0.95})
    if probe:
        rows = [(a, at, *probe(a, at)) for a in range(additions + 1) for at in range(additions + 2)]
        columns = dict(zip(("addition", "at", "error", "entropy", "error_missed"), map(list, zip(*rows))))
        more = {key: [0] * len(rows) for key in ("seen", "images", "loss", "missed")}
        calls.append({"kind": "probe", "call": len(calls), "additions": [], **columns, **more})
    inside(folder, calls)
    return folder


def by_law(make, words, seeds=2, factor=1.0, **changes):
    for scale, error in LAW.items():
        for seed in range(seeds):
            make(f"{words} scale={scale} seed={seed}", accuracy=1 - factor * error, **changes)


def csv_of(figure):
    return pd.read_csv(figure.paths[2])


def drawn(module, make, tmp_path, **more):
    """The figures that a module draws of the one comparison that was fabricated."""
    options = {key: more.pop(key) for key in ("eval_set", "exclude") if key in more}
    return module.draw(load(make.root).single().with_(**options), tmp_path, **more)


def theory(root):
    """A ledger of benchmarks.theory with one curve and one point of the oversampling figure."""
    place = {"figure": "accuracy-oversample", "panel": [0.01, "pool"], "series": 250, "study": "s"}
    point = {"simulated": 0.16, "se": 0.01, "repeats": 4, "limit": 0.15, "finite": 0.15, "beyond": ""}
    records = [
        {
            "kind": "open",
            "study": "s",
            "options": {"d": 350, "n": [250], "lam": [0.01], "rho": 0.9, "repeats": 4, "seed": 0},
        },
        {"kind": "curve", **place, "x": [1, 4], "error": [0.2, 0.15], "finite": [0.2, 0.15]},
        {"kind": "point", **place, "x": 4, **point},
    ]
    (root / "theory").mkdir()
    (root / "theory/theory.jsonl").write_bytes(
        b"".join(ledger.encode({"n": n, "t": 0.0, **record}) for n, record in enumerate(records))
    )


def whole_study(make):
    """Two strategies over three scales, ω at all of them, a ceiling, and at 1k what happened inside the runs."""
    for scale in (250, 500, 1000):
        for seed in range(2):
            make(f"strategy=static scale={scale} seed={seed}", accuracy=0.7 + scale / 5000)
            for omega in (0, 0.05, 0.1):
                folder = make(
                    f"strategy=dp dp.omega={omega} scale={scale} seed={seed} probe=hardness",
                    accuracy=0.8 + scale / 10000 + omega / 10,
                )
                if scale == 1000:
                    grown(folder, omega=omega, probe=lambda addition, at: (0.5, 1.0, 0.5))
    make("strategy=real scale=897", accuracy=0.95, kept=897)
    return load(make.root)
