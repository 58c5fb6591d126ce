"""Worlds in which the claims are true, false or open: folders of fabricated runs with the accuracies, histories and costs one wants."""

import json
from functools import lru_cache

import numpy as np
import pandas as pd

from dp_common.config.resolve import resolve
from dp_common.config.specification import run_id
from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED

IMAGES = 200  # of test, monitor and each shifted set
SEEDS = range(5)
NOISE = (0.0, 0.005, -0.005, 0.01, -0.01)  # of one seed's accuracies, an image or two


@lru_cache
def settled(words):
    return resolve(words.split() + ["train.seen=64k"] * ("train.seen=" not in words)).values


def run(
    root,
    words,
    seed=0,
    accuracy=0.9,
    monitor=None,
    shifted=None,
    state="done",
    kept=None,
    hours=None,
    inside=None,
    flags=True,
):
    """One run folder under ``root``; returns it. Accuracies are rounded to whole images of IMAGES. ``inside``: lines as of ``history``."""
    values = settled(words) | {"seed": seed}
    folder = root / run_id(values)
    folder.mkdir(parents=True)
    sets = {"test": accuracy, "monitor": accuracy if monitor is None else monitor, **(shifted or {})}
    hits = {name: round(value * IMAGES) for name, value in sets.items()}
    tested = {name: {"accuracy": count / IMAGES, "n": IMAGES, "interval": [0, 1]} for name, count in hits.items()}
    lines = [
        {
            "kind": "open",
            "run_id": folder.name,
            "lost": 0.0,
            "values": values,
            "device": "cpu",
            "devices": 1,
            "cpu": "Abacus 3000",
        }
    ]
    lines += [*(inside or ()), {"kind": "evaluate", "call": 99, **tested}] if state == "done" else []
    lines += [{"kind": "close", "state": state, "why": None, "wall": 1.0}]
    records = [{"n": n, "t": 1.0 + n, "attempt": 1, "spent": {}} | line for n, line in enumerate(lines)]
    (folder / ledger.NAME).write_bytes(b"".join(map(ledger.encode, records)))
    if state != "done":
        return folder
    kept = kept or values["scale"]
    phases = dict.fromkeys(PRICED, 0.0) | {"train": hours or 0.01}
    (folder / "summary.json").write_text(
        json.dumps(
            {
                "run_id": folder.name,
                "state": "done",
                **{key: values[key] for key in ("strategy", "task", "teacher", "learner", "scale", "seed")},
                "scale_reached": kept >= values["scale"],
                "accuracy": tested["test"]["accuracy"],
                "monitor_accuracy": tested["monitor"]["accuracy"],
                "shifted": {name: tested[name]["accuracy"] for name in shifted or {}},
                "images_generated": kept,
                "images_kept": kept,
                "images_seen": 64_000,
                "iterations": 500,
                "device": "cpu",
                "gpu_hours": phases | {"total": sum(phases.values())},
                "gpu_hours_spent": sum(phases.values()),
                "values": values,
                **counts(values, kept),
            }
        )
    )
    if flags:
        order = np.random.default_rng(seed).permutation(IMAGES)  # of one seed, the same images are the easy ones
        rows = [(name, image, bool(place < count)) for name, count in hits.items() for image, place in enumerate(order)]
        pd.DataFrame(rows, columns=["set", "image", "correct"]).to_parquet(folder / "correct.parquet", index=False)
    return folder


def counts(values, kept):
    """Unit counts, from which hours are re-priced: a guided arm guides three quarters of its images, pruning scores eight for one."""
    guided = round(0.75 * kept) if values.get("dp.omega") else 0
    pool = 6 * kept if values["strategy"] == "prune" else 0
    generated, steps = kept + pool, values["sampler.steps"]
    return {
        "images_generated": generated,
        "network_evaluations": steps * generated,
        "gradients": 4 * guided,
        "network_gradients": 4 * guided,
        "classifier_evaluations": pool + 4 * guided,
        "monitor_evaluations": 450 * 50,
        "additions": [{"call": "generate", "images": guided, "omega": values.get("dp.omega", 0.0)}],
    }


