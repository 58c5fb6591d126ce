"""``summary.json``: the result of a run, a function of its ledger."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from dp_common.errors import Damaged
from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED
from dp_common.persistence.records import Accuracy, Addition, Call, Record, Summary, accuracies

UNITS = (
    "network_evaluations",
    "decoder_evaluations",
    "preview_evaluations",
    "classifier_evaluations",
    "gradients",
    "network_gradients",
    "not_moved",
    "monitor_evaluations",
)
Z_95 = 1.959963984540054  # standard normal quantile at 0.975; scipy.stats takes a second to be imported
OF_ALL_TASKS = ("test", "monitor", "population")  # sets that are not shifted ones
AGAIN = "delete it, and the run's command makes it again"
OVERHEAD = ("startup", "evaluate", "write", "idle")  # phases that are in no price: all attempts together


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of the run in a folder if it is finished, else {}.

    Raises:
        Damaged: The file is there and is no summary; it can be made again from the ledger.
    """
    path = Path(folder) / "summary.json"
    if not path.exists():
        return {}
    try:
        summary = json.loads(path.read_bytes())
    except ValueError as error:
        raise Damaged(f"{path}: not JSON ({error}); {AGAIN}") from error
    if not isinstance(summary, dict) or "state" not in summary:
        raise Damaged(f"{path}: not the summary of a run; {AGAIN}")
    return summary if summary["state"] == "done" else {}


def require_sound(folder: Path, summary: Mapping[str, Any]) -> None:
    """Refuse a summary that has no ledger, or whose accuracies are not those that its ledger says, line by line under
    checksums: it was edited, or is another run's.

    Args:
        folder: the run's.
        summary: of a run that is done.

    Raises:
        Damaged: saying which.
    """
    tested = ledger.last(folder, "evaluate")
    if tested is None and not ledger.lines(folder):
        raise Damaged(f"{folder / ledger.NAME}: is missing or empty, though summary.json says that the run is done")
    said = results_of(accuracies(tested)) if tested else {}
    for name, value in said.items():
        if name in summary and summary[name] != value:
            shown = f"{name}={summary[name]}, the ledger {value}"
            raise Damaged(f"{Path(folder) / 'summary.json'}: says {shown}; {AGAIN}")


def wilson(hits: int, n: int) -> list[float]:
    """95 % Wilson interval of a proportion: [low, high]."""
    share, whole = hits / n, 2 * (n + Z_95**2)
    centre = (2 * n * share + Z_95**2) / whole
    half = Z_95 / whole * math.sqrt(4 * n * share * (1 - share) + Z_95**2)
    return [0.0 if hits == 0 else centre - half, 1.0 if hits == n else centre + half]


def accuracy_of(flags: np.ndarray) -> Accuracy:
    """Accuracy and its interval, of flags [n] bool: was each image classified right?"""
    return {"accuracy": float(flags.mean()), "n": len(flags), "interval": wilson(int(flags.sum()), len(flags))}


def results_of(final: Mapping[str, Accuracy]) -> dict[str, Any]:
    """What a summary says of the last look at each set. ``final``: {set: accuracy on it}."""
    return {
        "accuracy": final["test"]["accuracy"],
        "accuracy_interval": final["test"]["interval"],
        "monitor_accuracy": final["monitor"]["accuracy"],
        "shifted": {name: value["accuracy"] for name, value in final.items() if name not in OF_ALL_TASKS},
        "population": final["population"]["accuracy"] if "population" in final else None,
        "population_images": final["population"]["n"] if "population" in final else 0,
    }


def hours(records: Sequence[Record]) -> tuple[dict[str, float], float, dict[str, int]]:
    """What a run has cost.

    Returns:
        (device hours by phase, of surviving work for the phases that are priced, of everything for the others, and
        ``total``, the sum of the priced ones; device hours spent in priced phases by all attempts, lost work included
        and images from the pool left out; units of surviving work).
    """
    kept, counts = ledger.totals([r for r in ledger.surviving(records) if r["kind"] in ledger.WORK])
    spent, _ = ledger.totals(records)
    by_phase = {phase: kept.get(phase, 0) / 3600 for phase in PRICED}
    by_phase |= {phase: spent.get(phase, 0) / 3600 for phase in OVERHEAD}
    by_phase["total"] = sum(kept.get(phase, 0) for phase in PRICED) / 3600
    attempts = {r["attempt"]: r for r in records if r["kind"] == "open"}
    opened = [attempts[number] for number in sorted(attempts)]
    lost = sum(later["lost"] * died["devices"] for died, later in zip(opened, opened[1:]))
    pooled = ledger.seconds_beside(records, "pooled")
    return by_phase, (sum(spent.get(phase, 0) - pooled.get(phase, 0) for phase in PRICED) + lost) / 3600, counts


def probe_hours(records: Iterable[Record]) -> float:
    """Device hours that ``probe`` cost, in every attempt; a part of no price."""
    return sum(ledger.totals([r for r in records if r["kind"] in ledger.PROBES])[0].values()) / 3600


def summarise(records: Sequence[Record], resolved: Any, extra: dict[str, Any]) -> Summary:
    """The summary of a finished run.

    Args:
        records: its ledger's.
        resolved: the run (config.resolve.Resolved).
        extra: what only the attempt that finished it knows: ``store_digest``.
    """
    spec, opened = resolved.spec, [r for r in records if r["kind"] == "open"]
    alive = ledger.surviving(records)
    calls = [r for r in alive if r["kind"] == "call"]
    state = calls[-1]["state"]
    final = accuracies([r for r in alive if r["kind"] == "evaluate"][-1])
    gpu_hours, spent, counts = hours(records)
    devices = sorted({r["device"] for r in opened})
    summary: dict[str, Any] = {
        "run_id": resolved.run_id,
        "state": "done",
        "strategy": spec.strategy,
        "task": spec.task,
        "teacher": spec.teacher,
        "learner": spec.learner,
        "scale": spec.scale,
        "scale_reached": state["size"] >= spec.scale,
        "seed": spec.seed,
        **results_of(final),
        "images_generated": state["generated"],
        "images_kept": state["size"],
        "images_seen": state["seen_total"],
        "iterations": state["iterations"],
        "rounds": max(0, state["rounds"] - 1),
        **{unit: counts.get(unit, 0) for unit in UNITS},
        "device": devices[0] if len(devices) == 1 else "mixed",
        "devices": opened[-1]["devices"],
        "threads": spec.threads,
        "gpu_hours": gpu_hours if len(devices) == 1 else gpu_hours | {"total": None},
        "gpu_hours_spent": spent,
        "additions": additions(calls),
        "monitor": spec.data.monitor,
        "information_class": f"I{state.get('information', 0)}",
        "real_images_consulted": state.get("consulted", 0),
        "attempts": len(opened),
        "probe_hours": probe_hours(records),
        **extra,
        "values": resolved.values,
        "chosen": resolved.chosen,
        "fingerprints": resolved.fingerprints,
        "versions": opened[-1]["versions"],
        "git": opened[-1]["git"],
    }
    return cast(Summary, summary)  # units and ``extra`` are spread in: its keys are held to the type by a test


def additions(calls: Iterable[Call]) -> list[Addition]:
    """One entry for each call that added images, in order."""
    made: list[dict[str, Any]] = [
        {
            "call": call["name"],
            "images": call["answer"],
            "size": call["state"]["size"],
            "seen": call["state"]["seen"],
            "omega": ledger.steering(call).get("omega", 0.0),
            **call["measured"],
        }
        for call in calls
        if call["name"] in ("generate", "select", "real")
    ]
    return cast(list[Addition], made)
