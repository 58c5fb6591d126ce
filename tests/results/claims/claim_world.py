"""Worlds in which the claims are true, false or open: folders of fabricated runs with the accuracies, histories and
costs one wants.
"""

from pathlib import Path
from typing import Any

import numpy as np

from dp_common.persistence import ledger
from tests.results import fabricate
from tests.results.fabricate import IMAGES as IMAGES
from tests.results.fabricate import NOISE as NOISE
from tests.results.fabricate import SEEDS as SEEDS
from tests.results.fabricate import history as history


def run(
    root: Path, words: str, seed: int = 0, accuracy: float = 0.9, *, hours: float | None = None, **more: Any
) -> Path:
    """One run folder under ``root``; ``hours``: of training; the rest as ``fabricate.run`` takes it.

    No shifted sets if none are given.
    """
    values = fabricate.resolved(words + " train.seen=64k" * ("train.seen=" not in words)).values
    more = {"shifted": {}, "summary": counts(values, more.get("kept") or values["scale"])} | more
    return fabricate.run(root, words, accuracy, seed=seed, hours={"train": hours or 0.01}, **more)


def runs(root, words, accuracies, noise=NOISE, seeds=SEEDS, **more):
    """A run per seed and scale: ``accuracies`` {scale: mean}; seed k has noise[k] added.

    What is callable among ``more`` is asked per seed.
    """
    for scale, accuracy in accuracies.items():
        for seed in seeds:
            own = {key: value(seed, scale) if callable(value) else value for key, value in more.items()}
            run(root, f"{words} scale={scale}", seed, accuracy + noise[seed], **own)


def counts(values, kept):
    """Unit counts, from which hours are re-priced: a guided arm guides three quarters of its images, pruning scores
    eight for one.
    """
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


def theory(root, off=0.0, se=0.003, gains=(0.02, 0.03), spread=0.005, repeats=16, loops=None, again=True):
    """A ledger of the theory under ``root``: 40 points around their limit, one of them ``off`` it (a second time too,
    if ``again``), and the loop in which adaptive is gains[0] better than frozen, and frozen gains[1] better than
    random; ``loops`` of its ``repeats`` are there."""
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
# accuracy by scale of every arm, noise, inside of dp and of omega=0, gain under shift, hours of dp over those of prune
TRUE = {
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
    """A root in which the claims are as ``facts`` (TRUE, FALSE, OPEN) say: two scales, five seeds, a UNet as the
    teacher.
    """
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