def runs(root, words, accuracies, noise=NOISE, seeds=SEEDS, **more):
    """A run per seed and scale: ``accuracies`` {scale: mean}; seed k has noise[k] added. What is callable among ``more`` is asked per seed."""
    for scale, accuracy in accuracies.items():
        for seed in seeds:
            run(
                root,
                f"{words} scale={scale}",
                seed,
                accuracy + noise[seed],
                **{key: value(seed, scale) if callable(value) else value for key, value in more.items()},
            )


def history(jump=0.0, rise=0.0, before=0.0, after=0.0, additions=2, probe=True, images=100):
    """Ledger lines of a run's calls and probe: the loss is 1 and ``jump`` more in the interval after an addition; monitor is ``rise`` higher at
    each addition than at the last; a batch's error is 0.4 when it comes, ``before`` and ``after`` more by the learners beside it."""
    lines, size, seen = [], 0, 0

    def call(name, answer, measured):
        lines.append(
            {
                "kind": "call",
                "call": len(lines) + 1,
                "name": name,
                "args": {},
                "answer": answer,
                "added": [],
                "used": [],
                "state": {"size": size, "seen": seen, "seen_total": seen, "iterations": seen // 10},
                "measured": measured,
            }
        )

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
            (addition, at, 0.4 + {-1: before, 1: after}.get(at - addition, 0.0), 1.0 + (at == addition) * jump)
            for addition in range(additions + 1)
            for at in range(additions + 2)
        ]
        columns = dict(zip(("addition", "at", "error", "loss"), map(list, zip(*rows))))
        more = {key: [0] * len(rows) for key in ("seen", "images", "entropy", "missed", "error_missed")}
        lines.append({"kind": "probe", "call": len(lines), "additions": [], **columns, **more})
    return lines


def theory(root, off=0.0, se=0.003, gains=(0.02, 0.03), spread=0.005, repeats=16, loops=None, again=True):
    """A ledger of the theory under ``root``: 40 points around their limit, one of them ``off`` it (a second time too, if ``again``), and the
    loop in which adaptive is gains[0] better than frozen, and frozen gains[1] better than random; ``loops`` of its ``repeats`` are there."""
    rng = np.random.default_rng(0)

    def point(x, deviation, **more):
        return {
            "kind": "point",
            "figure": "error-keep",
            "panel": [0.01],
            "series": "hard",
            "x": x,
            "limit": 0.2,
            "finite": 0.2,
            "simulated": 0.2 + deviation,
            "se": se,
            "repeats": repeats,
            "beyond": "",
            **more,
        }

    lines = [point(x, se * rng.standard_normal()) for x in range(39)] + [point(39, off)]
    lines += [point(39, off, again=True)] if off and again else []
    for pool in (2, 16):
        for seed in range(repeats if loops is None else loops):
            noise = [spread * (seed % 4 - 1.5) * sign for sign in (1, -1)]
            errors = (0.1, 0.1 + gains[0] + noise[0], 0.1 + gains[0] + noise[0] + gains[1] + noise[1])
            lines.append(
                {
                    "kind": "loop",
                    "figure": "loop",
                    "settings": {"pool": pool, "seed": seed},
                    "kept": [200, 400],
                    "generated": {arm: [200, 400] for arm in ("adaptive", "frozen", "random")},
                    "error": {arm: [0.3, error] for arm, error in zip(("adaptive", "frozen", "random"), errors)},
                }
            )
    options = {"d": 350, "n": [250, 1000], "lam": [1e-6, 0.01], "rho": 0.9, "repeats": repeats, "seed": 0}
    records = [{"kind": "open", "options": options}, *lines]
    path = root / "theory" / "theory.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(
        b"".join(ledger.encode({"n": n, "t": 1.0 + n, "study": "one"} | record) for n, record in enumerate(records))
    )


