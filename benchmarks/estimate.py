"""What a run would take, from measured unit costs: for ``--dry-run``. Imports no torch."""

import csv
from typing import TYPE_CHECKING

from benchmarks import unit_costs

if TYPE_CHECKING:
    from dp_common.config.resolve import Resolved
    from dp_common.config.specification import Budget
    from dp_common.contracts import Strategy

COSTS = unit_costs.FOLDER / "cpu.csv"
MEASURED_FOR = {"task": "digits", "teacher": "mixture", "learner": "vit-digits"}
MONITOR = 450  # images of the monitor set
STEPS = 20  # of the sampler, with which unit costs were measured
BYTES_PER_IMAGE = 250  # measured: shards of 8x8 PNGs, Parquet's overhead included


def estimate(resolved: "Resolved") -> list[str]:
    """Lines for people: images, time and disk, or why there is no estimate."""
    spec, budget = resolved.spec, resolved.budget
    if {key: getattr(spec, key) for key in MEASURED_FOR} != MEASURED_FOR:
        measured = " ".join(f"{key}={value}" for key, value in MEASURED_FOR.items())
        return [f"time      unknown: unit costs are measured for {measured} only"]
    work = forecast(resolved.strategy, budget)
    made = f"{work['generated'] + work['guided']:,} to generate, {work['guided']:,} of them guided"
    minutes = seconds_of(resolved, work) / 60
    return [
        f"images    {made}; {budget.seen:,} seen in training",
        f"time      about {minutes:.1f} min of one thread, and some 10 s to start ({COSTS.name}, measured elsewhere)",
        f"disk      about {budget.scale * BYTES_PER_IMAGE / 1e6:.1f} MB of images",
    ]


def seconds_of(resolved: "Resolved", work: dict[str, float]) -> float:
    """Seconds of one thread: counts of work times unit costs."""
    with open(COSTS) as file:
        cost = {row["item"]: float(row["seconds_per_unit"]) for row in csv.DictReader(file)}
    spec, budget = resolved.spec, resolved.budget
    steps = spec.sampler.steps / STEPS * (2 if spec.sampler.cfg_scale != 1 else 1)
    plain = cost["sample.plain"] * steps
    guided = plain + cost["learner.gradient"] * work.get("gradients_per_image", 0) * spec.sampler.steps
    return (
        work["generated"] * plain
        + work["guided"] * guided
        + work["scored"] * cost["learner.forward"]
        + budget.seen * cost["learner.train"]
        + work["evaluations"] * MONITOR * cost["learner.forward"]
        + budget.scale * cost["store.encode"]
    )


def forecast(strategy: "Strategy", budget: "Budget") -> dict[str, float]:
    """What a strategy will do if its plateaus come; of what it does not say, what a plain one does."""
    plain = {"generated": budget.scale, "guided": 0, "scored": 0, "evaluations": 50}
    return plain | dict(strategy.planned_work(budget))
