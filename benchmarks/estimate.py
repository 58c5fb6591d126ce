"""What a run would take, from measured unit costs: for ``--dry-run``. Imports no torch."""

import csv
from pathlib import Path

COSTS = Path(__file__).parent.parent / "results" / "measured" / "speed" / "cpu.csv"
MEASURED_FOR = {"task": "digits", "teacher": "mixture", "learner": "vit-digits"}
BYTES_PER_IMAGE = 250  # measured: shards of 8x8 PNGs, parquet overhead included


def estimate(resolved):
    """Lines for people: time and disk, or why there is no estimate."""
    spec, budget = resolved.spec, resolved.budget
    asked = {key: getattr(spec, key) for key in MEASURED_FOR}
    if asked != MEASURED_FOR or not COSTS.exists():
        return [
            f"time      unknown: unit costs are measured for {' '.join(f'{k}={v}' for k, v in MEASURED_FOR.items())} only"
        ]
    with open(COSTS) as file:
        cost = {row["item"]: float(row["seconds_per_unit"]) for row in csv.DictReader(file)}
    work = forecast(resolved.strategy, budget)
    steps = spec.sampler.steps / 20 * max(1, 2 * (spec.sampler.cfg_scale != 1))
    guided = (
        cost["sample.plain"] * steps
        + cost["learner.gradient"] * work.get("gradients_per_image", 0) * spec.sampler.steps
    )
    evaluations = budget.seen // max(getattr(resolved.strategy, "interval", 0) or budget.seen // 50, 1)
    seconds = (
        work["generated"] * cost["sample.plain"] * steps
        + work["guided"] * guided
        + work["scored"] * cost["learner.forward"]
        + budget.seen * cost["learner.train"]
        + evaluations * 450 * cost["learner.forward"]
        + budget.scale * cost["store.encode"]
    )
    return [
        f"images    {work['generated'] + work['guided']:,} to generate, {work['guided']:,} of them guided; {budget.seen:,} seen in training",
        f"time      about {seconds / 60:.1f} min of one thread, and some 10 s to start (unit costs: {COSTS.name} of benchmarks.speed, measured elsewhere)",
        f"disk      about {budget.scale * BYTES_PER_IMAGE / 1e6:.1f} MB of images",
    ]


def forecast(strategy, budget):
    """{generated, guided, scored} images a strategy will make if its plateaus come; its own word where it gives one."""
    plain = {"generated": budget.scale, "guided": 0, "scored": 0}
    return plain | dict(strategy.planned_work(budget))