FLAT = (0.0,) * 5
ROUGH = (0.0, 0.06, -0.06, 0.05, -0.05)  # of an arm alone: its differences to others decide nothing
EITHER = (0.0, 1.0, -1.0, 0.8, -0.8)  # of what happens inside a run, likewise
TRUE = {  # accuracy by scale of every arm, noise, inside of dp and of omega=0, gain under shift, hours of dp over those of prune
    "static": (0.70, 0.74),
    "dp": (0.74, 0.82),
    "dp dp.omega=0": (0.70, 0.74),
    "dp dp.omega=0.2": 0.74,
    "prune": (0.74, 0.82),
    "prune prune.oversample=1": 0.74,
    "prune prune.oversample=32": 0.74,
    "dp dp.patience_growth=0": 0.82,
    "dp dp.new_weight=2": 0.82,
    "dp dp.feedback=first": 0.78,
    "noise": FLAT,
    "inside": ((0.4, 0.02, -0.2, -0.2), (0.1, 0.02, -0.1, -0.1)),
    "shift": 0.12,
    "cost": 0.5,
}
FALSE = {
    "static": (0.70, 0.74),
    "dp": (0.66, 0.70),
    "dp dp.omega=0": (0.75, 0.79),
    "dp dp.omega=0.2": 0.79,
    "prune": (0.66, 0.70),
    "prune prune.oversample=1": 0.66,
    "prune prune.oversample=32": 0.75,
    "dp dp.patience_growth=0": 0.70,
    "dp dp.new_weight=2": 0.76,
    "dp dp.feedback=first": 0.75,
    "noise": FLAT,
    "inside": ((0.1, -0.02, 0.1, 0.1), (0.4, 0.02, -0.1, -0.1)),
    "shift": -0.12,
    "cost": 2,
}
OPEN = {
    "static": (0.70, 0.74),
    "dp": (0.70, 0.74),
    "dp dp.omega=0": (0.70, 0.74),
    "dp dp.omega=0.2": 0.74,
    "prune": (0.74, 0.90),
    "prune prune.oversample=1": 0.86,
    "prune prune.oversample=32": 0.90,
    "dp dp.patience_growth=0": 0.74,
    "dp dp.new_weight=2": 0.74,
    "dp dp.feedback=first": 0.74,
    "noise": ROUGH,
    "inside": ((0.1, 0.02, -0.1, -0.1), (0.1, 0.02, -0.1, -0.1)),
    "shift": 0.0,
    "cost": 0.5,
}


def build(root, facts):
    """A root in which the claims are as ``facts`` (TRUE, FALSE, OPEN) say: two scales, five seeds, a UNet as the teacher."""
    rough = facts["noise"] is ROUGH
    for number, (words, accuracies) in enumerate(facts.items()):
        if words in ("noise", "inside", "shift", "cost"):
            continue
        by_scale = dict(zip((500, 1000), accuracies)) if isinstance(accuracies, tuple) else {1000: accuracies}
        noise = FLAT if words == "prune" else (facts["noise"] * 2)[number % 5 :][:5]
        more = {
            "hours": lambda seed, scale, words=words: 1e-5 * scale * (facts["cost"] if words == "dp" else 1),
            "monitor": 0.9 if words in ("dp", "prune") else 0.8,
        }
        if words in ("static", "dp"):
            more["shifted"] = lambda seed, scale, words=words: {
                name: 0.60 + (words == "dp") * (facts["shift"] + rough * EITHER[seed] * 0.08 * more)
                for name, more in (("blur", 1), ("noise", 1.2))
            }
        if words in ("dp", "dp dp.omega=0"):
            inside = facts["inside"][words != "dp"]
            more["inside"] = lambda seed, scale, words=words, inside=inside: history(
                *(one + (words == "dp") * rough * 0.1 * EITHER[seed] for one in inside)
            )
        runs(root, f"strategy={words} teacher=unet", by_scale, noise, **more)
