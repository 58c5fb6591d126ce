"""``summary.json``: the result of a run, a function of its ledger."""

from dp_common.persistence import ledger
from dp_common.persistence.meter import PRICED


def wilson(hits, n):
    """95 % Wilson interval of a proportion, as a list."""
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return [float(interval.low), float(interval.high)]


def accuracy_of(flags):
    """[n] bool -> {"accuracy", "n", "interval"}."""
    return {"accuracy": float(flags.mean()), "n": len(flags), "interval": wilson(int(flags.sum()), len(flags))}


def hours(records):
    """(gpu_hours, gpu_hours_spent, units): device hours by phase and their ``total``, of surviving work; all hours spent."""
    attempts = {r["attempt"]: r for r in records if r["kind"] == "open"}
    kept, counts = ledger.totals([r for r in ledger.surviving(records) if r["kind"] in ledger.WORK])
    spent, _ = ledger.totals(records)
    everywhere = {phase: spent.get(phase, 0) for phase in ("startup", "evaluate", "write", "idle")}
    by_phase = {phase: kept.get(phase, 0) / 3600 for phase in PRICED} | {
        phase: s / 3600 for phase, s in everywhere.items()
    }
    by_phase["total"] = sum(kept.get(phase, 0) for phase in PRICED) / 3600
    opened = [attempts[number] for number in sorted(attempts)]
    lost = sum(later["lost"] * died["devices"] for died, later in zip(opened, opened[1:]))
    return by_phase, (sum(spent.get(phase, 0) for phase in PRICED) + lost) / 3600, counts


def probe_hours(records):
    """Device hours that ``probe`` cost, in every attempt; a part of no price."""
    return sum(ledger.totals([r for r in records if r["kind"] in ledger.PROBES])[0].values()) / 3600


def summarise(records, resolved, extra):
    """The summary of a finished run."""
    spec, opened = resolved.spec, [r for r in records if r["kind"] == "open"]
    alive = ledger.surviving(records)
    calls = [r for r in alive if r["kind"] == "call"]
    state, final = calls[-1]["state"], [r for r in alive if r["kind"] == "evaluate"][-1]
    gpu_hours, spent, counts = hours(records)
    devices = sorted({r["device"] for r in opened})
    return {
        "run_id": resolved.run_id,
        "state": "done",
        "strategy": spec.strategy,
        "task": spec.task,
        "teacher": spec.teacher,
        "learner": spec.learner,
        "scale": spec.scale,
        "scale_reached": state["size"] >= spec.scale,
        "seed": spec.seed,
        "accuracy": final["test"]["accuracy"],
        "accuracy_interval": final["test"]["interval"],
        "monitor_accuracy": final["monitor"]["accuracy"],
        "shifted": {
            name: value["accuracy"]
            for name, value in final.items()
            if isinstance(value, dict) and name not in ("test", "monitor", "spent")
        },
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
        "attempts": len(opened),
        "probe_hours": probe_hours(records),
        **extra,
        "values": resolved.values,
        "fingerprints": resolved.fingerprints,
        "versions": opened[-1]["versions"],
        "git": opened[-1]["git"],
    }


def additions(calls):
    """One dict per addition of images: after how many images seen, how many, and what was measured of them when they were new
    (``score_at_birth``; where the teacher's density is known ``true_label``, the rate at which the label is the most probable
    class, and ``log_density`` in nats given the label, both before clamping and encoding).
    """
    found = []
    for call in calls:
        if call["name"] in ("generate", "select", "real"):
            images = call["answer"]
            found.append(
                {
                    "call": call["name"],
                    "images": images,
                    "size": call["state"]["size"],
                    "seen": call["state"]["seen"],
                    "omega": ledger.steering(call).get("omega", 0.0),
                    **call["measured"],
                }
            )
    return found


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
