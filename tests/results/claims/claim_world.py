"""Worlds in which the claims are true, false or null: folders of fabricated runs with the errors, histories and costs
one wants.

An arm's errors are those of ``static`` times e^−gain, in the teacher's world and on test; so a gain is what the claims
measure. Arms whose plugins are not in the package are made of one that is, renamed.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dp_common.persistence import ledger
from results.reading import cross_probe
from tests.results import fabricate
from tests.results.fabricate import IMAGES as IMAGES
from tests.results.fabricate import history as history

SEEDS = range(6)
SCALES = (500, 1000, 4000)
WRONG = {250: 0.4, 500: 0.3, 1000: 0.24, 2000: 0.2, 4000: 0.15}  # errors of static, on test
DRAWN = 20_000  # images of the teacher's world
EXACT = 0.1  # errors there, over those on test


def run(
    root: Path,
    words: str,
    seed: int = 0,
    gain: float = 0.0,
    *,
    test: float | None = None,
    hours: float | None = None,
    pretend: Mapping[str, Any] | None = None,
    **more: Any,
) -> Path:
    """One run folder under ``root``.

    Args:
        root: of the runs.
        words: overrides, with a scale.
        seed: of the run.
        gain: in the teacher's world, and on test unless ``test`` says otherwise.
        test: the gain there.
        hours: of training.
        pretend: changes of what was resolved and chosen, for what no plugin here knows; ``strategy`` renames the
            section too.
        more: as ``fabricate.run`` takes it; no shifted sets if none are given.
    """
    plan = fabricate.resolved(words + " train.seen=64k" * ("train.seen=" not in words))
    values, chosen = pretended(plan.values, plan.chosen, pretend or {})
    scale = values["scale"]
    wrong = EXACT * WRONG[scale] * np.exp(-gain)
    population = {"population": round((1 - wrong) * DRAWN) / DRAWN, "population_images": DRAWN}
    summary = counts(values, more.get("kept") or scale) | population | more.pop("summary", {})
    more = {"shifted": {}, "summary": summary} | more
    if pretend:
        name = f"{values['task']}-{values['strategy']}-{scale}-s{seed}-{abs(hash(json.dumps(pretend))) % 10**10:010}"
        said = {"chosen": chosen | {"seed": {"value": seed, "source": "command line"}}}
        more |= {"values": values | {"seed": seed}, "name": name, "opened": said}
        more["without"] = [key for key in plan.values if key not in values]
        more["summary"] = more["summary"] | said | {"strategy": values["strategy"]}
    accuracy = 1 - WRONG[scale] * np.exp(-(gain if test is None else test))
    return fabricate.run(root, words, accuracy, seed=seed, hours={"train": hours or 0.01}, **more)


def pretended(values: dict[str, Any], chosen: dict[str, Any], changes: Mapping[str, Any]) -> tuple[dict, dict]:
    """(values, chosen) with changes; of a renamed strategy its section is renamed in both."""
    old, new = values["strategy"], changes.get("strategy", values["strategy"])
    rename = lambda key: f"{new}.{key.removeprefix(old + '.')}" if key.startswith(f"{old}.") else key
    values = {rename(key): value for key, value in values.items()} | dict(changes)
    said = {rename(key): value for key, value in chosen.items()}
    return values, said | {key: {"value": value, "source": "command line"} for key, value in changes.items()}


def runs(root, words, gain=0.0, noise=0.02, scales=SCALES, seeds=SEEDS, **more):
    """A run per seed and scale. ``gain``: a number, or a function of the scale; ``noise``: the standard deviation of
    the gains of a scale, whose mean is ``gain`` exactly. What is callable among ``more`` is asked per seed and scale.
    """
    for scale in scales:
        spread = np.random.default_rng([len(words), sum(map(ord, words)), scale]).standard_normal(len(seeds))
        spread = (spread - spread.mean()) / spread.std(ddof=1) if len(seeds) > 1 else np.zeros(1)
        for seed, deviation in zip(seeds, spread):
            own = {key: value(seed, scale) if callable(value) else value for key, value in more.items()}
            of_scale = gain(scale) if callable(gain) else gain
            run(root, f"{words} scale={scale}", seed, of_scale + noise * deviation, **own)


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


def crossed(root, own, others, closing, noise=0.0):
    """The cross probe of all runs of dp under a root: error on an addition by the guiding learner and by another's,
    and how much of the gap is gone at the next addition; ``noise`` by seed.
    """
    lines = []
    for folder in sorted(root.glob("digits-dp-*")):
        seed = int(folder.name.split("-s")[-1].split("-")[0])
        gap = own - others + noise * (seed % 4 - 1.5)
        rows = [(k, k, 100, others + gap, others) for k in range(3)]
        rows += [
            (k, k + 1, 100, others + gap - closing * (1 + 0.1 * (seed % 3)) + noise * (seed % 3 - 1), others)
            for k in range(2)
        ]
        columns = dict(zip(cross_probe.COLUMNS[2:], map(list, zip(*rows))))
        lines.append(json.dumps({"run_id": folder.name, "other": "x", **columns}))
    (root / cross_probe.NAME).write_text("".join(f"{line}\n" for line in lines))


def theory(root, off=0.0, se=0.001, gains=(0.02, 0.03), spread=0.005, repeats=16, loops=None, again=True):
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


ONE = (1000,)  # the scale of ablations
ARMS = {  # {what a world says of it: (words, pretended)}, in the order of the files
    "grown": ("strategy=dp dp.omega=0", {}),
    "omega low": ("strategy=dp dp.omega=0.02", {}),
    "omega high": ("strategy=dp dp.omega=0.4", {}),
    "prune low": ("strategy=prune prune.oversample=1", {}),
    "prune high": ("strategy=prune prune.oversample=40", {}),
    "patience": ("strategy=dp dp.patience_growth={}", {}),
    "weight": ("strategy=dp dp.new_weight=2", {}),
    "first": ("strategy=dp dp.feedback=first", {}),
    "sir": ("strategy=prune prune.rule=sir", {}),
    "ccs": ("strategy=prune prune.rule=ccs", {}),
    "warm": ("strategy=static", {"sampler.temperature": 1.2}),
    "long": ("strategy=static sampler.steps=200", {}),
    "fresh": ("strategy=dp", {"strategy": "fresh"}),
    "refresh": ("strategy=dp", {"strategy": "refresh"}),
    "learnability": ("strategy=dp", {"dp.score": "learnability"}),
    "actgen": ("strategy=dp", {"strategy": "actgen"}),
    "decoder": ("strategy=dp dp.through=decoder", {}),
    "decoder, every 2nd": ("strategy=dp dp.through=decoder dp.every=2", {}),
    "decoder, every": ("strategy=dp dp.through=decoder dp.every=1", {}),
    "every 2nd": ("strategy=dp dp.every=2", {}),
    "every": ("strategy=dp dp.every=1", {}),
}
CHEAP, OFTEN = ("decoder", "decoder, every 2nd", "decoder, every"), ("every 2nd", "every")
OTHER_SCALES = {"grown": SCALES}  # of those that are no ablations
TRUE = {
    "dp": lambda scale: 0.4 + 0.1 * np.log2(scale / 500),
    "prune": 0.2,
    **dict.fromkeys(("grown", "omega low", "omega high", "sir", "ccs", "warm", "long", "fresh", "refresh"), 0.0),
    **dict.fromkeys(("prune low", "prune high"), -0.2),
    **dict.fromkeys(("patience", "weight", *CHEAP, *OFTEN), 0.5),
    "first": 0.3,
    "learnability": 0.8,
    "actgen": 0.9,
    "noise": 0.02,
    "inside": ((0.4, 0.03), (0.1, 0.01)),  # jump of the loss and rise of monitor, of dp and of omega=0
    "redundant": {"dp": 0.2, "grown": 0.6, "omega low": 0.62, "omega high": 0.58},
    "crossed": (0.5, 0.3, 0.1),
    "shift": 1.2,
    "cost": 0.5,
    "plane": (0.0, 0.4),
}
FALSE = {
    "dp": lambda scale: -0.3 - 0.1 * np.log2(scale / 500),
    "prune": -0.2,
    "grown": 0.3,
    **dict.fromkeys(("omega low", "omega high", "prune low", "prune high"), 0.2),
    **dict.fromkeys(("patience", "weight", *CHEAP), 0.2),
    **dict.fromkeys(OFTEN, -0.4),
    **dict.fromkeys(("sir", "ccs", "warm", "long", "fresh", "refresh"), 0.2),
    "first": -0.1,
    "learnability": -0.8,
    "actgen": -0.9,
    "noise": 0.02,
    "inside": ((0.1, 0.01), (0.4, 0.03)),
    "redundant": {"dp": 0.2, "grown": 0.6, "omega low": 0.62, "omega high": 0.58},
    "crossed": (0.3, 0.5, -0.1),
    "shift": -0.5,
    "cost": 2,
    "plane": (0.4, 0.0),
}
NULL = {
    **dict.fromkeys(ARMS, 0.0),
    "dp": 0.0,
    "prune": 0.0,
    "noise": 0.4,
    "inside": ((0.1, 0.02), (0.1, 0.02)),
    "redundant": {"dp": 0.5, "grown": 0.6, "omega low": 0.4, "omega high": 0.5},
    "crossed": (0.4, 0.4, 0.0),
    "shift": 0.0,
    "cost": 1,
    "plane": (0.0, 0.0),
}


def build(root, facts, seeds=SEEDS):
    """A root in which the claims are as ``facts`` (TRUE, FALSE, NULL) say, with a UNet as the teacher."""
    null, noise = facts is NULL, facts["noise"]
    either = lambda seed: (-1) ** seed * (1 + 0.1 * seed)  # of neither sign

    def inside(words):
        jump, rise = facts["inside"][words != "dp"]
        return lambda seed, scale: history(
            jump + null * (words == "dp") * 0.2 * either(seed) + 0.001 * seed,
            rise + null * (words == "dp") * 0.02 * either(seed) + 0.0001 * seed,
            error=1 - facts["redundant"].get(words, 0.5) + null * 0.1 * either(seed * len(words)),
        )

    def of(words, **more):
        more |= {"noise": noise, "seeds": seeds, "hours": lambda seed, scale: 1e-5 * scale}
        runs(root, f"{words} teacher=unet", **more)

    def shifted(gain):
        return lambda seed, scale: {
            name: 1 - 0.5 * np.exp(-gain * more - null * 0.3 * either(seed))
            for name, more in (("blur", 1), ("pen", 1.1))
        }

    of("strategy=static", gain=0.0, shifted={"blur": 0.5, "pen": 0.5})
    cost = facts["cost"]
    dp = {"gain": facts["dp"], "shifted": shifted(facts["shift"]), "hours": lambda seed, scale: cost * 1e-5 * scale}
    runs(root, "strategy=dp teacher=unet probe=hardness", noise=noise, seeds=seeds, inside=inside("dp"), **dp)
    of("strategy=prune", gain=facts["prune"])
    for name, (words, pretend) in ARMS.items():
        probed = name in facts["redundant"]
        more = {"inside": inside(name)} if probed else {}
        words = words.format(other_growth()) + " probe=hardness" * probed
        of(words, gain=facts[name], scales=OTHER_SCALES.get(name, ONE), pretend=pretend, **more)
    for (score, gain), pretend in zip(
        (("entropy", facts["plane"][0]), ("learnability", facts["plane"][1]), ("bald", facts["plane"][1])),
        ({}, {"dp.score": "learnability"}, {"dp.score": "bald"}),
    ):
        words = "strategy=dp task=plane teacher=mixture"
        runs(root, words, gain=gain, noise=noise * (1 + 0.1 * len(score)), scales=ONE, seeds=seeds, pretend=pretend)
    own, others, closing = facts["crossed"]
    crossed(root, own, others, closing, noise=0.05 if null else 0.005)


def other_growth():
    """The exponent of patience that dp does not have by default."""
    return 0 if fabricate.resolved("strategy=dp scale=1k train.seen=64k").values["dp.patience_growth"] else 1
